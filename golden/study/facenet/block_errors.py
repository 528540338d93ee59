"""What the integers lose against the float network: noise by block, and the embedding's angle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import dequantize
from golden.graph.float_graph import FloatNetwork, Graph
from golden.graph.network import Network
from golden.networks.facenet.files import FaceNet
from golden.networks.facenet.graph import BOTTLENECK
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run
from golden.study.errors.layer_errors import LayerError, RunErrors
from golden.vision.images import Pixels


def embedding(bottleneck: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scale the bottleneck's output, (E, 1, 1), to length 1: (E,).

    >>> embedding(np.array([[[3.0]], [[-4.0]]])).tolist()
    [0.6, -0.8]
    """
    flat = np.asarray(bottleneck, np.float64).reshape(-1)
    length = float(np.sqrt(flat @ flat))
    return flat / length if length else flat


PARTS: Final = {
    "stem": "stem",
    "block35": "Repeat.block35_5",
    "Mixed_6a": "Mixed_6a",
    "block17": "Repeat_1.block17_10",
    "Mixed_7a": "Mixed_7a",
    "block8": "Block8",
    "logits": BOTTLENECK,
}
"""The network's parts, with the block that each ends in."""


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """Integers against floats."""

    blocks: tuple[LayerError, ...]
    """Of each block's output, in data-flow order; the last is the embedding's, before its length
    becomes 1."""
    cosines: tuple[float, ...]
    """Of the angle between both embeddings, by picture."""


def block_ends(graph: Graph) -> dict[str, str]:
    """Name the node that each block ends in, in data-flow order.

    >>> from golden.networks.facenet.graph import facenet
    >>> ends = block_ends(facenet())
    >>> len(ends), ends["stem"], ends["Repeat.block35_1"], ends["Mixed_6a"]
    (26, 'Conv2d_4b_3x3', 'Repeat.block35_1.add', 'Mixed_6a.concat')
    """
    ends: dict[str, str] = {}
    for node in graph.nodes:
        ends[block_of(node.name)] = node.name
    return ends


def block_of(name: str) -> str:
    """Name the block that a node belongs to.

    >>> block_of("Repeat_1.block17_3.Branch_0.Conv2d_1x1"), block_of("Conv2d_1a_3x3")
    ('Repeat_1.block17_3', 'stem')
    """
    words = name.split(".")
    if words[0].startswith(("Conv2d", "MaxPool")):
        return "stem"
    return ".".join(words[:2]) if words[0].startswith("Repeat") else words[0]


def network_errors(weights: FaceNet, network: Network, images: Iterable[Pixels]) -> NetworkErrors:
    """Run both on the same pictures, the floats in float64, and compare.

    Parameters
    ----------
    network : Network
        What `golden.networks.facenet.build.build_facenet` makes of `weights`.
    images : iterable of ndarray of float32, (3, H, W)
        As `golden.networks.facenet.pictures.prepare` makes them.

    Raises
    ------
    ValueError
        If there are no pictures, or they have another size than the network's.
    """
    real, fracs = weights.folded(), network.fracs()
    ends = block_ends(weights.graph)
    sums = RunErrors()
    cosines = []
    for image in images:
        reference = float_model.run(real, image, dtype=torch.float64)
        ints = run(network, quantize_image(image, network.input_frac, network.options.act_w)[0])
        reals = {name: dequantize(ints[name], fracs[name]) for name in ends.values()}
        wanted = {block: reference[name] for block, name in ends.items()}
        sums.add(wanted, {block: reals[name] for block, name in ends.items()})
        cosines.append(cosine(reference[BOTTLENECK], reals[BOTTLENECK]))
    if not cosines:
        raise ValueError("no pictures to compare on")
    return NetworkErrors(tuple(sums.results()), tuple(cosines))


def cosine(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Cosine of the angle between two embeddings of any shape and length.

    >>> round(cosine(np.array([1.0, 0.0]), np.array([3.0, 3.0])), 4)
    0.7071
    """
    return float(embedding(one) @ embedding(other))


def cosine_to_floats(
    network: FloatNetwork, image: Pixels, bottleneck: npt.NDArray[np.generic]
) -> float:
    """Cosine of the angle between an embedding and the float network's, in float64."""
    wanted = float_model.run(network, image, dtype=torch.float64)[BOTTLENECK]
    return cosine(wanted, bottleneck.astype(np.float64))
