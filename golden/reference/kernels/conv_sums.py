"""Compiled sums of products behind `golden.reference.kernels`.

A map lies flat, row after row, so that every kernel tap reads a run of consecutive values at a
fixed offset. Sums are made in 32 or 16 bits over as many taps as
`golden.reference.kernels.safe_sums` proves safe (`golden.reference.kernels.lanes` has that loop),
and added up in 64 bits. Taps that cannot be proved are multiplied one by one, in 64 bits or with
the wrap that the cut modes have.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.reference.kernels.jit import compiled
from golden.reference.kernels.lanes import (
    HIGH_PIXELS,
    OUTPUTS,
    PAIR_PIXELS,
    add_highs,
    add_pairs,
    add_rounded_highs,
)
from golden.reference.kernels.maps import Stage, finish, place

CHUNK = 1024
"""Pixels whose sums stay in the second-level cache."""

Int32Array = npt.NDArray[np.int32]
_i32 = np.int32
_i64 = np.int64


class Taps(NamedTuple):
    """The taps of a layer: what each reads, and which are summed together.

    Parameters
    ----------
    offsets : ndarray of int64, (T,)
        From an output pixel to the value that the tap reads.
    sources : ndarray of int64, (T, J)
        Weights of each tap among an output channel's: J = 2 of neighbouring channels, or 1.
    up, down : ndarray of int64, (T,)
        Left shift of the weight, and the one that the activation already has.
    ends : ndarray of int64, (G,)
        Taps before the end of each group.
    wide : ndarray of bool, (G,)
        Groups that no narrow sum was proved for.
    half : int
        What is added to a product before it is cut; -1 where products are not cut.
    """

    offsets: Int64Array
    sources: Int64Array
    up: Int64Array
    down: Int64Array
    ends: Int64Array
    wide: npt.NDArray[np.bool_]
    half: int


@compiled
def survey(weight: Int16Array, reach: Int32Array, segment: int) -> tuple[Int64Array, Int32Array]:
    """Look at every weight once.

    Parameters
    ----------
    weight : ndarray of int16, (O, T)
    reach : ndarray of int32, (T,)
        Largest magnitude of the activation that each weight meets.
    segment : int
        Weights that are bounded together.

    Returns
    -------
    bounds : ndarray of int64, (O, segments)
        Largest magnitude of the sum of each segment's products.
    largest : ndarray of int32, (T,)
        Largest magnitude over the output channels.
    """
    taps = weight.shape[1]
    bounds = np.zeros((weight.shape[0], (taps + segment - 1) // segment), np.int64)
    most = np.zeros(taps, np.int32)
    for o in range(weight.shape[0]):
        row = weight[o]
        for t in range(taps):
            most[t] = max(most[t], abs(_i32(row[t])))
        for part in range(bounds.shape[1]):
            first = part * segment
            some, theirs = row[first : first + segment], reach[first : first + segment]
            total = 0
            for t in range(some.size):
                total += _i64(abs(_i32(some[t]))) * _i64(theirs[t])
            bounds[o, part] = total
    return bounds, most


@compiled
def _pack(weight: Int16Array, taps: Taps, packed: Int16Array) -> None:
    """Put the weights of one pass's channels side by side, tap after tap; zeros fill up."""
    for t in range(packed.shape[0]):
        for o in range(OUTPUTS):
            for j in range(packed.shape[2]):
                value = weight[o, taps.sources[t, j]] if o < weight.shape[0] else 0
                packed[t, o, j] = value << taps.up[t]


@compiled
def _flush(narrow: Any, sums: Int64Array, fresh: bool) -> None:
    for o in range(OUTPUTS):
        fine, to = narrow[o], sums[o]
        if fresh:
            for i in range(to.size):
                to[i] = fine[i]
        else:
            for i in range(to.size):
                to[i] += fine[i]


