"""FaceNet networks of a few channels, and pictures for them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from golden.graph.float_graph import Graph
from golden.networks.facenet.files import FaceNet
from golden.networks.facenet.graph import BOTTLENECK, facenet
from golden.networks.facenet.seeded import seeded
from golden.vision.images import Pixels

SIZE = 107
"""Leaves a map of 1 row at the end, and odd ones on the way."""


def narrow() -> Graph:
    """The whole graph with 3 to 9 channels a branch, all different from one another's."""
    usual = facenet().convs
    widths = {name: 3 + index * 5 % 7 for index, name in enumerate(usual)}
    return facenet(widths={**widths, BOTTLENECK: 10})


@lru_cache(maxsize=1)
def narrow_network() -> FaceNet:
    return seeded(narrow())


def pictures(count: int = 2, size: int = SIZE) -> list[Pixels]:
    """Pictures of coarse squares, -0.996 to 0.996."""
    draw = np.random.default_rng(7)
    found = []
    for _ in range(count):
        cells = draw.uniform(-0.996, 0.996, (3, -(-size // 9), -(-size // 9)))
        squares = cells.repeat(9, axis=1).repeat(9, axis=2)[:, :size, :size]
        found.append(np.ascontiguousarray(squares.astype(np.float32)))
    return found
