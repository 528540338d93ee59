"""A FaceNet network out of a file: a TensorFlow checkpoint or a torch state dict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from golden.config import InputError
from golden.importers.tensorflow.checkpoint import is_tf_checkpoint, read_tf_checkpoint
from golden.importers.torch.tensor_files import read_tensors
from golden.networks.facenet.names import find_network
from golden.networks.facenet.parameters import FaceNet
from golden.networks.yolov3_tiny.files.fetch import SUFFIXES
from golden.networks.yolov3_tiny.files.state_dict import without_prefix

Tensors = dict[str, npt.NDArray[np.generic]]


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
    return FaceNet(found.structure, found.convs, (*found.unknown, *others))


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
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: give a {', '.join(SUFFIXES)} file, or a TensorFlow checkpoint by its prefix "
            "or its .index"
        )
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
