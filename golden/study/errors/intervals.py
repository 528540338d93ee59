"""Means of repeated draws, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

CONFIDENCE: Final = 0.95
"""Of every interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and how far it may be from the truth, as JSON holds it."""

    mean: float
    margin_95: float | None
    """Half the width of the 95 % interval; None of a single draw."""
    draws: int

    def text(self, digits: str = ".3g", margin: str = ".1g") -> str:
        """Return the interval as a table shows it.

        >>> Interval(0.25, 0.125, 4).text(), Interval(2.0, None, 1).text(".1f")
        ('0.25 ± 0.1', '2.0')
        """
        if self.margin_95 is None:
            return f"{self.mean:{digits}}"
        return f"{self.mean:{digits}} ± {self.margin_95:{margin}}"


def interval(samples: Iterable[float | None]) -> Interval | None:
    """Return Student's interval of the mean; None without a sample.

    Parameters
    ----------
    samples : iterable of float or None
        Independent draws; those that are None are left out.

    The margin is t * s / sqrt(n), t of n - 1 degrees of freedom: 2.776 for five draws.

    >>> found = interval([1, 2, 3, 4, 5])
    >>> round(found.mean, 3), round(found.margin_95, 3)
    (3.0, 1.963)
    """
    values = np.array([sample for sample in samples if sample is not None], np.float64)
    if not values.size:
        return None
    if values.size == 1:
        return Interval(float(values[0]), None, 1)
    factor = float(stdtrit(values.size - 1, (1 + CONFIDENCE) / 2))
    margin = factor * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Interval(float(values.mean()), margin, values.size)
