"""The parameters of any model file, layer by layer, under the names that the file gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import FloatArray, check_finite
from golden.config import InputError, first_few
from golden.importers.file_kinds import READ, FileKind, file_kind, refusal
from golden.importers.tensorflow import checkpoint
from golden.importers.torch.tensor_files import SUFFIXES, read_tensors, without_prefix
from golden.networks.facenet.files import FaceNet, find_network, naming_of
from golden.networks.yolov3_tiny.files.fetch import model_files
from golden.networks.yolov3_tiny.files.reading import read_stored

Kind = Literal["tensorflow", "torch", "darknet"]
Role = Literal["weight", "bias", "beta", "gamma", "mean", "variance"]
Values = npt.NDArray[np.floating]

NORM_ROLES: Final[tuple[Role, ...]] = ("beta", "mean", "variance")
"""What every batch normalisation has; gamma is not always there."""
WANTED: Final = (
    "a Darknet .weights, a torch state dict (.pth, .pt), a .safetensors, or a TensorFlow "
    "checkpoint by its prefix or .index"
)
"""Ending of its files."""
_TF_NAME: Final = re.compile(
    r"(?P<layer>.+)/(?P<part>weights|biases|BatchNorm/(?:beta|gamma|moving_mean|moving_variance))"
)
_TF_ROLES: Final[dict[str, Role]] = {
    "weights": "weight",
    "biases": "bias",
    "BatchNorm/beta": "beta",
    "BatchNorm/gamma": "gamma",
    "BatchNorm/moving_mean": "mean",
    "BatchNorm/moving_variance": "variance",
}
_TORCH_ROLES: Final[dict[str, tuple[Role, Role]]] = {
    "weight": ("weight", "gamma"),
    "bias": ("bias", "beta"),
    "running_mean": ("mean", "mean"),
    "running_var": ("variance", "variance"),
}
"""Of a convolution, and of a batch normalisation."""
_JOINED: Final = (re.compile(r"(.+)\.(?:conv|bn)"), re.compile(r"(.+)\.convs\.[01]"))
"""A convolution and its batch normalisation, inside one module."""
_HEAD: Final = {"last_bn": "last_linear"}
"""FaceNet's bottleneck and its batch normalisation, which share no module."""
_AXES: Final = {
    "tensorflow": {4: "HWIO", 2: "IO"},
    "torch": {4: "OIHW", 2: "OI"},
    "darknet": {4: "OIHW"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """One tensor of a layer."""

    name: str
    """In its file."""
    layer: str
    part: str
    """The layer's name, and what the name has beyond it."""
    role: Role
    """``weight``, ``bias``, ``beta``, ``gamma``, ``mean`` or ``variance``."""
    axes: str
    """What each axis is, the last one fastest: H and W rows and columns of a kernel, I and O input
    and output channels; empty where that is not known."""
    values: Values
    """Finite."""
    sources: tuple[str, ...] = ()
    """Tensors of the file that it was made of, where it is not one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class ParameterFile:
    """All that a model file holds."""

    path: Path
    """As it was given."""
    files: tuple[Path, ...]
    """That were read."""
    kind: Kind
    """``tensorflow``, ``torch`` or ``darknet``."""
    facenet: bool
    """Whether it is FaceNet's network, which then is complete."""
    parameters: tuple[Parameter, ...]
    """In the file's order."""
    others: dict[str, npt.NDArray[Any]]
    """Tensors that are no layer's parameter by their name, or no part of FaceNet where the file is
    one, or not of floats."""


def read_parameters(path: Path) -> ParameterFile:
    """Read every parameter of a model file.

    Parameters
    ----------
    path : Path
        A TensorFlow checkpoint (prefix, ``.index``, ``.meta`` or folder), ``.pth``, ``.pt``,
        ``.safetensors``, or Darknet's ``.weights``.

    Raises
    ------
    InputError
        If it cannot be read, is damaged, holds no parameter, has a NaN or an infinity, or a
        FaceNet or a batch normalisation is not complete; the text names the tensor.
    """
    if checkpoint.is_tf_checkpoint(path):
        found = _read_tensorflow(path)
    else:
        if not path.exists():
            raise InputError(f"{path} does not exist; give {WANTED}")
        kind = file_kind(path)
        odd = kind is FileKind.UNKNOWN and path.suffix.lower() not in SUFFIXES
        if odd or kind not in (*READ, FileKind.DARKNET):
            raise refusal(path, kind, WANTED)
        found = _read_darknet(path) if kind is FileKind.DARKNET else _read_torch(path)
    if not found.parameters:
        raise InputError(
            f"{path}: no layer's parameters in it; it holds {first_few(found.others, 3)}"
        )
    try:
        for parameter in found.parameters:
            check_finite(parameter.values, parameter.name)
        _check_complete(found.parameters)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return found


def by_layer(parameters: Iterable[Parameter]) -> dict[str, list[Parameter]]:
    """Return the parameters of each layer, in order."""
    layers: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        layers.setdefault(parameter.layer, []).append(parameter)
    return layers


def _read_tensorflow(path: Path) -> ParameterFile:
    prefix = checkpoint.checkpoint_prefix(path)
    files = checkpoint.checkpoint_files(prefix)
    tensors = checkpoint.read_tf_checkpoint(prefix)
    facenet, unknown = _facenet(tensors, prefix)
    parameters: list[Parameter] = []
    others: dict[str, npt.NDArray[Any]] = {}
    for name, values in tensors.items():
        match = _TF_NAME.fullmatch(name)
        if match is None or values.dtype.kind != "f" or name in unknown:
            others[name] = values
            continue
        layer, part = match["layer"], match["part"]
        axes = _axes("tensorflow", values)
        parameters.append(Parameter(name, layer, part, _TF_ROLES[part], axes, values))
    return ParameterFile(path, files, "tensorflow", facenet, tuple(parameters), others)


def _read_torch(path: Path) -> ParameterFile:
    found = without_prefix(read_tensors(path).tensors)
    tensors = {name: _plain(tensor) for name, tensor in found.items()}
    facenet, unknown = _facenet(tensors, path)
    norms = {name.rpartition(".")[0] for name in tensors if name.endswith(".running_mean")}
    parameters: list[Parameter] = []
    others: dict[str, npt.NDArray[Any]] = {}
    for name, values in tensors.items():
        module, _, leaf = name.rpartition(".")
        known = leaf in _TORCH_ROLES and module and name not in unknown
        if not known or values.dtype.kind != "f":
            others[name] = values
            continue
        layer = _torch_layer(module)
        part = name[len(layer) + 1 :] if name.startswith(f"{layer}.") else name
        role = _TORCH_ROLES[leaf][module in norms]
        parameters.append(Parameter(name, layer, part, role, _axes("torch", values), values))
    return ParameterFile(path, (path,), "torch", facenet, tuple(parameters), others)


def _facenet(tensors: Mapping[str, npt.NDArray[Any]], path: Path) -> tuple[bool, set[str]]:
    """Say whether these are FaceNet's tensors, all of them, and which others stand there."""
    if naming_of(tensors) is None:
        return False, set()
    numbers = {name: x.astype(np.float64) for name, x in tensors.items() if x.dtype.kind == "f"}
    try:
        return True, set(_network_of(numbers).unknown)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _network_of(numbers: Mapping[str, FloatArray]) -> FaceNet:
    """Find FaceNet; where a NaN is in the way, name it as the file does."""
    try:
        return find_network(numbers)
    except InputError:
        for name, values in numbers.items():
            check_finite(values, name)
        raise


def _read_darknet(path: Path) -> ParameterFile:
    files = model_files(path)
    parameters: list[Parameter] = []
    for layer, conv in read_stored(files).items():
        parts: dict[str, tuple[Role, Any]] = {"weight": ("weight", conv.weight)}
        if conv.bias is not None:
            parts["bias"] = ("bias", conv.bias)
        if conv.norm is not None:
            norm = conv.norm
            parts["norm.gamma"], parts["norm.beta"] = ("gamma", norm.gamma), ("beta", norm.beta)
            parts["norm.mean"] = ("mean", norm.mean)
            parts["norm.variance"] = ("variance", norm.variance)
        for part, (role, wide) in parts.items():
            values = wide.astype(np.float32)
            axes = _axes("darknet", values)
            parameters.append(Parameter(f"{layer}.{part}", layer, part, role, axes, values))
    return ParameterFile(path, (files.weights,), "darknet", False, tuple(parameters), {})


def _plain(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """A tensor as numpy has it; bfloat16 becomes float32."""
    dense = tensor.detach().cpu()
    dense = dense.to_dense() if dense.layout is not torch.strided else dense
    if dense.is_quantized:
        dense = dense.dequantize()
    if dense.is_floating_point() and dense.dtype not in (torch.float64, torch.float16):
        dense = dense.to(torch.float32)
    values: npt.NDArray[Any] = dense.contiguous().numpy()
    return values


def _torch_layer(module: str) -> str:
    """The layer that a module belongs to: that of the convolution ahead of it."""
    for pattern in _JOINED:
        if match := pattern.fullmatch(module):
            return match[1]
    return _HEAD.get(module, module)


def _axes(kind: Kind, values: npt.NDArray[Any]) -> str:
    return "O" if values.ndim == 1 else _AXES[kind].get(values.ndim, "")


def _check_complete(parameters: Iterable[Parameter]) -> None:
    """Every batch normalisation has all its parts, and one value a channel."""
    for layer, several in by_layer(parameters).items():
        roles = {parameter.role: parameter for parameter in several}
        if not roles.keys() & {*NORM_ROLES, "gamma"}:
            continue
        missing = [role for role in NORM_ROLES if role not in roles]
        if missing:
            raise InputError(f"{layer}: its batch normalisation has no {' and no '.join(missing)}")
        _check_lengths(layer, roles)


def _check_lengths(layer: str, roles: Mapping[Role, Parameter]) -> None:
    weight = roles.get("weight")
    if weight is None:
        return  # a torch module of its own
    outputs = weight.values.shape[weight.axes.find("O")] if "O" in weight.axes else None
    for role, parameter in roles.items():
        if role != "weight" and outputs is not None and parameter.values.shape != (outputs,):
            raise InputError(
                f"{parameter.name} has shape {parameter.values.shape}, {layer} has {outputs} "
                "output channels"
            )
