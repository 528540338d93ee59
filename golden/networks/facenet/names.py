"""FaceNet's tensors by name: TensorFlow's variables and facenet-pytorch's state dict.

Both name the same numbers. TensorFlow keeps a kernel as (KH, KW, I, O), torch as
(O, I, KH, KW); TensorFlow-slim's batch normalisation has no gamma, torch's has one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv
from golden.graph.float_graph import Conv
from golden.networks.facenet.structure import BOTTLENECK, Structure
from golden.networks.facenet.table import REPEATS, facenet, structure_of

Naming = Literal["tensorflow", "torch"]
SCOPE: Final = "InceptionResnetV1"
"""What every variable of a TensorFlow checkpoint starts with; an old bottleneck's does not."""
UP: Final = "Conv2d_1x1"
"""The convolution ahead of a residual add."""
_STATISTICS: Final[dict[Naming, tuple[str, ...]]] = {
    "tensorflow": ("beta", "gamma", "moving_mean", "moving_variance"),
    "torch": ("bias", "weight", "running_mean", "running_var"),
}
"""Beta, gamma, mean and variance."""
_TORCH_REPEATS: Final = {scope: f"repeat_{n}" for n, (scope, *_) in enumerate(REPEATS, start=1)}
_COUNTER: Final = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Names:
    """Where a file keeps a convolution's tensors.

    Parameters
    ----------
    weight, bias : str
    beta, gamma, mean, variance : str
        Of its batch normalisation.
    """

    weight: str
    bias: str
    beta: str
    gamma: str
    mean: str
    variance: str

    @property
    def norm(self) -> str:
        """The batch normalisation itself."""
        return re.split(r"[./](?=\w+$)", self.mean)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A FaceNet network among named tensors.

    Parameters
    ----------
    structure : Structure
    convs : dict of str to StoredConv
        By node, in data-flow order.
    naming : str
        ``tensorflow`` or ``torch``.
    unknown : tuple of str
        Names that are no part of the network, in the file's order.
    """

    structure: Structure
    convs: dict[str, StoredConv]
    naming: Naming
    unknown: tuple[str, ...]


def tensorflow_names(conv: Conv, inside: bool = True) -> Names:
    """Name a convolution's variables in a TensorFlow checkpoint.

    Parameters
    ----------
    conv : Conv
    inside : bool
        Whether the scope is ahead of the name; an old bottleneck has none.

    >>> tensorflow_names(facenet().convs["Block8.Branch_0.Conv2d_1x1"]).beta
    'InceptionResnetV1/Block8/Branch_0/Conv2d_1x1/BatchNorm/beta'
    """
    own = conv.name.replace(".", "/")
    scope = f"{SCOPE}/{own}" if inside else own
    norm = (f"{scope}/BatchNorm/{key}" for key in _STATISTICS["tensorflow"])
    return Names(f"{scope}/weights", f"{scope}/biases", *norm)


def torch_names(conv: Conv, place: int = 0, steps: int = 1) -> Names:
    """Name a convolution's tensors in facenet-pytorch's state dict.

    Parameters
    ----------
    conv : Conv
    place, steps : int
        Its place in its branch, from 0, and the convolutions there.

    >>> torch_names(facenet().convs["Repeat_1.block17_2.Branch_1.Conv2d_0b_1x7"], 1, 3).weight
    'repeat_2.1.branch1.1.conv.weight'
    """
    if conv.name == BOTTLENECK:
        norm = (f"last_bn.{key}" for key in _STATISTICS["torch"])
        return Names("last_linear.weight", "last_linear.bias", *norm)
    words = conv.name.split(".")
    path = [_torch_word(word) for word in words]
    if len(words) > 1:
        path[-1:] = ["conv2d"] if words[-2][:6] != "Branch" else [str(place)] if steps > 1 else []
    module = ".".join(path)
    inner = f"{module}.conv" if conv.norm else module
    norm = (f"{module}.bn.{key}" for key in _STATISTICS["torch"])
    return Names(f"{inner}.weight", f"{inner}.bias", *norm)


def _torch_word(word: str) -> str:
    """One part of a node's name in facenet-pytorch's spelling."""
    if word in _TORCH_REPEATS:
        return _TORCH_REPEATS[word]
    if block := re.fullmatch(r"block\d+_(\d+)", word):
        return str(int(block[1]) - 1)
    if word.startswith("Conv2d_"):
        return word.rsplit("_", 1)[0].lower()
    return word.lower().replace("branch_", "branch")


def names(structure: Structure, naming: Naming) -> dict[str, Names]:
    """Name the tensors of every convolution, by node, in data-flow order."""
    if naming == "tensorflow":
        return {name: tensorflow_names(conv) for name, conv in structure.convs.items()}
    branches: dict[str, list[str]] = {}
    for name in structure.convs:
        branches.setdefault(name.rpartition(".")[0], []).append(name)
    found = {}
    for name, conv in structure.convs.items():
        branch = branches[name.rpartition(".")[0]]
        found[name] = torch_names(conv, branch.index(name), len(branch))
    return found


def renamed(structure: Structure, source: Naming) -> dict[str, str]:
    """Map each tensor's name in one spelling to its name in the other.

    Both ways are inverse to each other. A bias, or a batch normalisation's tensors, are
    there where the table says so.
    """
    wanted: Naming = "torch" if source == "tensorflow" else "tensorflow"
    one, other = names(structure, source), names(structure, wanted)
    mapping = {}
    for node, conv in structure.convs.items():
        held = ("beta", "gamma", "mean", "variance") if conv.norm else ("bias",)
        for key in ("weight", *held):
            mapping[getattr(one[node], key)] = getattr(other[node], key)
    return mapping


def naming_of(tensors: Mapping[str, object]) -> Naming | None:
    """Say how a FaceNet network's tensors are named; None where there is none."""
    first = facenet().convs["Conv2d_1a_3x3"]
    if tensorflow_names(first).weight in tensors:
        return "tensorflow"
    return "torch" if torch_names(first).weight in tensors else None


