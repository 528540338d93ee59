"""Executable specification of every layer: plain numpy, 64-bit integers, slow and obvious.

It serves whole layers and tiles alike: a tile is a crop of the input with the
padding of its own borders (``dataclasses.replace(layer, padding=...)``) and a
range of output channels (``layer.select(start, stop)``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import (
    Int16Array,
    Int64Array,
    activate,
    int_range,
    multiply,
    requantize,
    saturate,
    shift_right,
)
from golden.config import Activation, LeakyPlace, PoolPad, Rounding
from golden.graph.layers import (
    AverageLayer,
    ConcatLayer,
    ConvLayer,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
    reciprocal,
)


def check_input(x: Int16Array, layer: ConvLayer) -> None:
    """Refuse an input that the layer cannot read.

    Raises
    ------
    TypeError
        If `x` is not int16.
    ValueError
        If `x` is not (I, H, W), or holds a value beyond ``act_w`` bits.
    """
    if x.dtype != np.int16:
        raise TypeError(f"{layer.name}: input is {x.dtype}, int16 is wanted")
    if x.ndim != 3:
        raise ValueError(f"{layer.name}: input has shape {x.shape}, (I, H, W) is wanted")
    low, high = int_range(layer.act_w)
    if x.size and (x.min() < low or x.max() > high):
        raise ValueError(f"{layer.name}: an input value exceeds {layer.act_w} bits")


def pad(x: Int16Array, layer: ConvLayer) -> Int16Array:
    """Put the layer's zeros around `x` (I, H, W)."""
    side = layer.padding
    return np.pad(x, ((0, 0), (side.top, side.bottom), (side.left, side.right)))


def conv_accumulate(x: Int16Array, layer: ConvLayer) -> Int64Array:
    """Sum the products, bias excluded: int64 (O, OH, OW) at the bias's scale.

    Parameters
    ----------
    x : ndarray of int16, (I, H, W)
        ``act_w``-bit activations with ``in_frac`` fraction bits.

    Raises
    ------
    TypeError, ValueError
        If `x` is not what the layer reads.
    """
    check_input(x, layer)
    out_channels, rows, columns = layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    padded = pad(x, layer)
    step = layer.stride
    total = np.zeros((out_channels, rows, columns), dtype=np.int64)
    for o in range(out_channels):
        for ky in range(layer.kernel[0]):
            for kx in range(layer.kernel[1]):
                window = padded[:, ky : ky + step * rows : step, kx : kx + step * columns : step]
                weights = layer.weight[o, :, ky, kx][:, None, None]
                total[o] += multiply(window, weights, layer.mode).sum(axis=0)
    return total


def output_stage(acc: Int64Array, layer: ConvLayer) -> Int16Array:
    """Add the bias to `conv_accumulate`'s sums, activate, requantise, in ``layer.place``'s order.

    Returns int16 (O, OH, OW): ``act_w`` bits, ``out_frac`` of them fraction.
    """
    wide = acc + layer.bias[:, None, None]
    if layer.place is LeakyPlace.BEFORE_REQUANT:
        wide = activate(wide, layer.activation, layer.slope)
    value = requantize(wide, layer.shift, layer.act_w, layer.rounding, layer.overflow)
    if layer.place is LeakyPlace.AFTER_REQUANT:
        value = activate(value, layer.activation, layer.slope)
    return value.astype(np.int16)


def conv(x: Int16Array, layer: ConvLayer) -> Int16Array:
    """Run a whole convolution: `output_stage` of `conv_accumulate`; int16 (O, OH, OW)."""
    return output_stage(conv_accumulate(x, layer), layer)


def pool_padding(padding: PoolPad | None, act_w: int = 16) -> int:
    """Value beyond a pool's edge; the most negative one stands for minus infinity."""
    return int_range(act_w)[0] if padding is PoolPad.MINUS_INF else 0


