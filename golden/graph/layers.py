"""Nodes of the integer graph: convolution, pools, upsample, concatenation, residual add.

A node holds integers only. Every figure is checked where the node is made, and
an error names the layer and the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Protocol

from golden.config import Activation, ConfigError, PoolPad
from golden.graph.conv_layer import ConvLayer, Padding, Shape

IMAGE = "image"
"""Name of the network's input tensor."""

__all__ = [
    "AverageLayer",
    "ConcatLayer",
    "ConvLayer",
    "Layer",
    "Padding",
    "PoolLayer",
    "ReadsOne",
    "ResidualLayer",
    "Shape",
    "UpsampleLayer",
    "reciprocal",
    "sources",
]

MAX_RESIDUAL_SHIFT: Final = 15
"""Fraction bits that a residual add can drop."""
MAX_AVERAGED: Final = 1 << 16
"""Pixels that a global average adds up: 16-bit values and 16 bits of growth are 32."""


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """Maximum over `size` x `size` windows.

    Raises
    ------
    ConfigError
        If a figure is out of range.
    """

    name: str
    source: str
    """This node and the node it reads."""
    size: int = 2
    stride: int = 2
    """Window and step, pixels."""
    padding: PoolPad | None = None
    """None: windows lie inside the input. Otherwise `size` - 1 rows below and columns to the right
    hold this value, at stride 1."""

    kind: ClassVar[Literal["pool"]] = "pool"

    def __post_init__(self) -> None:
        if self.size not in (2, 3) or self.stride not in (1, 2):
            raise ConfigError(f"{self.name}: pool {self.size}x{self.size}/{self.stride} is unknown")
        if self.padding is not None and self.stride != 1:
            raise ConfigError(f"{self.name}: pool padding is defined for stride 1 only")

    @property
    def margin(self) -> int:
        """Rows below, and columns to the right, that the padding adds."""
        return 0 if self.padding is None else self.size - 1

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C, OH, OW) for an input (C, H, W)."""
        channels, height, width = input_shape
        rows, columns = (side + self.margin - self.size for side in (height, width))
        if min(rows, columns) < 0:
            raise ConfigError(f"{self.name}: input {height}x{width} is smaller than the window")
        return channels, rows // self.stride + 1, columns // self.stride + 1


@dataclass(frozen=True, slots=True)
class UpsampleLayer:
    """Every pixel repeated 2 x 2 times."""

    name: str
    source: str

    kind: ClassVar[Literal["upsample"]] = "upsample"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C, 2H, 2W) for an input (C, H, W)."""
        channels, height, width = input_shape
        return channels, 2 * height, 2 * width


@dataclass(frozen=True, slots=True)
class ConcatLayer:
    """Sources one after another along the channels, in order."""

    name: str
    sources: tuple[str, ...]

    kind: ClassVar[Literal["concat"]] = "concat"

    def output_shape(self, *input_shapes: Shape) -> Shape:
        """Return (sum of C, H, W) for inputs of one height and width."""
        sides = {shape[1:] for shape in input_shapes}
        if len(sides) != 1:
            raise ConfigError(f"{self.name}: sources differ in size: {sorted(sides)}")
        height, width = sides.pop()
        return sum(shape[0] for shape in input_shapes), height, width


