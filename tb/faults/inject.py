"""Faults put in on purpose, each of which must turn the run red."""

from __future__ import annotations

import random
from typing import Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from tb.faults.catalogue import find

ROUNDING_PATCH: Final = find("rounding").patch
"""Adds a whole LSB before the shift where half of one belongs."""


def flip_bit(expected: Int16Array, seed: int) -> Int16Array:
    """A copy of `expected` with one bit of one value flipped."""
    draw = random.Random(seed)
    flipped: Int16Array = expected.copy()
    place = draw.randrange(flipped.size)
    flipped.reshape(-1).view(np.uint16)[place] ^= np.uint16(1 << draw.randrange(16))
    return flipped
