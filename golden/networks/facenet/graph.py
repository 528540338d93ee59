"""Inception-ResNet-v1 as a table: its nodes, their order, and which nodes read which.

A node is named by its TensorFlow scope below ``InceptionResnetV1/``, with dots for slashes.
Widths may be another file's; blocks, kernels, strides and scales are the network's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from golden.config import MAX_SIDE, Activation, ConfigError, InputError
from golden.graph.float_graph import Conv, Graph, Node
from golden.graph.layers import IMAGE, AverageLayer, ConcatLayer, PoolLayer, ResidualLayer

INPUT_SIZE: Final = 160
"""Rows and columns of the picture, unless another size is asked for."""
WHITE: Final = 127.5 / 128
"""Magnitude of a white pixel, and of a black one."""
MIN_SIZE: Final = 75
"""The smallest picture that leaves a pixel at the end."""
BOTTLENECK: Final = "Bottleneck"
"""The last node: the embedding before its length becomes 1."""
EMBEDDING: Final = 512
"""Width of the embedding; models before 2018 have 128."""


_STEP: Final = re.compile(r"(\w*?(\d)x(\d)):(\d+)(?:/(\d))?")
"""A convolution of a branch, ``0b_1x7:128``: its name, which ends in its kernel, and its width.

A stride behind it, ``1a_3x3:384/2``, says that its windows lie inside the map."""
_STEM: Final = "1a_3x3:32/2 2a_3x3:32/1 2b_3x3:64"
_STEM_BEHIND_POOL: Final = "3b_1x1:80/1 4a_3x3:192/1 4b_3x3:256/2"
_BLOCK35: Final = ("1x1:32", "0a_1x1:32 0b_3x3:32", "0a_1x1:32 0b_3x3:32 0c_3x3:32")
_MIXED_6A: Final = ("1a_3x3:384/2", "0a_1x1:192 0b_3x3:192 1a_3x3:256/2")
_BLOCK17: Final = ("1x1:128", "0a_1x1:128 0b_1x7:128 0c_7x1:128")
_MIXED_7A: Final = (
    "0a_1x1:256 1a_3x3:384/2",
    "0a_1x1:256 1a_3x3:256/2",
    "0a_1x1:256 0b_3x3:256 1a_3x3:256/2",
)
_BLOCK8: Final = ("1x1:192", "0a_1x1:192 0b_1x3:192 0c_3x1:192")
REPEATS: Final = (
    ("Repeat", "block35", 5, _BLOCK35, 0.17),
    ("Repeat_1", "block17", 10, _BLOCK17, 0.10),
    ("Repeat_2", "block8", 5, _BLOCK8, 0.20),
)
"""Scope of each chain of residual blocks, name and number of the blocks, branches, scale."""
_REDUCTIONS: Final = {"Repeat": ("Mixed_6a", _MIXED_6A), "Repeat_1": ("Mixed_7a", _MIXED_7A)}


@dataclass(slots=True)
class _Builder:
    """Nodes so far; a width given by name comes before the table's."""

    widths: Mapping[str, int]
    nodes: list[Node] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=lambda: {IMAGE: 3})

    def put(self, node: Node, channels: int) -> str:
        self.nodes.append(node)
        self.channels[node.name] = channels
        return node.name

    def chain(self, scope: str, source: str, steps: str) -> str:
        for step, rows, columns, usual, stride in _STEP.findall(steps):
            name = f"{scope}Conv2d_{step}"
            width = self.widths.get(name, int(usual))
            kernel = int(rows), int(columns)
            padding: Literal["same", "valid"] = "valid" if stride else "same"
            inputs = self.channels[source]
            node = Conv(name, source, inputs, width, kernel, int(stride or 1), padding)
            source = self.put(node, width)
        return source

    def branches(self, scope: str, source: str, branches: tuple[str, ...]) -> list[str]:
        return [
            self.chain(f"{scope}.Branch_{number}.", source, steps)
            for number, steps in enumerate(branches)
        ]

    def concat(self, scope: str, joined: list[str]) -> str:
        channels = sum(self.channels[name] for name in joined)
        return self.put(ConcatLayer(f"{scope}.concat", tuple(joined)), channels)

    def pool(self, name: str, source: str) -> str:
        return self.put(PoolLayer(name, source, 3, 2), self.channels[source])

    def block(
        self,
        scope: str,
        source: str,
        branches: tuple[str, ...],
        scale: float,
        activation: Activation = Activation.RELU,
    ) -> str:
        joined = self.concat(scope, self.branches(scope, source, branches))
        width = self.channels[source]
        up = Conv(
            name=f"{scope}.Conv2d_1x1",
            source=joined,
            in_channels=self.channels[joined],
            out_channels=width,
            norm=False,
            activation=Activation.LINEAR,
            scale=scale,
        )
        self.put(up, width)
        return self.put(ResidualLayer(f"{scope}.add", (source, up.name), activation), width)

    def reduction(self, scope: str, source: str, branches: tuple[str, ...]) -> str:
        ends = self.branches(scope, source, branches)
        ends.append(self.pool(f"{scope}.Branch_{len(ends)}.MaxPool_1a_3x3", source))
        return self.concat(scope, ends)


