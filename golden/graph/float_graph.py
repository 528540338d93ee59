"""A network in real numbers: a list of nodes, and the weights of its convolutions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from golden.config import Activation, ConfigError
from golden.graph.anchors import Anchors
from golden.graph.conv_layer import conv_output_shape
from golden.graph.float_conv import FloatConv
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    Padding,
    PoolLayer,
    ResidualLayer,
    Shape,
    UpsampleLayer,
    check_order,
    sources,
)


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution without its numbers.

    Raises
    ------
    ConfigError
        If an even kernel is to keep the map's size, a slope has no leaky activation, or a
        field is not supported.
    """

    name: str
    source: str
    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    """(rows, columns)."""
    stride: int = 1
    """Both ways."""
    padding: Padding | Literal["same", "valid"] = "same"
    """Zeros on each side; ``same``: as many as keep the map's size at stride 1, for odd kernels;
    ``valid``: none."""
    norm: bool = True
    """Whether a batch normalisation follows; otherwise there is a bias."""
    activation: Activation = Activation.RELU
    slope: float | None = None
    """Of a leaky activation; the option of the whole network where there is none."""
    scale: float = 1.0
    """What its output is multiplied by."""
    groups: int = 1
    dilation: int = 1
    """1: others are refused."""

    kind: ClassVar[Literal["conv"]] = "conv"

    def __post_init__(self) -> None:
        if self.padding == "same" and not all(side % 2 for side in self.kernel):
            raise ConfigError(
                f"{self.name}: an even kernel {self.kernel} cannot keep the map's size: "
                "padding='valid'"
            )
        if self.slope is not None and self.activation is not Activation.LEAKY:
            raise ConfigError(f"{self.name}: slope {self.slope}, but it is {self.activation.value}")
        if not isinstance(self.padding, Padding) and self.padding not in ("same", "valid"):
            raise ConfigError(
                f"{self.name}: padding {self.padding!r}: give same, valid or a Padding"
            )
        if self.stride < 1:
            raise ConfigError(f"{self.name}: stride {self.stride}: give 1 or more")
        for what in ("groups", "dilation"):
            if (value := getattr(self, what)) != 1:
                raise ConfigError(f"{self.name}: {what} {value}: not yet supported, only 1 is")

    @property
    def pads(self) -> Padding:
        """Zeros on each side."""
        if isinstance(self.padding, Padding):
            return self.padding
        rows, columns = (side // 2 if self.padding == "same" else 0 for side in self.kernel)
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
        return conv_output_shape(self.name, input_shape, self.weight_shape, self.pads, self.stride)

    def macs(self, input_shape: Shape) -> int:
        """Count the multiplications for an input (I, H, W), those of padding included."""
        _, rows, columns = self.output_shape(input_shape)
        return (self.parameters - self.out_channels) * rows * columns


Node = Conv | PoolLayer | UpsampleLayer | ConcatLayer | ResidualLayer | AverageLayer


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of one network, in data-flow order; the first reads ``image``.

    Raises
    ------
    ConfigError
        If a node reads none before it, or two have one name.
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        check_order(self.nodes)

    @property
    def convs(self) -> dict[str, Conv]:
        """The convolutions and fully connected layers by name, in data-flow order."""
        return {node.name: node for node in self.nodes if isinstance(node, Conv)}

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return (C, H, W) of ``image`` and of every node's output.

        Raises
        ------
        ConfigError
            If a layer cannot take what it reads.
        """
        shapes: dict[str, Shape] = {IMAGE: input_shape}
        for node in self.nodes:
            shapes[node.name] = node.output_shape(*(shapes[name] for name in sources(node)))
        return shapes

    def macs(self, input_shape: Shape) -> dict[str, int]:
        """Count the multiplications of each convolution for one image, by name."""
        shapes = self.shapes(input_shape)
        return {name: conv.macs(shapes[conv.source]) for name, conv in self.convs.items()}


@dataclass(frozen=True, slots=True, eq=False)
class FloatNetwork:
    """A graph with its numbers, batch normalisation folded."""

    graph: Graph
    convs: dict[str, FloatConv]
    """Weights and bias of each convolution, by name."""
    classes: tuple[str, ...] = ()
    """Names of the last layers' channels, in order."""
    embedded_zero_taps: dict[str, int] = field(default_factory=dict)
    """Kernel taps that are zero because a smaller kernel was embedded, by name."""
    white: float = 1.0
    """The largest magnitude of a pixel."""
    anchors: Anchors = field(default_factory=Anchors)
    """Of the heads, where they describe boxes."""

    def check_numbers(self) -> None:
        """Refuse numbers that are not the graph's.

        Raises
        ------
        ConfigError
            If a convolution has no weights, or weights of another shape.
        """
        for name, node in self.graph.convs.items():
            if name not in self.convs:
                raise ConfigError(
                    f"{name}: no weights; there are {', '.join(self.convs) or 'none'}"
                )
            if (shape := self.convs[name].weight.shape) != node.weight_shape:
                raise ConfigError(f"{name}: weights {shape}, {node.weight_shape} are wanted")

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The graph's nodes, in data-flow order."""
        return self.graph.nodes
