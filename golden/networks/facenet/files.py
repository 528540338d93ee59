"""FaceNet's numbers: out of a file, folded, and laid out as a file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_conv import BatchNorm, Epsilon, FloatConv, StoredConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.importers.file_kinds import READ, file_kind, refusal
from golden.importers.tensorflow.checkpoint import is_tf_checkpoint, read_tf_checkpoint
from golden.importers.torch.tensor_files import read_tensors, without_prefix
from golden.networks.facenet.graph import BOTTLENECK, WHITE, facenet, graph_of
from golden.networks.facenet.names import Names, Naming, names, tensorflow_names, torch_names

WANTED: Final = (
    "a torch state dict (.pth, .pt), a .safetensors, or a TensorFlow checkpoint by its prefix or "
    ".index"
)
_COUNTER: Final = "num_batches_tracked"
Tensors = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class FaceNet:
    """A network with its numbers."""

    graph: Graph
    convs: dict[str, StoredConv]
    """By node, in data-flow order, batch normalisation apart."""
    unknown: tuple[str, ...] = ()
    """Names in its file that are no part of the network, in the file's order."""
    naming: Naming | None = None
    """Of its file's tensors: ``tensorflow`` or ``torch``."""

    def folded(self) -> FloatNetwork:
        """Fold batch normalisation and a branch's scale into weights and biases.

        Raises
        ------
        InputError
            If a folded value is NaN or infinite.
        """
        nodes = self.graph.convs
        convs = {
            name: scaled(conv.folded(), nodes[name].scale) for name, conv in self.convs.items()
        }
        return FloatNetwork(self.graph, convs, white=WHITE)


def scaled(conv: FloatConv, scale: float) -> FloatConv:
    """Multiply a convolution's output by `scale`."""
    return FloatConv(conv.name, conv.weight * scale, conv.bias * scale)


def read_facenet(path: Path) -> FaceNet:
    """Read a network; widths are the file's own.

    Parameters
    ----------
    path : Path
        ``.pth``, ``.pt`` or ``.safetensors`` in facenet-pytorch's names, or a TensorFlow
        checkpoint: its prefix or one of its files.

    Raises
    ------
    InputError
        If the file is damaged, or a tensor is missing, of the wrong shape, NaN or infinite;
        the text names file and tensor.
    """
    return facenet_of(read_named(path), path)


def facenet_of(tensors: Tensors, path: Path) -> FaceNet:
    """Take a network out of the named tensors of a file."""
    numbers = {name: x.astype(np.float64) for name, x in tensors.items() if x.dtype.kind in "iuf"}
    try:
        found = find_network(numbers)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    others = tuple(name for name in tensors if name not in numbers)
    return replace(found, unknown=(*found.unknown, *others))


def read_named(path: Path) -> Tensors:
    """Read the named tensors of a file, in its order and types.

    ``bfloat16``, which numpy has not, becomes float32.

    Raises
    ------
    InputError
        If it cannot be read or is damaged.
    """
    if is_tf_checkpoint(path):
        return dict(read_tf_checkpoint(path))
    kind = file_kind(path)
    if kind not in READ:
        raise refusal(path, kind, WANTED)
    tensors = without_prefix(read_tensors(path).tensors)
    return {name: _array(tensor) for name, tensor in tensors.items()}


def _array(tensor: torch.Tensor) -> npt.NDArray[np.generic]:
    plain = tensor.detach().cpu()
    if plain.layout is not torch.strided:
        plain = plain.to_dense()
    if plain.dtype is torch.bfloat16:
        plain = plain.to(torch.float32)
    array: npt.NDArray[np.generic] = plain.contiguous().numpy()
    return array


def naming_of(tensors: Mapping[str, object]) -> Naming | None:
    """Say how a FaceNet network's tensors are named; None where there is none."""
    first = facenet().convs["Conv2d_1a_3x3"]
    if tensorflow_names(first).weight in tensors:
        return "tensorflow"
    return "torch" if torch_names(first).weight in tensors else None


def find_network(tensors: Mapping[str, FloatArray]) -> FaceNet:
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
    if naming == "tensorflow":
        table[BOTTLENECK] = _bottleneck(tensors, table[BOTTLENECK])
    weights = {name: _weight(tensors, own.weight, naming) for name, own in table.items()}
    graph = graph_of({name: weight.shape for name, weight in weights.items()})
    convs = {
        name: _stored(conv, tensors, table[name], weights[name])
        for name, conv in graph.convs.items()
    }
    used = {name for own in table.values() for name in astuple(own)}
    counters = {f"{own.norm}.{_COUNTER}" for own in table.values()}
    unknown = tuple(name for name in tensors if name not in used | counters)
    return FaceNet(graph, convs, unknown, naming)


def tensors_of(
    graph: Graph, convs: Mapping[str, StoredConv], naming: Naming
) -> dict[str, FloatArray]:
    """Lay out a network's numbers as one of both files has them.

    A gamma of ones is left out of TensorFlow's, whose batch normalisation has none.
    """
    found: dict[str, FloatArray] = {}
    for node, own in names(graph, naming).items():
        conv = convs[node]
        found[own.weight] = _laid_out(node, conv.weight, naming)
        if conv.bias is not None:
            found[own.bias] = conv.bias
        if (norm := conv.norm) is not None:
            found |= {own.beta: norm.beta, own.mean: norm.mean, own.variance: norm.variance}
            if naming == "torch" or (norm.gamma != 1).any():
                found[own.gamma] = norm.gamma
    return found


def _bottleneck(tensors: Mapping[str, object], usual: Names) -> Names:
    old = tensorflow_names(facenet().convs[BOTTLENECK], scoped=False)
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
