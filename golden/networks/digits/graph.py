"""The digits' network as a list of layers: LeNet-5's widths on pictures of 8x8 pixels."""

from __future__ import annotations

from typing import Final

from golden.config import Activation
from golden.graph.float_graph import Conv, Graph
from golden.graph.layers import IMAGE, PoolLayer

SIDE: Final = 8
"""Rows and columns of a picture."""
CLASSES: Final = tuple("0123456789")
INPUT_SHAPE: Final = (1, SIDE, SIDE)
"""One channel, 0 to 1."""
HEAD: Final = "fc3"
"""The node that says how much a picture looks like each digit."""
GRAPH: Final = Graph(
    (
        Conv("conv1", IMAGE, 1, 6, (5, 5)),
        PoolLayer("pool1", "conv1"),
        Conv("conv2", "pool1", 6, 16, (5, 5)),
        PoolLayer("pool2", "conv2"),
        Conv("fc1", "pool2", 16, 120, (2, 2), padding="valid", norm=False),
        Conv("fc2", "fc1", 120, 84, norm=False),
        Conv("fc3", "fc2", 84, 10, norm=False, activation=Activation.LINEAR),
    )
)
"""A fully connected layer is a convolution whose kernel is the whole map."""
