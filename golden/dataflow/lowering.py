"""The convolutions that stand for the first layer and for other nodes, the same to the bit.

In what stands for a node that is no convolution each output channel reads its own input
channel alone, so that the PE's `own_channels` spares the zeros of all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from golden.arithmetic.fixed import CUT_BITS, Int16Array
from golden.config import ConfigError, ProductMode
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConvLayer,
    Padding,
    ResidualLayer,
    Shape,
    reciprocal,
)
from golden.graph.network import Network


def lower(layer: ConvLayer) -> ConvLayer:
    """The layer as the PE runs it: conv1 becomes a 1x1 over im2col'd channels.

    A 3-channel image would leave most input lanes idle. Its 3 x 3 x 3 products are
    the same ones in the same sum when the neighbourhood becomes 27 channels, so the
    result is the same to the bit. Every other layer is returned as it is.
    """
    if layer.source != IMAGE:
        return layer
    flat = layer.weight.reshape(layer.out_channels, -1, 1, 1)
    return replace(layer, weight=np.ascontiguousarray(flat), stride=1, padding=Padding())


def lower_input(layer: ConvLayer, image: Int16Array) -> Int16Array:
    """The input (I, H, W) as the lowered layer reads it, (I * KH * KW, OH, OW) for conv1."""
    if layer.source != IMAGE:
        return image
    kh, kw = layer.kernel
    pad = layer.padding
    padded = np.pad(image, ((0, 0), (pad.top, pad.bottom), (pad.left, pad.right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(1, 2))
    windows = windows[:, :: layer.stride, :: layer.stride]
    channels, rows, columns = windows.shape[:3]
    columns_first = windows.transpose(0, 3, 4, 1, 2)
    return np.ascontiguousarray(columns_first.reshape(channels * kh * kw, rows, columns))


def identity(network: Network, name: str, source: str, channels: int) -> ConvLayer:
    """A 1x1 convolution that changes no value: what feeds a pool without a convolution."""
    return _stand_in(network, name, source, channels, (1, 1), _one(network))


def addition(network: Network, node: ResidualLayer, channels: int) -> ConvLayer:
    """What adds two tensors that lie as `Pairs`: two rows of ones, stride 2."""
    choices = {"stride": 2, "shift": node.shift, "activation": node.activation}
    return _stand_in(
        network, node.name, node.sources[0], channels, (2, 1), _one(network), **choices
    )


def averaging(network: Network, node: AverageLayer, shape: Shape) -> ConvLayer:
    """What averages maps of `shape`, (C, H, W): a kernel as large as the map, one factor.

    Raises
    ------
    ConfigError
        If the map is larger than a kernel, or products are cut: the factor's low bits count.
    """
    mode = network.options.mode
    if mode is not ProductMode.FULL:
        raise ConfigError(
            f"{node.name}: a global average is defined for mode full, not {mode.value}"
        )
    channels, height, width = shape
    factor, shift = reciprocal(height * width, node.weight_w)
    fracs = {"shift": shift, "weight_frac": shift}
    return _stand_in(network, node.name, node.source, channels, (height, width), factor, **fracs)


def one_channel_stand_ins(network: Network) -> Iterator[ConvLayer]:
    """The stand-in of each residual add and average, of one channel: all channels are alike."""
    shapes = network.shapes()
    for node in network.nodes:
        if isinstance(node, ResidualLayer):
            yield addition(network, node, 1)
        elif isinstance(node, AverageLayer):
            yield averaging(network, node, (1, *shapes[node.source][1:]))


def _one(network: Network) -> int:
    """The weight whose product is the activation itself."""
    return 1 if network.options.mode is ProductMode.FULL else 1 << CUT_BITS


def _stand_in(
    network: Network,
    name: str,
    source: str,
    channels: int,
    kernel: tuple[int, int],
    factor: int,
    **choices: Any,
) -> ConvLayer:
    """A convolution with one weight at every tap of a channel's own kernel."""
    weight = np.zeros((channels, channels, *kernel), np.int16)
    own = np.arange(channels)
    weight[own, own] = factor
    fracs = network.fracs()
    choices.setdefault("weight_frac", 0 if network.options.mode is ProductMode.FULL else CUT_BITS)
    return ConvLayer(
        name,
        source,
        weight,
        bias=np.zeros(channels, np.int64),
        mode=network.options.mode,
        in_frac=fracs[source],
        out_frac=fracs[name],
        act_w=network.options.act_w,
        weight_w=network.options.weight_w,
        **choices,
    )
