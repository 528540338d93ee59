"""Streaming statistics of numbers: nothing of what went in is kept, however much it was.

Every number falls into one of 65,536 bins, which its own float32 bits name: sign,
exponent and the seven highest bits of the fraction. A bin holds the magnitudes above
its lower edge, up to and including its upper; their ratio is at most 1 + 1/128. So a
percentile is known within 1/256 of itself, wherever the numbers lie, and powers of two
are edges: how many numbers a format rounds to zero is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatArray, Int64Array, check_finite

PERCENTILES: Final = (0.01, 0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99)
PERCENTILE_ERROR: Final = 2.0**-8
"""A percentile is off by at most this part of itself."""
_HALF: Final = 1 << 15
"""Bins of one sign."""


def _upper_edges() -> FloatArray:
    """Upper edge of every magnitude's bin; the first holds zero alone."""
    finite = np.arange(0x7F80, dtype=np.uint32) << np.uint32(16)
    edges = np.full(_HALF, np.finfo(np.float32).max, np.float64)
    edges[: len(finite)] = finite.view(np.float32)
    return edges


UPPER: Final = _upper_edges()


@dataclass(frozen=True, slots=True)
class Limits:
    """A range: a number is beyond it where ``x < low`` or ``x >= high``."""

    low: float
    high: float


