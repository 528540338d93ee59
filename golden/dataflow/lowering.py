"""Convolutions that stand for nodes which are none, the same to the bit.

Each output channel reads its own input channel alone, so that the PE's `own_channels` spares
the zeros of all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from golden.arithmetic.fixed import CUT_BITS
from golden.config import Activation, ConfigError, ProductMode
from golden.dataflow.tile import Tile, Window
from golden.graph.layers import AverageLayer, ConvLayer, Padding, ResidualLayer, Shape, reciprocal
from golden.graph.network import Network


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two tensors (C, H, W) as (C, 2HW, 1).

    Pixels stand in raster order, the first tensor's ahead of the second's: a kernel of two
    rows with stride 2 sees one pixel of both. Tiles consist of whole rows of the tensors.

    Parameters
    ----------
    sources : tuple of str
        The two nodes.
    shape : tuple of int
        (C, H, W) of each, and of their sum.
    """

    sources: tuple[str, str]
    shape: Shape

    @property
    def input_shape(self) -> Shape:
        """(C, 2HW, 1)."""
        channels, height, width = self.shape
        return channels, 2 * height * width, 1

    def flat(self, cell: Tile) -> Tile:
        """Some rows as pixels of the sum (C, HW, 1).

        >>> Pairs(("x", "y"), (8, 5, 6)).flat(Tile(2, 0, 3, 1, 0, 8))
        Tile(row=12, column=0, height=18, width=1, first_channel=0, last_channel=8)
        """
        width = self.shape[2]
        channels = cell.first_channel, cell.last_channel
        return Tile(cell.row * width, 0, cell.height * width, 1, *channels)

    def rows(self, cell: Tile) -> Tile:
        """Some rows as pixels of the sum (C, H, W)."""
        return Tile(cell.row, 0, cell.height, self.shape[2], cell.first_channel, cell.last_channel)

    def seen(self, window: Window) -> Window:
        """The rows of either tensor that a window of (C, 2HW, 1) holds."""
        pixels = 2 * self.shape[2]
        row, height = window.row // pixels, window.height // pixels
        return Window(row, 0, height, self.shape[2], Padding())


def identity(network: Network, name: str, source: str, channels: int) -> ConvLayer:
    """A 1x1 convolution that changes no value: what feeds a pool without a convolution."""
    return _stand_in(network, name, source, channels, (1, 1), _one(network))


def addition(network: Network, node: ResidualLayer, channels: int) -> ConvLayer:
    """What adds two tensors that lie as `Pairs`: two rows of ones, stride 2."""
    return _stand_in(
        network,
        node.name,
        node.sources[0],
        channels,
        (2, 1),
        _one(network),
        stride=2,
        shift=node.shift,
        activation=node.activation,
    )


def averaging(network: Network, node: AverageLayer, shape: Shape) -> ConvLayer:
    """What averages maps of `shape`, (C, H, W): a kernel as large as the map, one factor.

    Raises
    ------
    ConfigError
        If the map is larger than a kernel, or products are cut: the factor's low bits count.
    """
    if network.mode is not ProductMode.FULL:
        raise ConfigError(
            f"{node.name}: a global average is defined for mode full, not {network.mode.value}"
        )
    channels, height, width = shape
    factor, shift = reciprocal(height * width, node.weight_w)
    return _stand_in(
        network,
        node.name,
        node.source,
        channels,
        (height, width),
        factor,
        shift=shift,
        weight_frac=shift,
    )


def of_one_channel(network: Network) -> Iterator[ConvLayer]:
    """The stand-in of each residual add and average, of one channel: all channels are alike."""
    shapes = network.shapes()
    for node in network.nodes:
        if isinstance(node, ResidualLayer):
            yield addition(network, node, 1)
        elif isinstance(node, AverageLayer):
            yield averaging(network, node, (1, *shapes[node.source][1:]))


def _one(network: Network) -> int:
    """The weight whose product is the activation itself."""
    return 1 if network.mode is ProductMode.FULL else 1 << CUT_BITS


def _stand_in(
    network: Network,
    name: str,
    source: str,
    channels: int,
    kernel: tuple[int, int],
    factor: int,
    *,
    stride: int = 1,
    shift: int = 0,
    weight_frac: int = 0,
    activation: Activation = Activation.LINEAR,
) -> ConvLayer:
    """A convolution with one weight at every tap of a channel's own kernel."""
    weight = np.zeros((channels, channels, *kernel), np.int16)
    own = np.arange(channels)
    weight[own, own] = factor
    fracs = network.fracs()
    cut = 0 if network.mode is ProductMode.FULL else CUT_BITS
    return ConvLayer(
        name=name,
        source=source,
        weight=weight,
        bias=np.zeros(channels, np.int64),
        stride=stride,
        mode=network.mode,
        shift=shift,
        activation=activation,
        in_frac=fracs[source],
        weight_frac=weight_frac + cut,
        out_frac=fracs[name],
        act_w=network.options.act_w,
        weight_w=network.options.weight_w,
    )
