"""Nodes of the integer graph: convolution, pool, upsample, concatenation.

A node holds integers only. Every figure is checked where the node is made, and
an error names the layer and the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from golden.config import ConfigError, PoolPad
from golden.convolution import ConvLayer, Padding, Shape

__all__ = [
    "ConcatLayer",
    "ConvLayer",
    "Layer",
    "Padding",
    "PoolLayer",
    "Shape",
    "UpsampleLayer",
    "sources",
]


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """Maximum over `size` x `size` windows.

    Parameters
    ----------
    name, source : str
        This node and the node it reads.
    size, stride : int
        Window and step, pixels.
    padding : PoolPad or None
        None: windows lie inside the input. Otherwise `size` - 1 rows below and
        columns to the right hold this value, at stride 1.

    Raises
    ------
    ConfigError
        If a figure is out of range.
    """

    name: str
    source: str
    size: int = 2
    stride: int = 2
    padding: PoolPad | None = None

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


Layer = ConvLayer | PoolLayer | UpsampleLayer | ConcatLayer


def sources(layer: Layer) -> tuple[str, ...]:
    """Return the names of the nodes that `layer` reads, in order."""
    return layer.sources if isinstance(layer, ConcatLayer) else (layer.source,)
