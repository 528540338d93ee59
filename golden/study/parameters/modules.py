"""The modules of a network: what each does, its shapes, parameters and multiplications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from golden.graph.float_graph import Conv, Graph
from golden.graph.layers import Layer, PoolLayer, ResidualLayer, Shape, sources
from golden.networks.facenet.graph import BOTTLENECK, check_size
from golden.networks.facenet.graph import INPUT_SIZE as FACENET_SIZE
from golden.networks.yolov3_tiny.graph import INPUT_SIZE


@dataclass(frozen=True, slots=True)
class Module:
    """One node of a network at one size of its picture."""

    name: str
    """Dots part it from the blocks around it."""
    kind: str
    """``conv``, ``fc``, ``pool``, ``avgpool``, ``upsample``, ``concat`` or ``residual``."""
    inputs: tuple[Shape, ...]
    output: Shape
    """(C, H, W) of what it reads and makes."""
    kernel: tuple[int, int] | None = None
    """(rows, columns) of a convolution or a window."""
    stride: int = 1
    padding: str = ""
    """``same``: the map keeps its size at stride 1; ``valid``: windows lie inside it."""
    activation: str = ""
    """Empty where there is none."""
    scale: float = 1.0
    """What a branch is multiplied by before it is added."""
    parameters: int = 0
    macs: int = 0
    """Weights and biases, batch normalisation folded; multiplications of one picture."""

    @property
    def words(self) -> str:
        """What it does, in a few words.

        >>> shape = (1, 1, 1)
        >>> Module("c", "conv", (shape,), shape, (3, 3), 2, "valid", "relu").words
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
        elif max(self.kernel) > 1:
            parts.append(self.padding)
        return " ".join(parts) if self.kind != "fc" else "fc"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {
            "name": self.name,
            "kind": self.kind,
            "kernel": None if self.kernel is None else [*self.kernel],
            "stride": self.stride,
            "padding": self.padding or None,
            "activation": self.activation or None,
            "scale": self.scale,
            "inputs": [[*shape] for shape in self.inputs],
            "output": [*self.output],
            "parameters": self.parameters,
            "macs": self.macs,
        }


def facenet_modules(graph: Graph, size: int = FACENET_SIZE) -> list[Module]:
    """List FaceNet's nodes in data-flow order.

    Raises
    ------
    ConfigError
        If the network cannot take pictures of this size.
    """
    check_size(size)
    return _modules(graph, size)


def yolov3_tiny_modules(graph: Graph, size: int = INPUT_SIZE) -> list[Module]:
    """List YOLOv3-tiny's nodes in data-flow order."""
    return _modules(graph, size)


def _modules(graph: Graph, size: int) -> list[Module]:
    shapes = graph.shapes((3, size, size))
    found = []
    for node in graph.nodes:
        if isinstance(node, Conv):
            read = shapes[node.source]
            module = Module(
                name=node.name,
                kind="fc" if node.name == BOTTLENECK else node.kind,
                inputs=(read,),
                output=shapes[node.name],
                kernel=node.kernel,
                stride=node.stride,
                padding=node.padding if isinstance(node.padding, str) else "own",
                activation=node.activation.value,
                scale=node.scale,
                parameters=node.parameters,
                macs=node.macs(read),
            )
        else:
            module = _moving(node, shapes)
        found.append(module)
    return found


def _moving(node: Layer, shapes: Mapping[str, Shape]) -> Module:
    """A node without weights."""
    inputs = tuple(shapes[name] for name in sources(node))
    output = shapes[node.name]
    if isinstance(node, PoolLayer):
        kernel = (node.size, node.size)
        padding = "valid" if node.padding is None else "same"
        return Module(node.name, node.kind, inputs, output, kernel, node.stride, padding)
    activation = node.activation.value if isinstance(node, ResidualLayer) else ""
    return Module(node.name, node.kind, inputs, output, activation=activation)
