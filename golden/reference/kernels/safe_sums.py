"""Which taps of a convolution may be summed in 32 or 16 bits, proved from the real operands.

A sum of products is never larger than the sum of ``|w| * reach``, where the reach of a channel
is the largest magnitude among the activations that are really there. Taps are joined in order
as long as that bound fits for every output channel. The order of additions then does not
matter, nor does a wrap on the way: the sum of a group fits, and groups are added in 64 bits.

Mode ``full`` sums the products of two channels at a time in 32 bits. The cut modes shift the
activations of each channel left as far as their reach permits, and weights by what is left of
8 bits (``cut_round``: of 7), so that one multiplication that keeps the upper half gives the cut
product; such products are summed in 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import CUT_BITS, Int16Array, Int64Array
from golden.config import ProductMode
from golden.reference.kernels.conv_sums import Int32Array, Taps, survey

SEGMENTS = 32
"""Parts of a layer's taps that are bounded as a whole where that suffices."""
_BITS = 16


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How one product mode is summed."""

    channels: int
    """Channels that one tap takes together."""
    limit: int
    """Largest magnitude of a group's sum."""
    cut: int
    """Low bits that a product loses."""
    up: int
    """Bits that an activation and its weight are shifted left by, together."""
    half: int
    """What is added before the cut; -1 where nothing is cut."""

    def bound(self, magnitudes: Int64Array, taps: int) -> Int64Array:
        """Bound sums of `taps` products by the sums of their magnitudes.

        What a floor or a rounding adds to a product is less than 1.

        >>> ARITHMETIC[ProductMode.CUT_FLOOR].bound(np.array([255, 513]), 3).tolist()
        [4, 6]
        """
        return (magnitudes >> self.cut) + (taps + 1 if self.cut else 0)


ARITHMETIC = {
    ProductMode.FULL: Arithmetic(2, (1 << 31) - 1, 0, 0, -1),
    ProductMode.CUT_FLOOR: Arithmetic(1, (1 << 15) - 1, CUT_BITS, CUT_BITS, 0),
    ProductMode.CUT_ROUND: Arithmetic(1, (1 << 15) - 1, CUT_BITS, CUT_BITS - 1, 128),
}


def reaches(x: Int16Array) -> Int64Array:
    """Return the largest magnitude in each channel of (I, H, W).

    >>> reaches(np.array([[[3, -5]], [[-32768, 1]]], np.int16)).tolist()
    [5, 32768]
    """
    flat = x.reshape(len(x), -1)
    reach: Int64Array = np.maximum(
        flat.max(axis=1).astype(np.int64), -flat.min(axis=1).astype(np.int64)
    )
    return reach


def headroom(reach: Int64Array, most: int) -> Int64Array:
    """Return how far channels can be shifted left within 16 bits, at most `most`.

    >>> headroom(np.array([0, 1, 255, 256, 16383, 16384, 32768]), 8).tolist()
    [8, 8, 7, 6, 1, 0, 0]
    """
    bits = np.frexp(reach.astype(np.float64))[1].astype(np.int64)
    return np.clip(_BITS - 1 - bits, 0, most)


def plan(
    arithmetic: Arithmetic,
    weight: Int16Array,
    reach: Int64Array,
    offsets: Int64Array,
) -> Taps:
    """Choose the groups of taps.

    Parameters
    ----------
    weight : ndarray of int16, (O, I * K)
        I is a multiple of ``arithmetic.channels``; K taps of the kernel for each channel.
    reach : ndarray of int64, (I,)
    offsets : ndarray of int64, (I / channels, K)
        From an output pixel to the value that a tap reads.
    """
    channels, kernel = arithmetic.channels, offsets.shape[1]
    down = headroom(reach, arithmetic.up)
    of_weight = np.repeat(reach.astype(np.int32), kernel)
    size = kernel * channels * max(1, len(reach) // (channels * SEGMENTS))
    bounds, largest = survey(weight, of_weight, size)
    sources = _sources(weight.shape[1], channels, kernel)
    up = arithmetic.up - np.repeat(down[::channels], kernel)
    most = largest[sources].max(axis=1)
    used = most > 0
    fits = (most << up) <= np.iinfo(np.int16).max if arithmetic.cut else np.ones_like(used)
    finder = _Pieces(arithmetic, weight, of_weight, sources, used, fits)
    ends, wide = join(finder.pieces(bounds, size // channels), arithmetic.limit)
    return Taps(
        offsets=offsets.ravel()[used],
        sources=sources[used],
        up=up[used],
        down=arithmetic.up - up[used],
        ends=np.array(ends, np.int64),
        wide=np.array(wide, np.bool_),
        half=arithmetic.half,
    )


@lru_cache(maxsize=64)
def _sources(weights: int, channels: int, kernel: int) -> Int64Array:
    """Which weights of an output channel belong to each tap, (T, channels)."""
    sources = np.arange(weights).reshape(-1, channels, kernel).swapaxes(1, 2)
    return np.ascontiguousarray(sources.reshape(-1, channels))


Piece = tuple[int, Int64Array | None]
"""So many taps in order, and the bound of their sum for each output channel; None: unproved."""


def join(pieces: Iterable[Piece], limit: int) -> tuple[list[int], list[bool]]:
    """Join neighbouring pieces while their sums stay within `limit`, and all that are unproved.

    Returns
    -------
    ends : list of int
        Taps before the end of each group.
    wide : list of bool
        Whether a group is unproved.

    >>> three, four = np.array([3, 1]), np.array([2, 4])
    >>> join([(10, three), (5, four), (7, four), (1, None), (1, None), (0, None)], 5)
    ([15, 22, 24], [False, False, True])
    >>> join([(10, three), (5, four)], 4)
    ([10, 15], [False, False])
    """
    ends: list[int] = []
    wide: list[bool] = []
    total: Int64Array | None = None
    for taps, bound in pieces:
        if not taps:
            continue
        more = None if bound is None or total is None else total + bound
        both_wide = bool(wide) and wide[-1] and bound is None
        if both_wide or (more is not None and int(more.max()) <= limit):
            ends[-1] += taps
            total = more
        else:
            ends.append(taps + (ends[-1] if ends else 0))
            wide.append(bound is None)
            total = bound
    return ends, wide


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Cuts a layer's taps into pieces: segments, or single taps where a segment is too large."""

    arithmetic: Arithmetic
    weight: Int16Array
    reach: Int32Array
    sources: Int64Array
    used: npt.NDArray[np.bool_]
    fits: npt.NDArray[np.bool_]

    def pieces(self, magnitudes: Int64Array, size: int) -> Iterator[Piece]:
        """Yield all taps in order; `magnitudes` (O, segments) belong to `size` taps each."""
        for segment in range(magnitudes.shape[1]):
            part = slice(segment * size, (segment + 1) * size)
            taps = int(self.used[part].sum())
            bound = self.arithmetic.bound(magnitudes[:, segment], taps)
            if self.fits[part].all() and int(bound.max()) <= self.arithmetic.limit:
                yield taps, bound
            else:
                yield from self._single(part)

    def _single(self, part: slice) -> Iterator[Piece]:
        for tap in np.flatnonzero(self.used[part]) + part.start:
            sources = self.sources[tap]
            products = np.abs(self.weight[:, sources].astype(np.int64)) * self.reach[sources]
            bound = self.arithmetic.bound(products.sum(axis=1), 1)
            proved = self.fits[tap] and int(bound.max()) <= self.arithmetic.limit
            yield 1, bound if proved else None