@compiled
def _add_pairs(
    x: Int16Array, at: int, taps: Taps, packed: Int16Array, first: int, last: int, sums: Int64Array
) -> None:
    narrow = np.empty((OUTPUTS, PAIR_PIXELS), np.int32)
    for p in range(0, sums.shape[1], PAIR_PIXELS):
        add_pairs(x, 2 * (at + p), taps.offsets, packed, first, last, narrow)
        _flush(narrow, sums[:, p : p + PAIR_PIXELS], first == 0)


@compiled
def _add_highs(
    x: Int16Array, at: int, taps: Taps, packed: Int16Array, first: int, last: int, sums: Int64Array
) -> None:
    narrow = np.empty((OUTPUTS, HIGH_PIXELS), np.int16)
    for p in range(0, sums.shape[1], HIGH_PIXELS):
        if taps.half:
            add_rounded_highs(x, at + p, taps.offsets, packed, first, last, narrow)
        else:
            add_highs(x, at + p, taps.offsets, packed, first, last, narrow)
        _flush(narrow, sums[:, p : p + HIGH_PIXELS], first == 0)


@compiled
def _add_unproved(
    x: Int16Array, at: int, taps: Taps, weight: Int16Array, first: int, last: int, sums: Int64Array
) -> None:
    """Add products that could leave a narrow sum, each as the specification has it."""
    if first == 0:
        sums[:] = 0
    cut, half = taps.half >= 0, _i32(taps.half)
    for t in range(first, last):
        down = _i32(taps.down[t])
        for o in range(weight.shape[0]):
            to, w = sums[o], _i32(weight[o, taps.sources[t, 0]])
            if cut:
                run = x[at + taps.offsets[t] :]
                for i in range(to.size):
                    product = _i32(_i32(_i32(_i32(run[i]) >> down) * w) + half)
                    to[i] += _i32(_i32(product << 8) >> 16)
            else:
                run = x[2 * at + taps.offsets[t] :]
                v = _i64(weight[o, taps.sources[t, 1]])
                for i in range(to.size):
                    to[i] += _i64(run[2 * i]) * _i64(w) + _i64(run[2 * i + 1]) * v


@compiled
def convolve(
    x: Int16Array,
    row: int,
    taps: Taps,
    weight: Int16Array,
    bias: Int64Array,
    stage: Stage,
    sums: Int64Array,
    values: Int16Array,
) -> None:
    """Sum the products of all taps, and write the sums, or the activated values.

    Parameters
    ----------
    x : ndarray of int16
        The flat map.
    row : int
        From an output pixel to the one below it.
    weight : ndarray of int16, (O, T)
    bias : ndarray of int64, (O,)
    sums : ndarray of int64, (O, OH, OW)
        Written unless empty; then `values` are.
    values : ndarray of int16, (O, OH, OW)
    """
    only_sums = sums.size > 0
    rows, columns = sums.shape[1:] if only_sums else values.shape[1:]
    length = (rows - 1) * row + columns
    packed = np.empty((taps.offsets.size, OUTPUTS, taps.sources.shape[1]), np.int16)
    held = np.zeros((OUTPUTS, CHUNK), np.int64)
    run = np.empty(CHUNK, np.int16)
    for o in range(0, weight.shape[0], OUTPUTS):
        block = weight[o : o + OUTPUTS]
        _pack(block, taps, packed)
        for start in range(0, length, CHUNK):
            part = held[:, : min(CHUNK, length - start)]
            first = _i64(0)
            for group in range(taps.ends.size):
                last = taps.ends[group]
                if taps.wide[group]:
                    _add_unproved(x, start, taps, block, first, last, part)
                elif taps.half < 0:
                    _add_pairs(x, start, taps, packed, first, last, part)
                else:
                    _add_highs(x, start, taps, packed, first, last, part)
                first = last
            for i in range(block.shape[0]):
                if only_sums:
                    place(part[i], start, row, sums[o + i])
                else:
                    finished = run[: part.shape[1]]
                    finish(part[i], bias[o + i], stage, finished)
                    place(finished, start, row, values[o + i])
