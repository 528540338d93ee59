"""Compiled convolution, the same to the bit as `golden.spec`.

The padded input is split by stride into planes, so that every kernel tap reads a
run of consecutive values at a fixed offset: output pixel ``(oy, ox)`` lies at
``oy * row + ox`` of a flat row-major run, with a few unused values at each row's
end. Eight taps are multiplied in one pass over a block of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from golden.config import Activation, LeakyPlace, Overflow, ProductMode, Rounding, Slope
from golden.fixed import Int16Array, Int64Array, int_range
from golden.layers import ConvLayer
from golden.spec import check_input, pad

BLOCK = 512
"""Output pixels whose partial sums stay in the first-level cache."""
TAPS = 8
"""Taps multiplied in one pass."""
SUM_TAPS = 32768
"""16-bit contributions that a 32-bit sum holds with room to spare."""

_Function = TypeVar("_Function", bound=Callable[..., object])
_i32 = np.int32
_i64 = np.int64


def _compiled(function: _Function) -> _Function:
    """Compile on first call; keep the machine code where a cache folder can be written."""
    try:
        return cast(_Function, numba.njit(cache=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(function))


@_compiled
def _sum_full(
    flat: Int16Array, offsets: Int64Array, weights: Int16Array, length: int, out: Int64Array
) -> None:
    for start in range(0, length, BLOCK):
        n = min(BLOCK, length - start)
        for o in range(weights.shape[0]):
            acc = out[o, start : start + n]
            acc[:] = 0
            for t in range(0, offsets.size, TAPS):
                w0, w1, w2, w3 = (
                    _i64(weights[o, t]),
                    _i64(weights[o, t + 1]),
                    _i64(weights[o, t + 2]),
                    _i64(weights[o, t + 3]),
                )
                w4, w5, w6, w7 = (
                    _i64(weights[o, t + 4]),
                    _i64(weights[o, t + 5]),
                    _i64(weights[o, t + 6]),
                    _i64(weights[o, t + 7]),
                )
                x0, x1 = flat[start + offsets[t] :], flat[start + offsets[t + 1] :]
                x2, x3 = flat[start + offsets[t + 2] :], flat[start + offsets[t + 3] :]
                x4, x5 = flat[start + offsets[t + 4] :], flat[start + offsets[t + 5] :]
                x6, x7 = flat[start + offsets[t + 6] :], flat[start + offsets[t + 7] :]
                for p in range(n):
                    acc[p] += (
                        (w0 * x0[p] + w1 * x1[p] + w2 * x2[p] + w3 * x3[p])
                        + (w4 * x4[p] + w5 * x5[p])
                        + (w6 * x6[p] + w7 * x7[p])
                    )


@_compiled
def _cut(a: np.int16, w: np.int32, half: np.int32) -> np.int32:
    product = _i32(_i32(_i32(a) * w) + half)
    kept: np.int32 = _i32(_i32(product << 8) >> 16)
    return kept


@_compiled
def _sum_cut(
    flat: Int16Array,
    offsets: Int64Array,
    weights: Int16Array,
    half: np.int32,
    length: int,
    out: Int64Array,
) -> None:
    acc = np.empty(BLOCK, np.int32)
    for start in range(0, length, BLOCK):
        n = min(BLOCK, length - start)
        for o in range(weights.shape[0]):
            out[o, start : start + n] = 0
            for part in range(0, offsets.size, SUM_TAPS):
                acc[:] = 0
                for t in range(part, min(part + SUM_TAPS, offsets.size), TAPS):
                    w0, w1, w2, w3 = (
                        _i32(weights[o, t]),
                        _i32(weights[o, t + 1]),
                        _i32(weights[o, t + 2]),
                        _i32(weights[o, t + 3]),
                    )
                    w4, w5, w6, w7 = (
                        _i32(weights[o, t + 4]),
                        _i32(weights[o, t + 5]),
                        _i32(weights[o, t + 6]),
                        _i32(weights[o, t + 7]),
                    )
                    x0, x1 = flat[start + offsets[t] :], flat[start + offsets[t + 1] :]
                    x2, x3 = flat[start + offsets[t + 2] :], flat[start + offsets[t + 3] :]
                    x4, x5 = flat[start + offsets[t + 4] :], flat[start + offsets[t + 5] :]
                    x6, x7 = flat[start + offsets[t + 6] :], flat[start + offsets[t + 7] :]
                    for p in range(n):
                        acc[p] += _i32(
                            (_cut(x0[p], w0, half) + _cut(x1[p], w1, half))
                            + (_cut(x2[p], w2, half) + _cut(x3[p], w3, half))
                            + (_cut(x4[p], w4, half) + _cut(x5[p], w5, half))
                            + (_cut(x6[p], w6, half) + _cut(x7[p], w7, half))
                        )
                for p in range(n):
                    out[o, start + p] += acc[p]


@_compiled
def _finish(
    acc: Int64Array,
    bias: Int64Array,
    row: int,
    shift: int,
    half: int,
    low: int,
    high: int,
    wraps: bool,
    scale: int,
    scale_shift: int,
    wide: bool,
    out: Int16Array,
) -> None:
    for o in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                value = acc[o, y * row + x] + bias[o]
                if wide and value < 0:
                    value = (value * scale) >> scale_shift
                value = (value + half) >> shift
                wrapped = ((value - low) & (high - low)) + low
                value = wrapped if wraps else min(max(value, low), high)
                if not wide and value < 0:
                    value = (value * scale) >> scale_shift
                out[o, y, x] = value


def _taps(x: Int16Array, layer: ConvLayer) -> tuple[Int16Array, Int64Array, int]:
    """Return flat planes of the padded input, offset of each tap (I, KH, KW), and row length."""
    step = layer.stride
    padded = pad(x, layer)
    odd = [(0, -side % step) for side in padded.shape[1:]]
    padded = np.pad(padded, ((0, 0), *odd))
    channels, height, width = padded.shape
    height, row = height // step, width // step
    planes = padded.reshape(channels, height, step, row, step).transpose(0, 2, 4, 1, 3)
    channel, ky, kx = np.ogrid[:channels, : layer.kernel[0], : layer.kernel[1]]
    plane = (channel * step + ky % step) * step + kx % step
    offsets = plane * (height * row) + ky // step * row + kx // step
    return np.ascontiguousarray(planes).ravel(), offsets.ravel().astype(np.int64), row


def _accumulate(x: Int16Array, layer: ConvLayer) -> tuple[Int64Array, int]:
    """Return sums (O, OH * row), unused values at each row's end, and the row length."""
    check_input(x, layer)
    _, rows, columns = layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    flat, offsets, row = _taps(x, layer)
    weights = layer.weight.reshape(layer.out_channels, -1)
    used = weights.any(axis=0)
    spare = -int(used.sum()) % TAPS
    offsets = np.pad(offsets[used], (0, spare))
    weights = np.ascontiguousarray(np.pad(weights[:, used], ((0, 0), (0, spare))))
    out = np.zeros((layer.out_channels, rows * row), dtype=np.int64)
    length = (rows - 1) * row + columns
    if layer.mode is ProductMode.FULL:
        _sum_full(flat, offsets, weights, length, out)
    else:
        half = np.int32(128 if layer.mode is ProductMode.CUT_ROUND else 0)
        _sum_cut(flat, offsets, weights, half, length, out)
    return out, row