def facenet(embedding: int = EMBEDDING, widths: Mapping[str, int] | None = None) -> Graph:
    """Make the table.

    Parameters
    ----------
    embedding : int
        Width of the embedding.
    widths : mapping of str to int, optional
        Output channels of branches and stem that are not the table's, by node. The
        convolution ahead of a residual add has its block's channels.

    >>> net = facenet()
    >>> len(net.convs) - 1, sum(net.macs((3, 160, 160)).values())
    (132, 1417662304)
    """
    made = _Builder(widths or {})
    source = made.pool("MaxPool_3a_3x3", made.chain("", IMAGE, _STEM))
    source = made.chain("", source, _STEM_BEHIND_POOL)
    for scope, name, count, branches, scale in REPEATS:
        for number in range(1, count + 1):
            source = made.block(f"{scope}.{name}_{number}", source, branches, scale)
        if scope in _REDUCTIONS:
            source = made.reduction(_REDUCTIONS[scope][0], source, _REDUCTIONS[scope][1])
    source = made.block("Block8", source, _BLOCK8, 1.0, Activation.LINEAR)
    source = made.put(AverageLayer("Logits.AvgPool_1a_8x8", source), made.channels[source])
    inputs = made.channels[source]
    width = (widths or {}).get(BOTTLENECK, embedding)
    linear = Activation.LINEAR
    made.put(Conv(BOTTLENECK, source, inputs, width, activation=linear), width)
    return Graph(tuple(made.nodes))


def graph_of(shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """Make the table of a network from each node's weights' shape, (O, I, KH, KW).

    Raises
    ------
    InputError
        If one is missing or unknown, or its shape does not fit what it reads.
    """
    graph = facenet(widths={name: shape[0] for name, shape in shapes.items()})
    for name in shapes:
        if name not in graph.convs:
            raise InputError(f"{name}: no such convolution in Inception-ResNet-v1")
    for name, conv in graph.convs.items():
        if name not in shapes:
            raise InputError(f"{name}: its weights are missing")
        if shapes[name] != conv.weight_shape:
            raise InputError(
                f"{name}: weights are {shapes[name]}, but the network wants {conv.weight_shape} "
                "(O, I, KH, KW)"
            )
    return graph


def check_size(size: int) -> None:
    """Refuse a size of the picture that the network has no embedding for.

    Raises
    ------
    ConfigError
        If it is not from 75 to 1023.
    """
    if not MIN_SIZE <= size <= MAX_SIDE:
        raise ConfigError(f"SIZE={size}: FaceNet takes {MIN_SIZE} to {MAX_SIDE} rows and columns")
