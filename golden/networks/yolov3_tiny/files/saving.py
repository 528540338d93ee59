"""A model written again: in its source file's order and format, or folded as a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from golden.config import ConfigError, InputError
from golden.files import write_whole
from golden.graph.anchors import BoxDecoding
from golden.graph.float_conv import FloatConv, neutral
from golden.importers.torch.tensor_files import TensorFile, read_tensors, tensor_bytes
from golden.networks.yolov3_tiny.files import darknet, state_dict
from golden.networks.yolov3_tiny.files.fetch import (
    OFFICIAL_SHA256,
    SUFFIXES,
    WEIGHTS,
    ModelFiles,
    model_files,
)
from golden.networks.yolov3_tiny.files.reading import fold_all, read_description, read_stored
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.networks.yolov3_tiny.torch_model import load_trackers, torch_model


def save_like(files: ModelFiles, convs: Mapping[str, FloatConv], path: Path) -> list[Path]:
    """Write a model again with other numbers: same tensors, order and format.

    A batch normalisation becomes one that changes nothing
    (`golden.graph.float_conv.neutral`), so that every reader gets these weights
    and biases bit for bit. Description and class names are copied beside it.
    Returns the files written, the model first.

    Parameters
    ----------
    files : ModelFiles
        The source; it is not touched.
    convs : mapping of str to FloatConv
        Every convolution in the source's channels; numbers that a float32 holds.
    path : Path
        With the source's ending.

    Raises
    ------
    InputError
        If the source cannot be read any more.
    ConfigError
        If `path` has another ending or is the source.
    """
    check_target(files, path)
    stored = {name: neutral(convs[name], like) for name, like in read_stored(files).items()}
    if files.cfg is None:
        content = state_dict.file_bytes(path, read_tensors(files.weights), stored)
    else:
        content = darknet.file_bytes(darknet.read_header(files.weights, files.cfg), stored)
    write_whole(path, content)
    return [path, *copy_companions(files, path)]


def check_saved(path: Path, convs: Mapping[str, FloatConv]) -> None:
    """Read a model back and compare every number.

    Raises
    ------
    InputError
        If one differs: what was written is not what was meant.
    """
    found = fold_all(read_stored(model_files(path)), path)
    for name, conv in convs.items():
        equal = np.array_equal(found[name].weight, conv.weight)
        if not equal or not np.array_equal(found[name].bias, conv.bias):
            raise InputError(f"{path}: {name} was not written as it was meant; write it again")


def save_folded(files: ModelFiles, convs: Mapping[str, FloatConv], path: Path) -> list[Path]:
    """Write a model as a checkpoint of the torch model, batch normalisation folded.

    A source checkpoint's range trackers are taken over. Parameters, result and errors are
    those of `save_like`, but the ending of `path` is ``.pth``, ``.pt`` or ``.safetensors``.
    """
    check_folded_target(files, path)
    write_folded(
        path, convs, None if files.cfg is not None else read_tensors(files.weights).tensors
    )
    return [path, *copy_companions(files, path)]


def write_folded(
    path: Path, convs: Mapping[str, FloatConv], trackers: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write folded convolutions, in the file's channels, under the torch model's names, float32.

    Range trackers are taken over from the checkpoint `trackers`.
    """
    model = torch_model(file_network(convs))
    load_trackers(model, trackers or {})
    write_whole(path, tensor_bytes(path, TensorFile({}), model.state_dict()))


def unsaid(files: ModelFiles, path: Path) -> str:
    """Return what `write_folded`'s names do not keep of a model, in a line; empty for nothing."""
    if read_description(files).anchors.decoding is BoxDecoding.DARKNET:
        return ""
    return (
        f"{path.name} keeps neither the anchors nor the decoding of Ultralytics' Detect layer: "
        f"Darknet's will count; for boxes use {files.weights.name}"
    )


def check_target(files: ModelFiles, path: Path) -> None:
    """Refuse, by a ConfigError, a target that is the source, or has another ending."""
    if path.suffix.lower() != files.weights.suffix.lower():
        raise ConfigError(f"{path}: the source is a {files.weights.suffix} file: write one too")
    _check_other(files, path)


def check_folded_target(files: ModelFiles, path: Path) -> None:
    """Refuse, by a ConfigError, a target that is the source, or no checkpoint."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path}: a folded model is written as {', '.join(SUFFIXES)}")
    _check_other(files, path)


def copy_companions(files: ModelFiles, path: Path) -> list[Path]:
    """Copy a model's description and class names to beside `path`; return the copies.

    Official ones that stand in for a model's own are not copied: they would be its own there.
    The official weights' description is copied with the mask that they were trained with, and
    not at all to a checkpoint, where the official anchors count without it.
    """
    copies = []
    official = files.sha256 == OFFICIAL_SHA256[WEIGHTS]
    own = files.weights.with_suffix(".cfg")
    cfg = files.cfg or (own if own.is_file() else None)
    for source in (None if official and path.suffix.lower() in SUFFIXES else cfg, files.names):
        if source is None or not _belongs(files, source):
            continue
        target = path.with_suffix(source.suffix)
        if _same(source, target):
            continue
        content = source.read_bytes()
        write_whole(target, _trained(content) if official and source == cfg else content)
        copies.append(target)
    return copies


def _trained(description: bytes) -> bytes:
    """The official description, whose last mask is the published one, with the trained one."""
    masks = list(re.finditer(rb"(?m)^(\s*mask\s*=\s*)0\s*,\s*1\s*,\s*2", description))
    if not masks:
        return description
    last = masks[-1]
    return description[: last.start()] + last[1] + b"1,2,3" + description[last.end() :]


def _belongs(files: ModelFiles, source: Path) -> bool:
    return files.official or source == files.weights.with_suffix(source.suffix)


def _check_other(files: ModelFiles, path: Path) -> None:
    if _same(files.weights, path):
        raise ConfigError(f"{path} is the source itself: give another file")


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)