def conv_accumulate(x: Int16Array, layer: ConvLayer) -> Int64Array:
    """Sum the products, bias excluded: `golden.spec.conv_accumulate`, compiled.

    Parameters
    ----------
    x : ndarray of int16, (I, H, W)
    layer : ConvLayer

    Returns
    -------
    ndarray of int64, (O, OH, OW)
    """
    acc, row = _accumulate(x, layer)
    _, rows, columns = layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    return np.ascontiguousarray(acc.reshape(-1, rows, row)[:, :, :columns])


def conv(x: Int16Array, layer: ConvLayer) -> Int16Array:
    """Run a whole convolution: `golden.spec.conv`, compiled.

    Parameters
    ----------
    x : ndarray of int16, (I, H, W)
    layer : ConvLayer

    Returns
    -------
    ndarray of int16, (O, OH, OW)

    Raises
    ------
    TypeError, ValueError
        If `x` is not what the layer reads.
    """
    acc, row = _accumulate(x, layer)
    out = np.empty(layer.output_shape((x.shape[0], x.shape[1], x.shape[2])), dtype=np.int16)
    low, high = int_range(layer.act_w)
    rounds = layer.rounding is not Rounding.FLOOR and layer.shift > 0
    half = 1 << (layer.shift - 1) if rounds else 0
    scale, scale_shift = _negative_scale(layer)
    wide = layer.place is LeakyPlace.BEFORE_REQUANT
    wraps = layer.overflow is Overflow.WRAP
    bias, shift = np.array(layer.bias), layer.shift
    _finish(acc, bias, row, shift, half, low, high, wraps, scale, scale_shift, wide, out)
    return out


def _negative_scale(layer: ConvLayer) -> tuple[int, int]:
    """Return the factor and right shift that the activation applies to a negative value."""
    if layer.activation is Activation.LINEAR:
        return 1, 0
    if layer.activation is Activation.RELU:
        return 0, 0
    return (1, 3) if layer.slope is Slope.EIGHTH else (13, 7)
