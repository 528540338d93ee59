"""An integer network: its nodes, the checks between them, and a run of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, offer
from golden.graph.anchors import Anchors
from golden.graph.layers import (
    IMAGE,
    ConvLayer,
    Layer,
    ResidualLayer,
    Shape,
    check_order,
    sources,
)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """An integer graph.

    Raises
    ------
    ConfigError
        If a node reads a later or unknown one, shapes do not fit, or fraction bits
        disagree; the text names the node.
    """

    name: str
    nodes: tuple[Layer, ...]
    """In data-flow order; a node reads nodes before it, or ``image``."""
    input_frac: int
    """Fraction bits of the image."""
    options: NumericOptions
    """The choices that the nodes were made with."""
    input_shape: Shape
    """(C, H, W) of the image."""
    classes: tuple[str, ...]
    """Class names of the heads, in channel order."""
    saturated: dict[str, int]
    """Weights that saturated when they were quantised, by layer."""
    anchors: Anchors = field(default_factory=Anchors)
    """Of the heads, where they describe boxes."""

    def __post_init__(self) -> None:
        check_order(self.nodes)
        self.shapes()
        self.fracs()

    def convs(self) -> Iterator[ConvLayer]:
        """Iterate over the convolutions, in data-flow order."""
        return (node for node in self.nodes if isinstance(node, ConvLayer))

    def node(self, name: str) -> Layer:
        """Return the node of that name.

        Raises
        ------
        ConfigError
            If there is none; the text lists those there are.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise ConfigError(f"no node {name}: {offer(name, (node.name for node in self.nodes))}")

    def shapes(self) -> dict[str, Shape]:
        """Return (C, H, W) of ``image`` and of every node's output."""
        shapes: dict[str, Shape] = {IMAGE: self.input_shape}
        for node in self.nodes:
            shapes[node.name] = node.output_shape(*(shapes[name] for name in sources(node)))
        return shapes

    def fracs(self) -> dict[str, int]:
        """Return the fraction bits of ``image`` and of every node's output."""
        fracs = {IMAGE: self.input_frac}
        for node in self.nodes:
            read = [fracs[name] for name in sources(node)]
            if len(set(read)) != 1:
                raise ConfigError(f"{node.name}: sources have {read} fraction bits, not one figure")
            if isinstance(node, ConvLayer):
                check_fracs(node, read[0])
            lost = node.shift if isinstance(node, ResidualLayer) else 0
            fracs[node.name] = node.out_frac if isinstance(node, ConvLayer) else read[0] - lost
        return fracs

    def macs(self) -> dict[str, int]:
        """Count the multiplications of each convolution for one image, by name."""
        shapes = self.shapes()
        return {layer.name: layer.macs(shapes[layer.source]) for layer in self.convs()}

    def macs_on_zero_weights(self) -> dict[str, int]:
        """Count the part of `macs` that multiplies zeros around an embedded kernel, by name."""
        shapes = self.shapes()
        return {n.name: n.macs_on_zero_weights(shapes[n.source]) for n in self.convs()}


def check_fracs(layer: ConvLayer, in_frac: int) -> None:
    """Prove that the layer's shift is what its fraction bits demand.

    Raises
    ------
    ConfigError
        Naming the layer and the figures.
    """
    if layer.in_frac != in_frac:
        raise ConfigError(f"{layer.name}: in_frac {layer.in_frac}, but its source has {in_frac}")
    shift = layer.sum_frac - layer.out_frac
    if layer.shift != shift:
        raise ConfigError(f"{layer.name}: shift {layer.shift}, but its fraction bits give {shift}")
