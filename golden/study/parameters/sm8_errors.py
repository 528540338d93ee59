"""What SM8 costs a tensor, and the fraction bits that cost it least."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import check_finite
from golden.arithmetic.sm8 import FRACTIONS, LARGEST, Best, Sm8Mode, decode, encode, magnitudes


@dataclass(frozen=True, slots=True)
class Sm8Errors:
    """Errors of a tensor's codes: value of the code less the number."""

    count: int
    """Numbers."""
    max_error: float
    """The largest magnitude of an error."""
    rms_error: float
    """Root of the mean squared error."""
    clamped_high: int
    """Numbers whose magnitude was above the largest, and was clamped to it."""
    clamped_low: int
    """``reference``: numbers, zeros among them, whose magnitude was below the smallest, and was
    raised to it. ``round_to_nearest``: numbers other than zero that became zero."""

    @property
    def high_share(self) -> float:
        """Of all numbers."""
        return self.clamped_high / max(self.count, 1)

    @property
    def low_share(self) -> float:
        """Of all numbers."""
        return self.clamped_low / max(self.count, 1)

    def to_dict(self) -> dict[str, Any]:
        """What JSON says."""
        return {**asdict(self), "high_share": self.high_share, "low_share": self.low_share}


def errors_of(
    x: npt.ArrayLike, n: int, mode: Sm8Mode = Sm8Mode.REFERENCE, name: str = "tensor"
) -> Sm8Errors:
    """Measure a tensor against its codes.

    Raises
    ------
    InputError
        If a value is NaN or infinite.
    ConfigError
        If `n` is out of range.

    >>> found = errors_of([0.0, 0.5, 100.0, -0.25], 3)
    >>> found.max_error, found.clamped_high, found.clamped_low
    (84.125, 1, 1)
    """
    values = np.asarray(x, dtype=np.float64)
    whole = magnitudes(values, n, mode, name)
    errors = decode(encode(values, n, mode, name), n) - values
    low = whole < 1
    if mode is Sm8Mode.ROUND_TO_NEAREST:
        low &= values != 0
    return Sm8Errors(
        count=values.size,
        max_error=float(np.abs(errors).max(initial=0.0)),
        rms_error=root_mean_square(errors),
        clamped_high=int(np.count_nonzero(whole > LARGEST)),
        clamped_low=int(np.count_nonzero(low)),
    )


def root_mean_square(errors: npt.NDArray[np.float64]) -> float:
    """Return the root of the mean square, of numbers however large; 0 of none.

    >>> root_mean_square(np.array([2e200, -2e200])), root_mean_square(np.array([]))
    (2e+200, 0.0)
    """
    most = float(np.abs(errors).max(initial=0.0))
    if most == 0:
        return 0.0
    return most * float(np.sqrt(np.mean(np.square(errors / most))))


def together(several: list[Sm8Errors]) -> Sm8Errors:
    """Join the errors of several tensors."""
    count = sum(each.count for each in several)
    most = max((each.rms_error for each in several), default=0.0)
    squares = sum(each.count * (each.rms_error / most) ** 2 for each in several) if most else 0.0
    return Sm8Errors(
        count=count,
        max_error=max((each.max_error for each in several), default=0.0),
        rms_error=most * (squares / max(count, 1)) ** 0.5,
        clamped_high=sum(each.clamped_high for each in several),
        clamped_low=sum(each.clamped_low for each in several),
    )


def best_fraction(
    x: npt.ArrayLike, best: Best, mode: Sm8Mode = Sm8Mode.REFERENCE, name: str = "tensor"
) -> int:
    """Choose a tensor's fraction bits.

    Parameters
    ----------
    best : Best
        ``mse``: the least mean squared error. ``max``: the most bits with which the largest
        magnitude is not clamped; 0 where every choice clamps it. Of equals the most.

    Raises
    ------
    InputError
        If a value is NaN or infinite.

    >>> x = [0.01, 0.02, -0.03, 1.2]
    >>> best_fraction(x, Best.MAX), best_fraction(x, Best.MSE), best_fraction([300.0], Best.MAX)
    (6, 6, 0)
    """
    values = np.asarray(x, dtype=np.float64)
    check_finite(values, name)
    backwards = list(reversed(FRACTIONS))
    if best is Best.MSE:
        return min(backwards, key=lambda n: errors_of(values, n, mode, name).rms_error)
    most = np.abs(values).max(initial=0.0)
    fitting = (n for n in backwards if magnitudes(most, n, mode, name) <= LARGEST)
    return next(fitting, 0)