@dataclass(slots=True, eq=False)
class Statistics:
    """Counts, moments and a histogram of all numbers added so far."""

    name: str
    """For errors."""
    limits: Mapping[str, Limits] = field(default_factory=dict)
    """Ranges, by name, that numbers are held against."""
    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    """Sum of the squared distances from the mean."""
    low_at: str = ""
    high_at: str = ""
    """What the smallest and the largest number came from."""
    beyond: dict[str, int] = field(init=False)
    positive: Int64Array = field(init=False)
    """By bin; zero is in the first."""
    negative: Int64Array = field(init=False)

    def __post_init__(self) -> None:
        self.beyond = dict.fromkeys(self.limits, 0)
        self.positive = np.zeros(_HALF, np.int64)
        self.negative = np.zeros(_HALF, np.int64)

    def add(self, x: npt.NDArray[np.floating], source: str = "") -> None:
        """Take in the numbers of an array, as float32.

        Parameters
        ----------
        x : ndarray of float
            Any shape.
        source : str
            What they come from, such as a picture's name.

        Raises
        ------
        InputError
            If one is NaN or infinite; the text names the statistics and the index.
        """
        if not x.size:
            return
        values = np.ascontiguousarray(x, dtype=np.float32)
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            check_finite(values, self.name)
        if low < self.low:
            self.low, self.low_at = low, source
        if high > self.high:
            self.high, self.high_at = high, source
        flat = values.ravel()
        for name, limits in self.limits.items():
            if low < limits.low or high >= limits.high:
                self.beyond[name] += int(
                    np.count_nonzero(flat < limits.low) + np.count_nonzero(flat >= limits.high)
                )
        self._merge(flat, float(flat.mean()))

    def _merge(self, flat: npt.NDArray[np.float32], pivot: float) -> None:
        """Count numbers into their bins, and merge their moments (Chan, Golub, LeVeque 1979).

        `pivot` is near their mean, so that the sums about it lose no digits.
        """
        distance, squares = _fill(flat, flat.view(np.uint32), pivot, self.positive, self.negative)
        mean = pivot + distance / flat.size
        total = self.count + flat.size
        shift = mean - self.mean
        self.squares += squares - distance**2 / flat.size
        self.squares += shift**2 * self.count * flat.size / total
        self.mean += shift * flat.size / total
        self.count = total

    @property
    def std(self) -> float:
        """Standard deviation of the numbers, divided by their count."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    @property
    def zeros(self) -> int:
        """How many numbers are zero."""
        return int(self.positive[0] + self.negative[0])

    def rounds_to_zero(self, frac: int) -> int:
        """Count the numbers that `frac` fraction bits round to zero and that are not zero.

        >>> stats = Statistics("x")
        >>> stats.add(np.array([0.0, 2**-9, -(2**-9), 0.002, 1.0]))
        >>> stats.rounds_to_zero(8), stats.rounds_to_zero(9)
        (2, 0)
        """
        small = np.less_equal(UPPER, math.ldexp(1.0, -frac - 1))
        return int(self.positive[small].sum() + self.negative[small].sum()) - self.zeros

    def percentiles(self, wanted: Sequence[float] = PERCENTILES) -> FloatArray:
        """Find the least number that has the wanted percentage at or below it.

        Each is off by at most `PERCENTILE_ERROR` of itself; NaN where nothing was added.

        Parameters
        ----------
        wanted : sequence of float
            Percentages, 0 to 100.

        >>> stats = Statistics("x")
        >>> stats.add(np.arange(1.0, 1001.0))
        >>> stats.percentiles([0, 50, 100]).tolist()
        [1.0, 499.0, 998.0]
        """
        if not self.count:
            return np.full(len(wanted), np.nan)
        lower, upper, counts = self.bins()
        ranks = np.clip(np.ceil(np.array(wanted) / 100 * self.count), 1, self.count)
        bins = np.searchsorted(np.cumsum(counts), ranks)
        return np.clip((lower[bins] + upper[bins]) / 2, self.low, self.high)

    def bins(self) -> tuple[FloatArray, FloatArray, Int64Array]:
        """List the bins that hold something, from the lowest number to the highest.

        Returns
        -------
        lower, upper : ndarray of float64
        counts : ndarray of int64
        """
        below = np.concatenate(([0.0], UPPER[:-1]))
        lower = np.concatenate((-UPPER[:0:-1], below))
        upper = np.concatenate((-below[:0:-1], UPPER))
        counts = np.concatenate((self.negative[:0:-1], self.positive))
        counts[_HALF - 1] += self.negative[0]
        held = counts > 0
        return lower[held], upper[held], counts[held]

    def shares(self, edges: FloatArray) -> FloatArray:
        """Return the share of all numbers between neighbouring edges, for a plot.

        A bin that an edge cuts is taken as evenly filled.
        """
        lower, upper, counts = self.bins()
        lower = np.where(lower == upper, np.nextafter(lower, -np.inf), lower)
        sums = np.concatenate(([0], np.cumsum(counts)))
        # Between two bins that hold something the sum is level.
        places = np.stack((lower, upper), axis=1).ravel()
        levels = np.stack((sums[:-1], sums[1:]), axis=1).ravel()
        sums_at_edges: FloatArray = np.interp(edges, places, levels)
        return np.diff(sums_at_edges) / max(self.count, 1)

    def octaves(self) -> tuple[dict[int, int], dict[int, int]]:
        """Count negative and positive numbers by exponent e: ``2**(e-1) < |x| <= 2**e``.

        >>> stats = Statistics("x")
        >>> stats.add(np.array([0.0, 1.0, 1.5, 2.0, -3.0]))
        >>> stats.octaves()
        ({2: 1}, {0: 1, 1: 2})
        """
        negative, positive = (_by_exponent(bins) for bins in (self.negative, self.positive))
        return negative, positive


def _fill_bins(
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.uint32],
    pivot: float,
    positive: Int64Array,
    negative: Int64Array,
) -> tuple[float, float]:
    """Count each number into its bin; return the sum and the squares of ``x - pivot``.

    The magnitude's bits are rounded up to the next multiple of 2**16, so that a number
    without lower bits is the upper edge of its bin.
    """
    distance = squares = 0.0
    for i in range(x.size):
        bin_ = ((bits[i] & np.uint32(0x7FFF_FFFF)) + np.uint32(0xFFFF)) >> np.uint32(16)
        if bits[i] >> np.uint32(31):
            negative[bin_] += 1
        else:
            positive[bin_] += 1
        away = np.float64(x[i]) - pivot
        distance += away
        squares += away * away
    return distance, squares


def _compiled() -> Callable[..., tuple[float, float]]:
    """Compile on first call; keep the machine code, until this file changes, where it can be."""
    try:
        made: Callable[..., tuple[float, float]] = numba.njit(cache=True)(_fill_bins)
    except RuntimeError:  # no folder can be written
        made = numba.njit()(_fill_bins)
    return made


_fill = _compiled()


def _by_exponent(bins: Int64Array) -> dict[int, int]:
    counts: dict[int, int] = {}
    for index in np.flatnonzero(bins[1:]) + 1:
        exponent = math.ceil(math.log2(UPPER[index]))
        counts[exponent] = counts.get(exponent, 0) + int(bins[index])
    return dict(sorted(counts.items()))