def pool(x: Int16Array, layer: PoolLayer, act_w: int = 16) -> Int16Array:
    """Take the maximum over windows: int16 (C, OH, OW).

    Parameters
    ----------
    x : ndarray of int16, (C, H, W)
    act_w : int
        Width of an activation; its most negative value stands for minus infinity.

    >>> corner = np.array([[[-5, -7], [-9, -8]]], dtype=np.int16)
    >>> stay = PoolLayer("p", "x", size=2, stride=1, padding=PoolPad.MINUS_INF)
    >>> pool(corner, stay).tolist()
    [[[-5, -7], [-8, -8]]]
    >>> pool(corner, PoolLayer("p", "x", size=2, stride=1, padding=PoolPad.ZERO)).tolist()
    [[[-5, 0], [0, 0]]]
    """
    _, rows, columns = layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    beyond = pool_padding(layer.padding, act_w)
    margin = (0, layer.margin)
    padded = np.pad(x, ((0, 0), margin, margin), constant_values=beyond)
    step = layer.stride
    windows = [
        padded[:, dy : dy + step * rows : step, dx : dx + step * columns : step]
        for dy in range(layer.size)
        for dx in range(layer.size)
    ]
    highest: Int16Array = windows[0].copy()
    for window in windows[1:]:
        np.maximum(highest, window, out=highest)
    return highest


def upsample(x: Int16Array, layer: UpsampleLayer) -> Int16Array:
    """Repeat every pixel 2 x 2 times: (C, H, W) to (C, 2H, 2W).

    >>> upsample(np.array([[[1, 2]]], dtype=np.int16), UpsampleLayer("u", "x")).tolist()
    [[[1, 1, 2, 2], [1, 1, 2, 2]]]
    """
    layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    return x.repeat(2, axis=1).repeat(2, axis=2)


def concat(inputs: list[npt.NDArray[np.int16]], layer: ConcatLayer) -> Int16Array:
    """Join inputs (C_i, H, W) along the channels, in order.

    Raises
    ------
    ConfigError
        If heights or widths differ.
    """
    layer.output_shape(*((x.shape[0], x.shape[1], x.shape[2]) for x in inputs))
    return np.concatenate(inputs, axis=0)


def residual(inputs: list[npt.NDArray[np.int16]], layer: ResidualLayer, act_w: int) -> Int16Array:
    """Add two inputs (C, H, W), shift with rounding, saturate to `act_w` bits, activate.

    >>> one, two = np.array([[[30000]], [[-9]]], np.int16), np.array([[[9000]], [[4]]], np.int16)
    >>> residual([one, two], ResidualLayer("r", ("x", "y"), Activation.LINEAR), 16).ravel().tolist()
    [32767, -5]
    >>> residual([one, two], ResidualLayer("r", ("x", "y")), 16).ravel().tolist()
    [32767, 0]
    >>> half = ResidualLayer("r", ("x", "y"), Activation.LINEAR, shift=1)
    >>> residual([one, two], half, 16).ravel().tolist()
    [19500, -2]
    """
    layer.output_shape(*((x.shape[0], x.shape[1], x.shape[2]) for x in inputs))
    total = inputs[0].astype(np.int64) + inputs[1]
    total = shift_right(total, layer.shift, Rounding.ROUND_HALF_TO_POSITIVE_INFINITY)
    total = saturate(total, act_w)
    if layer.activation is Activation.RELU:
        total = np.maximum(total, 0)
    return total.astype(np.int16)


def average(x: Int16Array, layer: AverageLayer, act_w: int = 16) -> Int16Array:
    """Average each channel's pixels, saturate to `act_w` bits: (C, H, W) to (C, 1, 1).

    >>> x = np.array([[[1, 2], [2, 2]], [[-1, -1], [-2, -2]]], np.int16)
    >>> average(x, AverageLayer("a", "x")).ravel().tolist()
    [2, -1]
    """
    channels, height, width = x.shape
    layer.output_shape((channels, height, width))
    factor, shift = reciprocal(height * width, layer.weight_w)
    total = x.astype(np.int64).sum(axis=(1, 2))
    mean = shift_right(total * factor, shift, Rounding.ROUND_HALF_TO_POSITIVE_INFINITY)
    return saturate(mean, act_w).astype(np.int16)[:, None, None]
