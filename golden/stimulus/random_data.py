"""What a random job's tensors are filled with."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Final

import numpy as np

from golden.arithmetic.fixed import Int16Array, Int64Array, int_range
from golden.vision.images import load, shipped

PHOTOGRAPH: Final = "chelsea.png"
"""Where real data come from."""


class Data(str, Enum):
    """What a tensor is filled with."""

    UNIFORM = "uniform"
    ALL_MINIMUM = "all minimum"
    ALL_MAXIMUM = "all maximum"
    ALTERNATING = "alternating"
    SPARSE = "sparse"
    REAL = "real"


def fill(
    data: Data,
    shape: tuple[int, ...],
    width: int,
    rng: np.random.Generator,
    differences: bool,
) -> Int16Array:
    """A tensor of so many bits; real data are pixels, or the differences of neighbours."""
    low, high = int_range(width)
    values: np.ndarray[tuple[int, ...], np.dtype[np.integer]]
    if data is Data.ALL_MINIMUM:
        values = np.full(shape, low)
    elif data is Data.ALL_MAXIMUM:
        values = np.full(shape, high)
    elif data is Data.ALTERNATING:
        values = np.where(np.indices(shape).sum(axis=0) % 2, low, high)
    elif data is Data.SPARSE:
        full = rng.integers(low, high, shape, endpoint=True)
        values = np.where(rng.random(shape) < 0.1, full, 0)
    elif data is Data.REAL:
        pixels = _photograph()
        first = int(rng.integers(pixels.size))
        flat = np.take(pixels, np.arange(first, first + np.prod(shape) + 1), mode="wrap")
        values = (np.diff(flat) if differences else flat[1:] - 128).reshape(shape)
        # Both lie within 9 bits.
        values = values << (width - 9) >> int(rng.integers(width - 8))
    else:
        limit = 1 << int(rng.integers(1, width))
        values = rng.integers(-limit, limit, shape)
    return values.astype(np.int16)


@cache
def _photograph() -> Int64Array:
    """The photograph's bytes, red, green and blue planes one after another."""
    planes = np.asarray(load(shipped(PHOTOGRAPH))).transpose(2, 0, 1)
    flat: Int64Array = planes.astype(np.int64).reshape(-1)
    return flat
