"""FaceNet's nodes without their numbers: sizes, shapes and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from golden.config import MAX_SIDE, ConfigError
from golden.graph.float_graph import Graph
from golden.graph.layers import Shape

INPUT_SIZE: Final = 160
"""Rows and columns of the picture, unless another size is asked for."""
MIN_SIZE: Final = 75
"""The smallest picture that leaves a pixel at the end."""
BOTTLENECK: Final = "Bottleneck"
"""The last node: the embedding before its length becomes 1."""


@dataclass(frozen=True, slots=True)
class Structure(Graph):
    """The nodes of one network, in data-flow order."""

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
        return self.shapes_from((3, size, size))

    def macs(self, size: int = INPUT_SIZE) -> dict[str, int]:
        """Count the multiplications of each convolution and of the bottleneck, by name."""
        shapes = self.shapes(size)
        return {name: conv.macs(shapes[conv.source]) for name, conv in self.convs.items()}


def check_size(size: int) -> None:
    """Refuse a size of the picture that the network has no embedding for.

    Raises
    ------
    ConfigError
        If it is not from 75 to 1023.
    """
    if not MIN_SIZE <= size <= MAX_SIDE:
        raise ConfigError(f"SIZE={size}: FaceNet takes {MIN_SIZE} to {MAX_SIDE} rows and columns")
