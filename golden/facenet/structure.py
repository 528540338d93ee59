"""The nodes of a FaceNet network without their numbers: shapes, counts, and who reads whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from golden.config import MAX_SIDE, Activation, ConfigError
from golden.layers import (
    AverageLayer,
    ConcatLayer,
    Padding,
    PoolLayer,
    ResidualLayer,
    Shape,
    sources,
)
from golden.yolov3_tiny import IMAGE

INPUT_SIZE: Final = 160
"""Rows and columns of the picture, unless another size is asked for."""
MIN_SIZE: Final = 75
"""The smallest picture that leaves a pixel at the end."""
BOTTLENECK: Final = "Bottleneck"
"""The last node: the embedding before its length becomes 1."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution without its numbers.

    Parameters
    ----------
    name, source : str
    in_channels, out_channels : int
    kernel : tuple of int
        (rows, columns), both odd.
    stride : int
        Both ways.
    same : bool
        Whether zeros on all sides keep the map's size, at stride 1.
    norm : bool
        Whether a batch normalisation follows; otherwise there is a bias.
    activation : Activation
    scale : float
        What its output is multiplied by.
    """

    name: str
    source: str
    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    same: bool = True
    norm: bool = True
    activation: Activation = Activation.RELU
    scale: float = 1.0

    kind: ClassVar[Literal["conv"]] = "conv"

    @property
    def padding(self) -> Padding:
        """Zeros on each side; opposite sides have the same."""
        rows, columns = (side // 2 if self.same else 0 for side in self.kernel)
        return Padding(rows, rows, columns, columns)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(O, I, KH, KW)."""
        return self.out_channels, self.in_channels, *self.kernel

    @property
    def parameters(self) -> int:
        """Weights, and a bias for each output channel: batch normalisation folded."""
        rows, columns = self.kernel
        return self.out_channels * (self.in_channels * rows * columns + 1)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (O, OH, OW) for an input (I, H, W).

        Raises
        ------
        ConfigError
            If the padded input is smaller than the kernel.
        """
        pad = self.padding
        rows = input_shape[1] + pad.top + pad.bottom - self.kernel[0]
        columns = input_shape[2] + pad.left + pad.right - self.kernel[1]
        if min(rows, columns) < 0:
            raise ConfigError(f"{self.name}: input {input_shape} is too small for its kernel")
        return self.out_channels, rows // self.stride + 1, columns // self.stride + 1

    def macs(self, input_shape: Shape) -> int:
        """Count the multiplications for an input (I, H, W), those of padding included."""
        _, rows, columns = self.output_shape(input_shape)
        return (self.parameters - self.out_channels) * rows * columns


Node = Conv | PoolLayer | ConcatLayer | ResidualLayer | AverageLayer


@dataclass(frozen=True, slots=True)
class Structure:
    """The nodes of one network, in data-flow order."""

    nodes: tuple[Node, ...]

    @property
    def convs(self) -> dict[str, Conv]:
        """The convolutions and the bottleneck by name, in data-flow order."""
        return {node.name: node for node in self.nodes if isinstance(node, Conv)}

    @property
    def embedding(self) -> int:
        """Width of the embedding."""
        return self.convs[BOTTLENECK].out_channels

    def shapes(self, size: int = INPUT_SIZE) -> dict[str, Shape]:
        """Return (C, H, W) of ``image`` and of every node's output.

        Raises
        ------
        ConfigError
            If the network cannot take pictures of this size.
        """
        check_size(size)
        shapes: dict[str, Shape] = {IMAGE: (3, size, size)}
        for node in self.nodes:
            shapes[node.name] = node.output_shape(*(shapes[name] for name in read_by(node)))
        return shapes

    def macs(self, size: int = INPUT_SIZE) -> dict[str, int]:
        """Count the multiplications of each convolution and of the bottleneck, by name."""
        shapes = self.shapes(size)
        return {name: conv.macs(shapes[conv.source]) for name, conv in self.convs.items()}


def read_by(node: Node) -> tuple[str, ...]:
    """Return the names of the nodes that `node` reads, in order."""
    return (node.source,) if isinstance(node, Conv) else sources(node)


def check_size(size: int) -> None:
    """Refuse a size of the picture that the network has no embedding for.

    Raises
    ------
    ConfigError
        If it is not from 75 to 1023.
    """
    if not MIN_SIZE <= size <= MAX_SIDE:
        raise ConfigError(f"SIZE={size}: FaceNet takes {MIN_SIZE} to {MAX_SIDE} rows and columns")
