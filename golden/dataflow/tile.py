"""Tiles of a layer, and the jobs that the PE runs for them.

A job is a rectangle of output pixels times a range of output channels of one
layer. Its input is the rectangle of input pixels that those outputs read; where
that reaches over the image's edge, the job pads that side itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import MAX_CHANNELS, MAX_SIDE, PEConfig
from golden.graph.layers import ConvLayer, Padding, Shape
from golden.reference.readout import PLAIN, Readout


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of output pixels times a range of output channels."""

    row: int
    column: int
    """First pixel."""
    height: int
    width: int
    """Pixels."""
    first_channel: int
    last_channel: int
    """Output channels `first_channel` to ``last_channel - 1``."""

    @property
    def pixels(self) -> int:
        """Output pixels."""
        return self.height * self.width

    @property
    def values(self) -> int:
        """Output values."""
        return self.pixels * (self.last_channel - self.first_channel)

    def of(self, tensor: Int16Array) -> Int16Array:
        """The tile's part of a layer's output (C, H, W)."""
        return tensor[
            self.first_channel : self.last_channel,
            self.row : self.row + self.height,
            self.column : self.column + self.width,
        ]

    def overlaps(self, other: Tile) -> bool:
        """Whether some output value belongs to both."""
        return (
            self.row < other.row + other.height
            and other.row < self.row + self.height
            and self.column < other.column + other.width
            and other.column < self.column + self.width
            and self.first_channel < other.last_channel
            and other.first_channel < self.last_channel
        )

    def borders(self, shape: Shape) -> frozenset[str]:
        """The image's sides that the tile touches."""
        touched = {
            "top": self.row == 0,
            "bottom": self.row + self.height == shape[1],
            "left": self.column == 0,
            "right": self.column + self.width == shape[2],
        }
        return frozenset(side for side, touches in touched.items() if touches)


@dataclass(frozen=True, slots=True)
class Window:
    """The rectangle of input pixels that a tile reads, and the zeros around it."""

    row: int
    column: int
    """First pixel."""
    height: int
    width: int
    """Pixels."""
    padding: Padding
    """Where the tile reaches over the image's edge."""

    @property
    def pixels(self) -> int:
        """Input pixels."""
        return self.height * self.width

    def of(self, tensor: Int16Array) -> Int16Array:
        """The window's part of an input (I, H, W)."""
        return tensor[:, self.row : self.row + self.height, self.column : self.column + self.width]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One descriptor's work."""

    layer: ConvLayer
    """With the job's output channels only, and its own padding."""
    tile: Tile
    """Where the result belongs in the layer's output."""
    input: Int16Array
    """int16 (I, H, W). What the output pixels read."""
    readout: Readout = PLAIN
    """How the tile's values leave the PE."""
    own_channels: bool = False
    """Each group of output channels reads its own input channels alone: a pool without a
    convolution, through identity weights. Needs as many input lanes as output lanes."""

    @property
    def macs(self) -> int:
        """Multiplications, padding included."""
        return self.layer.macs(self.input_shape)

    @property
    def macs_on_zero_weights(self) -> int:
        """Those of `macs` that multiply zeros around an embedded kernel."""
        return self.layer.macs_on_zero_weights(self.input_shape)

    @property
    def input_shape(self) -> Shape:
        """(I, H, W)."""
        channels, height, width = self.input.shape
        return channels, height, width

    def cycles(self, config: PEConfig) -> int:
        """Clocks that the PE needs when no stream keeps it waiting, to a few dozen."""
        return (
            input_words(self.layer, self.input_shape, config)
            + groups(self.layer.out_channels, config.p_oc)
            * passes(self.layer, config, self.own_channels)
            * max(self.tile.pixels, config.p_oc)
            + reads(self.readout, self.tile.height, self.tile.width)
        )


def passes(layer: ConvLayer, config: PEConfig, own_channels: bool = False) -> int:
    """How often the tile's pixels go through the array for one group of output channels."""
    kh, kw = layer.kernel
    return (1 if own_channels else groups(layer.in_channels, config.p_ic)) * kh * kw


def reads(readout: Readout, rows: int, columns: int) -> int:
    """Sums that the drain reads for one group of a tile of this size, padding counted too."""
    out_rows, out_columns = readout.shape(rows, columns)
    return out_rows * out_columns * readout.size**2


def groups(channels: int, lanes: int) -> int:
    """Lane groups that hold `channels`.

    >>> groups(27, 16), groups(16, 16), groups(1, 16)
    (2, 1, 1)
    """
    return -(-channels // lanes)


def input_words(layer: ConvLayer, shape: Shape, config: PEConfig) -> int:
    """Words of the tile memory that an input of this shape (I, H, W) takes."""
    return shape[1] * shape[2] * groups(layer.in_channels, config.p_ic)


def window(layer: ConvLayer, tile: Tile, shape: Shape) -> Window:
    """What a tile of a (lowered) layer reads of its input (I, H, W)."""
    (kh, kw), pad = layer.kernel, layer.padding
    row, height, top, bottom = _span(tile.row, tile.height, layer.stride, kh, pad.top, shape[1])
    column, width, left, right = _span(
        tile.column, tile.width, layer.stride, kw, pad.left, shape[2]
    )
    return Window(row, column, height, width, Padding(top, bottom, left, right))


def make_job(
    layer: ConvLayer,
    tensor: Int16Array,
    tile: Tile,
    readout: Readout = PLAIN,
    own_channels: bool = False,
) -> Job:
    """Cut one tile's job out of a (lowered) layer and its whole input (I, H, W)."""
    channels, height, width = tensor.shape
    read = window(layer, tile, (channels, height, width))
    part = replace(layer.select(tile.first_channel, tile.last_channel), padding=read.padding)
    return Job(part, tile, np.ascontiguousarray(read.of(tensor)), readout, own_channels)


def whole_job(layer: ConvLayer, tensor: Int16Array) -> Job:
    """The job of a (lowered) layer with its whole input (I, H, W), not cut at all."""
    channels, height, width = tensor.shape
    outputs, rows, columns = layer.output_shape((channels, height, width))
    return make_job(layer, tensor, Tile(0, 0, rows, columns, 0, outputs))


def _span(
    start: int, count: int, stride: int, kernel: int, pad: int, side: int
) -> tuple[int, int, int, int]:
    """First input pixel, input pixels, and padding before and after, along one axis."""
    first = start * stride - pad
    last = (start + count - 1) * stride - pad + kernel
    begin, end = max(first, 0), min(last, side)
    return begin, end - begin, begin - first, last - end


def fits(layer: ConvLayer, tile: Tile, shape: Shape, config: PEConfig) -> bool:
    """Whether the PE's memories and counters hold this tile of a layer with input (I, H, W)."""
    read = window(layer, tile, shape)
    words = input_words(layer, (shape[0], read.height, read.width), config)
    sides = max(read.height, read.width, tile.height, tile.width)
    channels = max(layer.in_channels, tile.last_channel - tile.first_channel)
    within = sides <= MAX_SIDE and channels <= MAX_CHANNELS
    return within and tile.pixels <= config.tile_pixels and words <= config.input_words
