"""Exact layers on torch, written apart from `spec` and `kernels` to judge both.

Mode ``full`` convolves in float64: every partial sum is an integer below 2**53, so
no order of additions rounds. The cut modes spread the input's windows out and work
in 32-bit integers, a block at a time.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch.nn import functional

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.config import Activation, LeakyPlace, Overflow, PoolPad, ProductMode, Rounding, Slope
from golden.graph.layers import AverageLayer, ConvLayer, PoolLayer, ResidualLayer, UpsampleLayer
from golden.reference.bounds import contribution_bound
from golden.reference.readout import Readout

_EXACT = 1 << 53
"""Integers up to here are exact in float64."""
_BLOCK = 1 << 14
"""Products worked on at once: few enough to stay in a cache."""


def conv_accumulate(x: Int16Array, layer: ConvLayer) -> Int64Array:
    """Sum the products, int16 (I, H, W) to int64 (O, OH, OW), bias excluded.

    Raises
    ------
    OverflowError
        If a sum could leave the integers that float64 holds.
    """
    if int(contribution_bound(layer).sum(axis=(1, 2, 3)).max()) >= _EXACT:
        raise OverflowError(f"{layer.name}: a sum could exceed 53 bits")
    side = layer.padding
    border = (side.left, side.right, side.top, side.bottom)
    padded = functional.pad(torch.from_numpy(x).to(torch.float64), border)[None]
    if layer.mode is ProductMode.FULL:
        weight = torch.from_numpy(layer.weight).to(torch.float64)
        total = functional.conv2d(padded, weight, stride=layer.stride)[0].to(torch.int64)
    else:
        total = _cut_sums(padded, layer)
    sums: Int64Array = total.numpy()
    return sums


def _cut_sums(padded: torch.Tensor, layer: ConvLayer) -> torch.Tensor:
    _, _, height, width = padded.shape
    rows = (height - layer.kernel[0]) // layer.stride + 1
    columns = (width - layer.kernel[1]) // layer.stride + 1
    half = 128 if layer.mode is ProductMode.CUT_ROUND else 0
    weights = torch.from_numpy(layer.weight).to(torch.int32).flatten(1)[:, :, None]
    # 16-bit values lose nothing in float32, nor a rounded product of two in 32-bit integers.
    spread = functional.unfold(padded.to(torch.float32), layer.kernel, stride=layer.stride)[0]
    sums = torch.empty((len(weights), rows * columns), dtype=torch.int64)
    step = max(1, _BLOCK // weights.shape[1])
    for at in range(0, rows * columns, step):
        windows = spread[:, at : at + step].to(torch.int32).contiguous()
        product = torch.empty_like(windows)
        kept = torch.empty_like(windows, dtype=torch.int16)
        for o, weight in enumerate(weights):
            torch.mul(windows, weight, out=product)
            # A shift of integers is floor division; the low 16 bits are what 16 bits keep.
            product.add_(half).bitwise_right_shift_(8)
            torch.sum(kept.copy_(product), 0, dtype=torch.int64, out=sums[o, at : at + step])
    return sums.reshape(-1, rows, columns)


def _wrap(x: torch.Tensor, width: int) -> torch.Tensor:
    low = torch.remainder(x, 1 << width)
    return torch.where(low >= 1 << (width - 1), low - (1 << width), low)


def _activate(x: torch.Tensor, layer: ConvLayer) -> torch.Tensor:
    if layer.activation is Activation.LINEAR:
        return x
    if layer.activation is Activation.RELU:
        return x.clamp(min=0)
    top, bottom = (1, 8) if layer.slope is Slope.EIGHTH else (13, 128)
    return torch.maximum(x, torch.div(x * top, bottom, rounding_mode="floor"))


def conv(x: Int16Array, layer: ConvLayer) -> Int16Array:
    """Run a whole convolution, int16 (I, H, W) to int16 (O, OH, OW), with its output stage."""
    value = torch.from_numpy(conv_accumulate(x, layer))
    value = value + torch.from_numpy(layer.bias)[:, None, None]
    if layer.place is LeakyPlace.BEFORE_REQUANT:
        value = _activate(value, layer)
    unit = 1 << layer.shift
    half = 0 if layer.rounding is Rounding.FLOOR else unit // 2
    value = torch.div(value + half, unit, rounding_mode="floor")
    if layer.overflow is Overflow.WRAP:
        value = _wrap(value, layer.act_w)
    else:
        value = value.clamp(-(1 << (layer.act_w - 1)), (1 << (layer.act_w - 1)) - 1)
    if layer.place is LeakyPlace.AFTER_REQUANT:
        value = _activate(value, layer)
    out: Int16Array = value.to(torch.int16).numpy()
    return out


def pool(x: Int16Array, layer: PoolLayer) -> Int16Array:
    """Take the maximum over windows: (C, H, W) to (C, OH, OW)."""
    margins = layer.margin, layer.margin
    return _highest(x, layer.size, layer.stride, margins, layer.padding)


def _highest(
    x: Int16Array, size: int, stride: int, margins: tuple[int, int], pad: PoolPad | None
) -> Int16Array:
    """The maximum over windows, with so many rows below and columns to the right filled up."""
    beyond = 0.0 if pad is PoolPad.ZERO else float("-inf")
    wide = torch.from_numpy(x).to(torch.float64)
    padded = functional.pad(wide, (0, margins[1], 0, margins[0]), value=beyond)
    highest = functional.max_pool2d(padded[None], size, stride)[0]
    out: Int16Array = highest.to(torch.int16).numpy()
    return out


def readout(x: Int16Array, how: Readout) -> Int16Array:
    """What leaves of a tile's activated values: (C, H, W) to (C, OH, OW)."""
    if how.upsample:
        return upsample(x, UpsampleLayer("readout", "tile"))
    margins = how.pad_bottom * (how.size - 1), how.pad_right * (how.size - 1)
    return _highest(x, how.size, how.stride, margins, how.pad)


