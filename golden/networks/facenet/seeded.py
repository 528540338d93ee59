"""A FaceNet network drawn at random, for want of a trained file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.numpy import save_file

import golden
from golden.arithmetic.fixed import FloatArray
from golden.config import Activation
from golden.files import whole_file
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv
from golden.graph.float_graph import Conv, Graph
from golden.graph.layers import IMAGE
from golden.networks.facenet.files import FaceNet, scaled, tensors_of
from golden.networks.facenet.graph import INPUT_SIZE, facenet
from golden.reference.float_model import activate, convolve, move, parameters

SEED: Final = 1
_PICTURES: Final = 8
"""Pictures that a network's statistics are taken on."""
_COARSEST: Final = 32
"""Side of the largest squares in them, pixels."""
_BITS: Final = 10
"""Significant bits of a mean or variance: another machine's last bit changes none."""
_BETA: Final = 0.2
"""Spread of beta and of the biases."""


def seeded(graph: Graph, seed: int = SEED) -> FaceNet:
    """Draw a network that neither explodes nor dies.

    Weights are normal with variance 2 / fan-in, 1 / fan-in where no rectifier follows. Each
    batch normalisation holds the mean and variance that its convolution has on random
    pictures, as training would have left them; gamma is 1. The network recognises nobody.

    Parameters
    ----------
    seed : int
        0 or more; one seed gives one network, on every machine.
    """
    draw = np.random.default_rng(seed)
    values = {IMAGE: torch.from_numpy(_pictures(draw))}
    convs: dict[str, StoredConv] = {}
    with torch.no_grad():
        for node in graph.nodes:
            if isinstance(node, Conv):
                conv = _drawn(node, values[node.source], draw)
                folded = scaled(conv.folded(), node.scale)
                convs[node.name] = conv
                sums = convolve(node, values[node.source], *parameters(folded, torch.float64))
                values[node.name] = activate(node, sums)
            else:
                values[node.name] = move(node, values)
    return FaceNet(graph, convs)


def _pictures(draw: np.random.Generator) -> FloatArray:
    """Pictures, -1 to 1, with as much contrast in coarse squares as in fine ones."""
    total = np.zeros((_PICTURES, 3, INPUT_SIZE, INPUT_SIZE))
    block = 1
    while block <= _COARSEST:
        cells = draw.standard_normal((_PICTURES, 3, INPUT_SIZE // block, INPUT_SIZE // block))
        total += cells.repeat(block, axis=2).repeat(block, axis=3)
        block *= 2
    return np.clip(total / 4, -1, 1)


def _drawn(node: Conv, x: torch.Tensor, draw: np.random.Generator) -> StoredConv:
    """Draw a convolution for inputs (N, I, H, W)."""
    fan_in = node.in_channels * node.kernel[0] * node.kernel[1]
    gain = 1 if node.activation is Activation.LINEAR else 2
    weight = _single(draw.standard_normal(node.weight_shape) * np.sqrt(gain / fan_in))
    offset = _single(draw.standard_normal(node.out_channels) * _BETA)
    if not node.norm:
        return StoredConv(node.name, weight, offset)
    sums = convolve(node, x, torch.from_numpy(weight), None)
    variance, mean = torch.var_mean(sums, dim=(0, 2, 3), correction=0)
    figures = (_coarse(mean.numpy()), _coarse(variance.numpy()))
    norm = BatchNorm(node.name, offset, np.ones_like(offset), *figures)
    return StoredConv(node.name, weight, None, norm, Epsilon.SLIM)


def _single(x: FloatArray) -> FloatArray:
    """Round to what a file of float32 holds."""
    return x.astype(np.float32).astype(np.float64)


def _coarse(x: FloatArray) -> FloatArray:
    """Round to `_BITS` significant bits."""
    mantissa, exponent = np.frexp(x)
    rounded: FloatArray = np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS)
    return rounded


_SOURCES: Final = (
    "networks/facenet/seeded.py",
    "networks/facenet/graph.py",
    "reference/float_model.py",
    "graph/float_conv.py",
)
"""What the numbers depend on, in the package `golden`."""


def seeded_file(folder: Path) -> Path:
    """Return the file of the network that `SEED` gives, drawn in some seconds where it is not.

    Parameters
    ----------
    folder : Path
        Keeps the file, 94 MB.

    Returns
    -------
    Path
        A ``.safetensors`` file in the torch model's names.
    """
    path = folder / f"facenet-seed{SEED}-{_key()}.safetensors"
    if not path.is_file():
        network = seeded(facenet())
        found = tensors_of(network.graph, network.convs, "torch")
        tensors = {name: np.ascontiguousarray(x, np.float32) for name, x in found.items()}
        with whole_file(path) as scratch:
            save_file(tensors, scratch)
    return path


def _key() -> str:
    """Hash of the sources that draw the network."""
    folder = Path(golden.__file__).parent
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]