def find_network(tensors: Mapping[str, FloatArray]) -> Found:
    """Find a FaceNet network among named tensors; the tensors' own shapes count.

    Parameters
    ----------
    tensors : mapping of str to ndarray of float64
        As the file has them.

    Raises
    ------
    InputError
        If a tensor is missing or of the wrong shape, NaN or infinite, or there is no such
        network at all.
    """
    naming = naming_of(tensors)
    if naming is None:
        raise InputError(
            "no Inception-ResNet-v1 in it: give a checkpoint of FaceNet, or a state dict in "
            "facenet-pytorch's names"
        )
    table = names(facenet(), naming)
    plain = dict(tensors)
    if naming == "tensorflow":
        table[BOTTLENECK] = _bottleneck(tensors, table[BOTTLENECK])
    weights = {name: _weight(plain, own.weight, naming) for name, own in table.items()}
    structure = structure_of({name: weight.shape for name, weight in weights.items()})
    convs = {
        name: _stored(conv, plain, table[name], weights[name])
        for name, conv in structure.convs.items()
    }
    used = {name for own in table.values() for name in _all(own)}
    counters = {f"{own.norm}.{_COUNTER}" for own in table.values()}
    unknown = tuple(name for name in tensors if name not in used | counters)
    return Found(structure, convs, naming, unknown)


def tensors_of(
    structure: Structure, convs: Mapping[str, StoredConv], naming: Naming
) -> dict[str, FloatArray]:
    """Lay out a network's numbers as one of both files has them.

    A gamma of ones is left out of TensorFlow's, whose batch normalisation has none.
    """
    found: dict[str, FloatArray] = {}
    for node, own in names(structure, naming).items():
        conv = convs[node]
        found[own.weight] = _laid_out(node, conv.weight, naming)
        if conv.bias is not None:
            found[own.bias] = conv.bias
        if (norm := conv.norm) is not None:
            found[own.beta], found[own.mean], found[own.variance] = (
                *(norm.beta, norm.mean),
                norm.variance,
            )
            if naming == "torch" or (norm.gamma != 1).any():
                found[own.gamma] = norm.gamma
    return found


def _bottleneck(tensors: Mapping[str, object], usual: Names) -> Names:
    old = tensorflow_names(facenet().convs[BOTTLENECK], inside=False)
    return old if usual.weight not in tensors and old.weight in tensors else usual


def _weight(tensors: Mapping[str, FloatArray], name: str, naming: Naming) -> FloatArray:
    """A kernel as (O, I, KH, KW); the bottleneck's matrix is one of 1x1."""
    if name not in tensors:
        raise InputError(f"{name} is missing")
    weight = tensors[name]
    if weight.ndim == 2:
        matrix = weight.T if naming == "tensorflow" else weight
        return np.ascontiguousarray(matrix)[:, :, None, None]
    if weight.ndim != 4:
        raise InputError(f"{name} is {weight.shape}: a convolution's kernel has 4 axes")
    return np.ascontiguousarray(weight.transpose(3, 2, 0, 1)) if naming == "tensorflow" else weight


def _laid_out(node: str, weight: FloatArray, naming: Naming) -> FloatArray:
    if node == BOTTLENECK:
        matrix = weight[:, :, 0, 0]
        return np.ascontiguousarray(matrix.T) if naming == "tensorflow" else matrix
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0)) if naming == "tensorflow" else weight


def _stored(
    conv: Conv, tensors: Mapping[str, FloatArray], own: Names, weight: FloatArray
) -> StoredConv:
    def vector(name: str) -> FloatArray:
        if name not in tensors:
            raise InputError(f"{name} is missing")
        if tensors[name].shape != (conv.out_channels,):
            raise InputError(f"{name} is {tensors[name].shape}, ({conv.out_channels},) is wanted")
        return tensors[name]

    bias = vector(own.bias) if own.bias in tensors or not conv.norm else None
    if not conv.norm or (bias is not None and own.mean not in tensors):
        return StoredConv(conv.name, weight, bias)
    gamma = vector(own.gamma) if own.gamma in tensors else np.ones(conv.out_channels)
    norm = BatchNorm(conv.name, vector(own.beta), gamma, vector(own.mean), vector(own.variance))
    return StoredConv(conv.name, weight, bias, norm, Epsilon.SLIM)


def _all(own: Names) -> tuple[str, ...]:
    return own.weight, own.bias, own.beta, own.gamma, own.mean, own.variance