def upsample(x: Int16Array, layer: UpsampleLayer) -> Int16Array:
    """Repeat every pixel 2 x 2 times: (C, H, W) to (C, 2H, 2W)."""
    wide = torch.from_numpy(x).to(torch.float64)[None]
    out: Int16Array = functional.interpolate(wide, scale_factor=2)[0].to(torch.int16).numpy()
    return out


def residual(inputs: list[Int16Array], layer: ResidualLayer, act_w: int) -> Int16Array:
    """Add two inputs (C, H, W), shift with rounding, saturate to `act_w` bits, activate."""
    one, two = (torch.from_numpy(x).to(torch.float64) for x in inputs)
    edge = 1 << (act_w - 1)
    half = 0.5 if layer.shift else 0.0
    total = torch.floor((one + two) / 2.0**layer.shift + half).clamp(-edge, edge - 1)
    if layer.activation is Activation.RELU:
        total = functional.relu(total)
    out: Int16Array = total.to(torch.int16).numpy()
    return out


def average(x: Int16Array, layer: AverageLayer, act_w: int = 16) -> Int16Array:
    """Average each channel's pixels: (C, H, W) to (C, 1, 1)."""
    layer.output_shape((x.shape[0], x.shape[1], x.shape[2]))
    pixels = x.shape[1] * x.shape[2]
    least = layer.weight_w - 2
    shift = least
    while 1 << (shift - least) < pixels:
        shift += 1
    # A sum of 32 bits times a factor of 15: float64 holds it.
    factor = round(Fraction(1 << shift, pixels) + Fraction(1, 1 << 60))
    factor = min(factor, 2 * (1 << least) - 1)
    total = torch.from_numpy(x).to(torch.float64).sum(dim=(1, 2), keepdim=True)
    mean = torch.floor((total * factor + 2.0 ** (shift - 1)) / 2.0**shift)
    edge = 1 << (act_w - 1)
    mean = mean.clamp(-edge, edge - 1)
    out: Int16Array = mean.to(torch.int16).numpy()
    return out
