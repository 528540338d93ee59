"""A network as a list of layers without their numbers: shapes, counts, and who reads whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from golden.config import Activation, ConfigError
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    Padding,
    PoolLayer,
    ResidualLayer,
    Shape,
    UpsampleLayer,
    sources,
)


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution without its numbers.

    Parameters
    ----------
    name, source : str
    in_channels, out_channels : int
    kernel : tuple of int
        (rows, columns).
    stride : int
        Both ways.
    same : bool
        Whether zeros on all sides keep the map's size, at stride 1; the kernel's sides are odd.
    norm : bool
        Whether a batch normalisation follows; otherwise there is a bias.
    activation : Activation
        ``linear`` or ``relu``.
    scale : float
        What its output is multiplied by.

    Raises
    ------
    ConfigError
        If the activation is leaky, or an even kernel is to keep the map's size.
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

    def __post_init__(self) -> None:
        if self.activation is Activation.LEAKY:
            raise ConfigError(f"{self.name}: activation leaky is not linear or relu")
        if self.same and not all(side % 2 for side in self.kernel):
            raise ConfigError(
                f"{self.name}: an even kernel {self.kernel} cannot keep the map's size: same=False"
            )

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
            If it has other channels, or the padded input is smaller than the kernel.
        """
        if input_shape[0] != self.in_channels:
            raise ConfigError(
                f"{self.name}: {input_shape[0]} input channels, not {self.in_channels}"
            )
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


Node = Conv | PoolLayer | UpsampleLayer | ConcatLayer | ResidualLayer | AverageLayer


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of one network, in data-flow order; the first reads ``image``."""

    nodes: tuple[Node, ...]

    @property
    def convs(self) -> dict[str, Conv]:
        """The convolutions and fully connected layers by name, in data-flow order."""
        return {node.name: node for node in self.nodes if isinstance(node, Conv)}

    def shapes_from(self, input_shape: Shape) -> dict[str, Shape]:
        """Return (C, H, W) of ``image`` and of every node's output.

        Raises
        ------
        ConfigError
            If a layer cannot take what it reads.
        """
        shapes: dict[str, Shape] = {IMAGE: input_shape}
        for node in self.nodes:
            shapes[node.name] = node.output_shape(*(shapes[name] for name in read_by(node)))
        return shapes


def read_by(node: Node) -> tuple[str, ...]:
    """Return the names of the nodes that `node` reads, in order."""
    return (node.source,) if isinstance(node, Conv) else sources(node)
