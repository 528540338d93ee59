"""Shapes, parameters and multiplications of a float network."""

from __future__ import annotations

from dataclasses import dataclass

from golden.graph.float_graph import Conv, FloatNetwork
from golden.graph.layers import Shape, sources
from golden.networks.yolov3_tiny.graph import INPUT_SIZE


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
    shapes = network.graph.shapes((3, size, size))
    facts = []
    for node in network.nodes:
        inputs = tuple(shapes[name] for name in sources(node))
        kernel = parameters = macs = zeros = 0
        if isinstance(node, Conv):
            kernel, parameters, macs = node.kernel[0], node.parameters, node.macs(inputs[0])
            zeros = macs * network.embedded_zero_taps.get(node.name, 0) // kernel**2
        figures = (parameters, macs, zeros)
        facts.append(NodeFacts(node.name, node.kind, kernel, inputs, shapes[node.name], *figures))
    return facts
