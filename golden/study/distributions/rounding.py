"""What rounding to integers costs a tensor, and the fraction bits that cost least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatRounding, dequantize, quantize
from golden.quantization.fraction_bits import frac_bits

ROUNDINGS: Final[tuple[FloatRounding, ...]] = ("round_half_to_even", "floor", "toward_zero")
_MOST_SATURATING: Final = 6
"""The mean squared error is tried with up to so many bits more than the largest value allows."""

Real = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class RoundingError:
    """What one rounding costs a tensor: largest and mean absolute difference."""

    largest: float
    mean: float


@dataclass(frozen=True, slots=True)
class TensorErrors:
    """What quantising costs a tensor."""

    name: str
    frac: int
    width: int
    """Fraction bits, and bits altogether."""
    count: int
    """Numbers in it."""
    magnitude: float
    """Of the largest."""
    saturated: int
    zeroed: int
    """How many left the range, and how many that are not 0 became 0, as rounded."""
    errors: dict[str, RoundingError]
    """By rounding."""


def mse_frac(x: Real, width: int, rounding: FloatRounding = "round_half_to_even") -> int:
    """Find the fraction bits with the least mean squared error; the fewest of equals.

    One value may saturate where many smaller ones gain by it:

    >>> x = np.append(np.linspace(-0.9, 0.9, 1000), 1.05)
    >>> frac_bits(1.05, 8), mse_frac(x, 8)
    (6, 7)
    """
    fewest = frac_bits(float(np.abs(x).max()), width)

    def error(frac: int) -> float:
        back = dequantize(quantize(x, frac, width, rounding)[0], frac)
        return float(np.mean((back - x) ** 2))

    return min(range(fewest, fewest + _MOST_SATURATING + 1), key=error)


def tensor_errors(
    name: str, x: Real, frac: int, width: int, rounding: FloatRounding = "round_half_to_even"
) -> TensorErrors:
    """Measure what quantising a tensor costs, in each rounding.

    >>> found = tensor_errors("t", np.array([0.375, -0.125, 300.0]), 1, 8)
    >>> {rounding: error.largest for rounding, error in found.errors.items()}
    {'round_half_to_even': 236.5, 'floor': 236.5, 'toward_zero': 236.5}
    >>> found.saturated, found.zeroed
    (1, 1)
    """
    errors: dict[str, RoundingError] = {}
    for each in ROUNDINGS:
        difference = np.abs(dequantize(quantize(x, frac, width, each, name)[0], frac) - x)
        errors[each] = RoundingError(float(difference.max()), float(difference.mean()))
    ints, saturated = quantize(x, frac, width, rounding, name)
    zeroed = int(np.count_nonzero((ints == 0) & (x != 0)))
    magnitude = float(np.abs(x).max())
    return TensorErrors(name, frac, width, x.size, magnitude, saturated, zeroed, errors)
