"""Compiled convolution and pool, and other fast nodes.

The padded input is split by stride into planes, so that every kernel tap reads a run of
consecutive values at a fixed offset: output pixel ``(oy, ox)`` lies at ``oy * row + ox`` of a
flat row-major run, with a few unused values at each row's end. `golden.reference.kernels.safe_sums`
says which taps are summed together, and `golden.reference.kernels.conv_sums` sums them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from golden.arithmetic.fixed import Int16Array, Int64Array, int_range
from golden.config import Activation, LeakyPlace, Overflow, Rounding, Slope
from golden.graph.layers import AverageLayer, ConvLayer, PoolLayer, ResidualLayer, reciprocal
from golden.reference.kernels.conv_sums import convolve
from golden.reference.kernels.lanes import OVERREACH
from golden.reference.kernels.maps import Stage, highest, lay_out
from golden.reference.kernels.safe_sums import ARITHMETIC, headroom, plan, reaches
from golden.reference.spec import check_input, pool_padding


def conv_accumulate(x: Int16Array, layer: ConvLayer) -> Int64Array:
    """Sum the products, int16 (I, H, W) to int64 (O, OH, OW), bias excluded.

    `golden.reference.spec.conv_accumulate`, compiled, with its errors.
    """
    check_input(x, layer)
    sums = np.empty(layer.output_shape((x.shape[0], x.shape[1], x.shape[2])), np.int64)
    _convolve(x, layer, sums, np.empty((0, 0, 0), np.int16))
    return sums


def conv(x: Int16Array, layer: ConvLayer) -> Int16Array:
    """Run a whole convolution, int16 (I, H, W) to int16 (O, OH, OW).

    `golden.reference.spec.conv`, compiled, with its errors.
    """
    check_input(x, layer)
    values = np.empty(layer.output_shape((x.shape[0], x.shape[1], x.shape[2])), np.int16)
    _convolve(x, layer, np.empty((0, 0, 0), np.int64), values)
    return values


def pool(x: Int16Array, layer: PoolLayer, act_w: int = 16) -> Int16Array:
    """Take the maximum over windows, (C, H, W) to (C, OH, OW), for activations of `act_w` bits.

    `golden.reference.spec.pool`, compiled.
    """
    out = np.empty(layer.output_shape((x.shape[0], x.shape[1], x.shape[2])), np.int16)
    beyond = np.int16(pool_padding(layer.padding, act_w))
    highest(_plain(x), layer.size, layer.stride, beyond, out)
    return out


def residual(inputs: list[Int16Array], layer: ResidualLayer, act_w: int = 16) -> Int16Array:
    """Add two inputs (C, H, W): `golden.reference.spec.residual` in 32 bits."""
    low, high = int_range(act_w)
    if layer.activation is Activation.RELU:
        low = 0
    total = np.add(inputs[0], inputs[1], dtype=np.int32)
    if layer.shift:
        total += 1 << (layer.shift - 1)
        total >>= layer.shift
    return np.clip(total, low, high, out=total).astype(np.int16)


def average(x: Int16Array, layer: AverageLayer, act_w: int = 16) -> Int16Array:
    """Average each channel's pixels: `golden.reference.spec.average`, (C, H, W) to (C, 1, 1)."""
    channels, rows, columns = x.shape
    layer.output_shape((channels, rows, columns))
    factor, shift = reciprocal(rows * columns, layer.weight_w)
    total = x.reshape(channels, -1).sum(axis=1, dtype=np.int64)
    means = np.clip((total * factor + (1 << (shift - 1))) >> shift, *int_range(act_w))
    found: Int16Array = means.astype(np.int16).reshape(channels, 1, 1)
    return found


def _plain(array: Int16Array) -> Int16Array:
    """The one kind of array that is compiled for."""
    return np.require(array, requirements=["C", "W"])


def _convolve(x: Int16Array, layer: ConvLayer, sums: Int64Array, values: Int16Array) -> None:
    """Fill `sums`, or `values` where `sums` are empty."""
    arithmetic = ARITHMETIC[layer.mode]
    missing = -layer.in_channels % arithmetic.channels
    reach = np.pad(reaches(x), (0, missing))
    up = headroom(reach, arithmetic.up)
    flat, shape = _flat(_plain(x), layer, up, arithmetic.channels)
    weight = layer.weight if not missing else np.pad(layer.weight, ((0, 0), (0, 1), (0, 0), (0, 0)))
    weight = _plain(weight.reshape(layer.out_channels, -1))
    offsets = _offsets(shape, layer.kernel, layer.stride) * arithmetic.channels
    taps = plan(arithmetic, weight, reach, offsets)
    convolve(flat, shape[2], taps, weight, np.array(layer.bias), _stage(layer), sums, values)


def _flat(
    x: Int16Array, layer: ConvLayer, up: Int64Array, together: int
) -> tuple[Int16Array, tuple[int, int, int]]:
    """Return the padded input, flat, and its (planes, rows, columns).

    At stride 1 zeros at a row's end serve as those at the start of the next.
    """
    side, step = layer.padding, layer.stride
    shared = min(side.left, side.right, layer.kernel[1] - 1) if step == 1 else 0
    channels, height, width = x.shape
    planes = -(-channels // together) * step * step
    rows = -(-(side.top + height + side.bottom) // step)
    columns = -(-(side.left + width + side.right - shared) // step)
    size = planes * rows * columns * together
    flat = np.zeros(size + OVERREACH + columns, np.int16)
    grid = (planes // step**2, step, step, rows, columns, together)
    lay_out(x, side.top, side.left, step, up, flat[:size].reshape(grid))
    return flat, (planes, rows, columns)


@lru_cache(maxsize=64)
def _offsets(shape: tuple[int, int, int], kernel: tuple[int, int], step: int) -> Int64Array:
    """From an output pixel to each tap's value, (channels, KH * KW)."""
    planes, rows, columns = shape
    channel, ky, kx = np.ogrid[: planes // step**2, : kernel[0], : kernel[1]]
    plane = (channel * step + ky % step) * step + kx % step
    offsets: Int64Array = plane * (rows * columns) + ky // step * columns + kx // step
    return offsets.reshape(len(channel), -1)


def _stage(layer: ConvLayer) -> Stage:
    """The layer's output stage in integers."""
    low, high = int_range(layer.act_w)
    rounds = layer.rounding is not Rounding.FLOOR and layer.shift > 0
    scale, scale_shift = _negative_scale(layer)
    return Stage(
        shift=layer.shift,
        half=1 << (layer.shift - 1) if rounds else 0,
        low=low,
        high=high,
        wraps=layer.overflow is Overflow.WRAP,
        before=layer.place is LeakyPlace.BEFORE_REQUANT,
        scale=scale,
        scale_shift=scale_shift,
    )


def _negative_scale(layer: ConvLayer) -> tuple[int, int]:
    """Return the factor and right shift that the activation applies to a negative value."""
    if layer.activation is Activation.LINEAR:
        return 1, 0
    if layer.activation is Activation.RELU:
        return 0, 0
    return (1, 3) if layer.slope is Slope.EIGHTH else (13, 7)
