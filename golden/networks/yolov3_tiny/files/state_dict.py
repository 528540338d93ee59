"""The network's convolutions in a torch state dict, batch normalisation folded or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import Activation, InputError
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv, check_magnitude
from golden.graph.float_graph import Conv
from golden.importers.torch.tensor_files import (
    TensorFile,
    read_tensors,
    tensor_bytes,
)
from golden.networks.yolov3_tiny.files.torch_names import find_naming
from golden.networks.yolov3_tiny.graph import VOC_CLASSES, count_classes, graph

CONV: Final = "convs.0"
"""Where a module of the network keeps its convolution."""
NORM: Final = "convs.1"
"""Where an unfused one keeps its batch normalisation."""
TRACKERS: Final = ("a_tracker_in", *(f"a_tracker{i}" for i in range(1, 14)))
TRACKED: Final = ("min_val", "max_val", "first_a")
"""The buffers of a range tracker."""
TRACKED_SCALE: Final = "scale"
"""The one buffer beside ``first_a`` in checkpoints that track 127 / largest magnitude."""
_STATISTICS: Final = ("bias", "weight", "running_mean", "running_var")
"""Beta, gamma, mean and variance by torch's names."""
_SHOWN: Final = 3

Shape = tuple[int, ...]


def read_stored(path: Path) -> dict[str, StoredConv]:
    """Read every convolution of a checkpoint, by node name; order and shapes as in the file.

    The number of classes, and conv_set_2's kernel of 1x1 or 3x3, are the file's own. Names
    are the torch model's or those of `golden.networks.yolov3_tiny.files.torch_names`, behind any
    prefix, and each convolution is fused (``conv1.convs.0.weight`` and ``.bias``) or not
    (``conv1.convs.1.running_mean`` and so on, epsilon 1e-5).

    Parameters
    ----------
    path : Path
        ``.pth``, ``.pt`` or ``.safetensors``.

    Raises
    ------
    InputError
        If the file is damaged, or a tensor is missing, extra, of the wrong shape, not of
        floats, NaN, infinite or absurdly large; the text names file and tensor.
    """
    try:
        return stored_convs(read_tensors(path).tensors)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def stored_convs(tensors: Mapping[str, torch.Tensor]) -> dict[str, StoredConv]:
    """Find every convolution among named tensors, see `read_stored`."""
    naming = find_naming(tensors)
    plain = {own: tensors[name] for name, own in naming.own.items()}
    nodes = _nodes(plain)
    _check_names_and_shapes(plain, nodes)
    order = sorted(nodes, key=[name.split(".")[0] for name in plain].index)
    return {name: _conv(plain, nodes[name], naming.epsilon) for name in order}


def file_bytes(path: Path, like: TensorFile, stored: Mapping[str, StoredConv]) -> bytes:
    """Return the content of a checkpoint: that of `like` with other numbers.

    Parameters
    ----------
    path : Path
        Its ending says the format.
    like : TensorFile
        Names, order, types and everything else.
    stored : mapping of str to StoredConv
        Every convolution, with the tensors that `like` has. A type that cannot hold the
        numbers becomes float32.
    """
    own = find_naming(like.tensors).own
    held = set(own.values())
    fresh = {
        key: value
        for name, conv in stored.items()
        for key, value in tensors_of(conv, head=f"{name}.weight" in held).items()
        if value is not None
    }
    tensors = {}
    for name, old in like.tensors.items():
        value = fresh.get(own.get(name, ""))
        tensors[name] = old if value is None else _as_type(value, old.dtype)
    return tensor_bytes(path, like, tensors)


def tensors_of(conv: StoredConv, head: bool) -> dict[str, FloatArray | None]:
    """Return a convolution's tensors by their names in a checkpoint; None: it has none."""
    where = conv.name if head else f"{conv.name}.{CONV}"
    tensors = {f"{where}.weight": conv.weight, f"{where}.bias": conv.bias}
    if conv.norm is not None:
        norm = conv.norm
        values = (norm.beta, norm.gamma, norm.mean, norm.variance)
        tensors |= {
            f"{conv.name}.{NORM}.{key}": value
            for key, value in zip(_STATISTICS, values, strict=True)
        }
    return tensors