@dataclass(frozen=True, slots=True)
class ResidualLayer:
    """The sum of two tensors: add, add half and shift, saturate, activate.

    A branch's scale is part of the convolution that makes it, so both sources have one
    fraction format. The shift lets a trunk that grows from block to block lose fraction bits
    on its way; 0 keeps the format.

    Raises
    ------
    ConfigError
        If the activation is leaky, the shift out of range, or there are not two sources.
    """

    name: str
    sources: tuple[str, ...]
    """What stays, and what is added to it."""
    activation: Activation = Activation.RELU
    """``linear`` or ``relu``."""
    shift: int = 0
    """Fraction bits that the sum loses, 0 to 15."""

    kind: ClassVar[Literal["residual"]] = "residual"

    def __post_init__(self) -> None:
        if self.activation not in (Activation.LINEAR, Activation.RELU):
            raise ConfigError(
                f"{self.name}: activation {self.activation.value} is not linear or relu"
            )
        if not 0 <= self.shift <= MAX_RESIDUAL_SHIFT:
            raise ConfigError(f"{self.name}: shift {self.shift} is not in 0..{MAX_RESIDUAL_SHIFT}")
        if len(self.sources) != 2:
            raise ConfigError(f"{self.name}: adds {len(self.sources)} tensors, not 2")

    def output_shape(self, *input_shapes: Shape) -> Shape:
        """Return (C, H, W), which both inputs must have."""
        if len(set(input_shapes)) != 1:
            raise ConfigError(f"{self.name}: sources differ in shape: {list(input_shapes)}")
        return input_shapes[0]


@dataclass(frozen=True, slots=True)
class AverageLayer:
    """Global average of each channel: sum, multiply, add half, shift, saturate.

    The factor and the shift stand for one over the number of pixels, see `reciprocal`. The
    factor is a weight like others, so that a convolution whose kernel is the whole map does
    the same.

    Raises
    ------
    ConfigError
        If the width is another.
    """

    name: str
    source: str
    weight_w: int = 16
    """Width of the factor, 8 or 16 bits."""

    kind: ClassVar[Literal["avgpool"]] = "avgpool"

    def __post_init__(self) -> None:
        if self.weight_w not in (8, 16):
            raise ConfigError(f"{self.name}: a factor of {self.weight_w} bits: choose 8 or 16")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C, 1, 1) for an input (C, H, W).

        Raises
        ------
        ConfigError
            If it has no pixels, or more than a 32-bit sum of 16-bit values can hold.
        """
        channels, height, width = input_shape
        if not 1 <= height * width <= MAX_AVERAGED:
            raise ConfigError(
                f"{self.name}: input {height}x{width}: 1 to {MAX_AVERAGED} pixels are wanted"
            )
        return channels, 1, 1


def reciprocal(pixels: int, weight_w: int = 16) -> tuple[int, int]:
    """Return the factor and the right shift that divide a sum by `pixels`.

    The factor is a weight of `weight_w` bits, positive, its top bit behind the sign set: with
    16 bits it errs by 3 parts in 100,000 at most, with 8 bits by 0.8 %.

    >>> reciprocal(9), reciprocal(1), reciprocal(64)
    ((29127, 18), (16384, 14), (16384, 20))
    >>> reciprocal(9, 8)
    (114, 10)
    """
    shift = weight_w - 2 + (pixels - 1).bit_length()
    factor = ((1 << shift) + pixels // 2) // pixels
    return min(factor, (1 << (weight_w - 1)) - 1), shift


Layer = ConvLayer | PoolLayer | UpsampleLayer | ConcatLayer | ResidualLayer | AverageLayer


class ReadsOne(Protocol):
    """A node, of floats or of integers, that reads one other."""

    @property
    def name(self) -> str:
        """Its own."""

    @property
    def source(self) -> str:
        """Name of that other."""


def check_order(nodes: Iterable[Layer | ReadsOne]) -> None:
    """Refuse a node that reads none before it, or has the name of another.

    Raises
    ------
    ConfigError
        Naming the node.
    """
    known = {IMAGE}
    for node in nodes:
        for source in sources(node):
            if source not in known:
                raise ConfigError(f"{node.name}: reads {source}, which no earlier node makes")
        if node.name in known:
            raise ConfigError(f"{node.name}: two nodes have this name")
        known.add(node.name)


def sources(node: Layer | ReadsOne) -> tuple[str, ...]:
    """Return the names of the nodes that `node` reads, in order."""
    return node.sources if isinstance(node, (ConcatLayer, ResidualLayer)) else (node.source,)
