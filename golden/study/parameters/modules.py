"""The modules of a network: what each does, its shapes, parameters and multiplications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from golden.graph.float_graph import Conv, FloatNetwork, Graph, Node
from golden.graph.image_size import ImageSize, sides
from golden.graph.layers import PoolLayer, ResidualLayer, Shape, sources
from golden.networks.facenet.graph import BOTTLENECK
from golden.networks.yolov3_tiny.graph import INPUT_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One node of a network at one size of its picture, as JSON holds it."""

    name: str
    """Dots part it from the blocks around it."""
    kind: str
    """``conv``, ``fc``, ``pool``, ``avgpool``, ``upsample``, ``concat`` or ``residual``."""
    kernel: tuple[int, int] | None = None
    """(rows, columns) of a convolution or a window."""
    stride: int = 1
    padding: str | None = None
    """``same``: the map keeps its size at stride 1; ``valid``: windows lie inside it."""
    activation: str | None = None
    scale: float = 1.0
    """What a branch is multiplied by before it is added."""
    inputs: tuple[Shape, ...]
    output: Shape
    """(C, H, W) of what it reads and makes."""
    parameters: int = 0
    macs: int = 0
    """Weights and biases, batch normalisation folded; multiplications of one picture."""

    @property
    def words(self) -> str:
        """What it does, in a few words.

        >>> shapes = {"inputs": ((1, 3, 3),), "output": (1, 1, 1)}
        >>> Module(name="c", kind="conv", kernel=(3, 3), stride=2, padding="valid", **shapes).words
        'conv 3x3/2 valid'
        """
        if self.kernel is None:
            return {"residual": f"add {self.activation}", "avgpool": "average"}.get(
                self.kind, self.kind
            )
        step = f"/{self.stride}" if self.stride > 1 else ""
        parts = [self.kind, f"{self.kernel[0]}x{self.kernel[1]}{step}"]
        if self.scale != 1:
            parts.append(f"* {self.scale:g}")
        elif max(self.kernel) > 1 and self.padding:
            parts.append(self.padding)
        return " ".join(parts) if self.kind != "fc" else "fc"


def modules(graph: Graph, size: ImageSize) -> list[Module]:
    """List the nodes of a network in data-flow order.

    Raises
    ------
    ConfigError
        If the network cannot take pictures of this size.
    """
    shapes = graph.shapes((3, *sides(size)))
    return [_module(node, shapes) for node in graph.nodes]


def _module(node: Node, shapes: Mapping[str, Shape]) -> Module:
    inputs = tuple(shapes[name] for name in sources(node))
    kind: str = node.kind
    facts: dict[str, Any] = {}
    if isinstance(node, Conv):
        kind = "fc" if node.name == BOTTLENECK else kind
        facts = {
            "kernel": node.kernel,
            "stride": node.stride,
            "padding": node.padding if isinstance(node.padding, str) else "own",
            "activation": node.activation.value,
            "scale": node.scale,
            "parameters": node.parameters,
            "macs": node.macs(inputs[0]),
        }
    elif isinstance(node, PoolLayer):
        padding = "valid" if node.padding is None else "same"
        facts = {"kernel": (node.size, node.size), "stride": node.stride, "padding": padding}
    elif isinstance(node, ResidualLayer):
        facts = {"activation": node.activation.value}
    return Module(name=node.name, kind=kind, inputs=inputs, output=shapes[node.name], **facts)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node of YOLOv3-tiny at one size of the image, as JSON holds it."""

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


def node_facts(network: FloatNetwork, size: ImageSize = INPUT_SIZE) -> list[NodeFacts]:
    """List every node of a network, at so many rows and columns, in data-flow order."""
    facts = []
    for node in modules(network.graph, size):
        kernel = node.kernel[0] if node.kind == "conv" and node.kernel else 0
        zeros = network.embedded_zero_taps.get(node.name, 0)
        figures = (node.parameters, node.macs, node.macs * zeros // max(kernel, 1) ** 2)
        facts.append(NodeFacts(node.name, node.kind, kernel, node.inputs, node.output, *figures))
    return facts