def _as_type(values: FloatArray, dtype: torch.dtype) -> torch.Tensor:
    exact = torch.from_numpy(values)
    typed = exact.to(dtype)
    return typed if torch.equal(typed.to(torch.float64), exact) else exact.to(torch.float32)


def _nodes(tensors: Mapping[str, torch.Tensor]) -> dict[str, Conv]:
    """The convolutions of a file with these heads and this conv_set_2."""
    head, set_2 = tensors.get("pred_2.weight"), tensors.get(f"conv_set_2.{CONV}.weight")
    classes = count_classes(head.shape[0]) if head is not None and head.ndim else None
    one = set_2 is not None and set_2.shape[2:] == (1, 1)
    return graph(classes or len(VOC_CLASSES), set_2_kernel=1 if one else 3).convs


def _check_names_and_shapes(tensors: Mapping[str, torch.Tensor], nodes: Mapping[str, Conv]) -> None:
    wanted: dict[str, Shape] = {}
    allowed: dict[str, Shape] = {}
    for node in nodes.values():
        wanted |= _wanted(tensors, node)
        allowed |= {f"{node.name}.{NORM}.num_batches_tracked": ()}
        if f"{node.name}.{NORM}.weight" in wanted:
            allowed |= {f"{node.name}.{CONV}.bias": (node.out_channels,)}
    allowed |= {f"{t}.{key}": (1,) for t in TRACKERS for key in (*TRACKED, TRACKED_SCALE)}
    missing = [name for name in wanted if name not in tensors]
    known = wanted | allowed
    extra = [name for name in tensors if name not in known]
    wrong = [
        f"{name} is {_words(tensors[name].shape)}, {_words(shape)} is wanted"
        for name, shape in known.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    found = [
        *([f"missing: {_listed(missing)}"] if missing else []),
        *([f"extra: {_listed(extra)}"] if extra else []),
        *([f"wrong shape: {_listed(wrong, '; ')}"] if wrong else []),
    ]
    if len(missing) > len(wanted) / 2:
        raise InputError(f"a checkpoint of another network than YOLOv3-tiny: {'; '.join(found)}")
    if found:
        raise InputError("; ".join(found))


def _wanted(tensors: Mapping[str, torch.Tensor], node: Conv) -> dict[str, Shape]:
    """What a convolution's tensors are called, and their shapes."""
    channels = (node.out_channels,)
    shape = node.weight_shape
    if node.activation is Activation.LINEAR:
        return {f"{node.name}.weight": shape, f"{node.name}.bias": channels}
    norm = [f"{node.name}.{NORM}.{key}" for key in _STATISTICS]
    weight = {f"{node.name}.{CONV}.weight": shape}
    if any(name in tensors for name in norm):
        return weight | dict.fromkeys(norm, channels)
    return weight | {f"{node.name}.{CONV}.bias": channels}


def _words(shape: Iterable[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def _listed(names: list[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return separator.join(names[:_SHOWN]) + more


def _conv(tensors: Mapping[str, torch.Tensor], node: Conv, epsilon: Epsilon) -> StoredConv:
    def values(key: str) -> FloatArray:
        name = f"{node.name}.{key}"
        numbers = _numbers(tensors[name], name)
        check_magnitude(numbers, name)
        return numbers

    if node.activation is Activation.LINEAR:
        return StoredConv(node.name, values("weight"), values("bias"))
    biased = f"{node.name}.{CONV}.bias" in tensors
    bias = values(f"{CONV}.bias") if biased else None
    weight = values(f"{CONV}.weight")
    if f"{node.name}.{NORM}.weight" not in tensors:
        return StoredConv(node.name, weight, bias)
    norm = BatchNorm(node.name, *(values(f"{NORM}.{key}") for key in _STATISTICS))
    return StoredConv(node.name, weight, bias, norm, epsilon)


def _numbers(tensor: torch.Tensor, name: str) -> FloatArray:
    if not tensor.is_floating_point() or tensor.layout is not torch.strided:
        kind = f"{tensor.dtype}".removeprefix("torch.")
        raise InputError(f"{name} is {kind}, {tensor.layout}: plain floats are wanted")
    numbers: FloatArray = tensor.detach().to(torch.float64).contiguous().numpy()
    return numbers
