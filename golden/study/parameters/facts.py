"""Shapes, parameters and multiplications of a float network."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from golden.graph.layers import IMAGE, Shape, sources
from golden.networks.yolov3_tiny.graph import INPUT_SIZE, ConvNode, FloatNetwork


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node at one size of the image."""

    name: str
    kind: str
    kernel: int
    """Side of a convolution's kernel; 0 for other nodes."""
    inputs: tuple[Shape, ...]
    output: Shape
    """(C, H, W) of what it reads and makes."""
    parameters: int
    macs: int
    """Weights and biases; multiplications of one image."""
    macs_on_zero_weights: int
    """The part of `macs` that multiplies the zeros around an embedded kernel."""


def node_facts(network: FloatNetwork, size: int = INPUT_SIZE) -> list[NodeFacts]:
    """List every node of a network in data-flow order.

    Parameters
    ----------
    size : int
        Rows and columns of the image.
    """
    shapes: dict[str, Shape] = {IMAGE: (3, size, size)}
    facts = []
    for node in network.nodes:
        names = (node.source,) if isinstance(node, ConvNode) else sources(node)
        inputs = tuple(shapes[name] for name in names)
        if isinstance(node, ConvNode):
            output = (node.out_channels, *inputs[0][1:])
            weight = prod(network.convs[node.name].weight.shape)
            taps = node.kernel**2
            zero_taps = network.embedded_zero_taps.get(node.name, 0)
            macs = weight * output[1] * output[2]
            figures = (weight + node.out_channels, macs, macs * zero_taps // taps)
            facts.append(NodeFacts(node.name, node.kind, node.kernel, inputs, output, *figures))
        else:
            output = node.output_shape(*inputs)
            facts.append(NodeFacts(node.name, node.kind, 0, inputs, output, 0, 0, 0))
        shapes[node.name] = output
    return facts
