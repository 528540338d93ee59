"""The float network that everything is judged by and made from, out of a model's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError
from golden.graph.anchors import Anchors
from golden.graph.float_conv import FloatConv, StoredConv
from golden.graph.float_graph import FloatNetwork
from golden.importers.torch.tensor_files import read_tensors
from golden.networks.yolov3_tiny.description import Description
from golden.networks.yolov3_tiny.files import cfg, darknet
from golden.networks.yolov3_tiny.files.fetch import (
    OFFICIAL_SHA256,
    WEIGHTS,
    ModelFiles,
    model_format,
    official_names,
)
from golden.networks.yolov3_tiny.files.names import read_names
from golden.networks.yolov3_tiny.files.shaping import hardware_network
from golden.networks.yolov3_tiny.files.torch_names import find_anchors, find_naming
from golden.networks.yolov3_tiny.graph import (
    COCO_CLASSES,
    HEADS,
    VOC_CLASSES,
    count_classes,
)
from golden.networks.yolov3_tiny.retune_patch import Retune, fitting, tune

if TYPE_CHECKING:
    import torch


def read_network(
    files: ModelFiles, options: NumericOptions, retune: Retune = "shipped"
) -> FloatNetwork:
    """Read the hardware-shaped float network: folded, tuned, VOC's classes selected.

    Parameters and errors are those of `read_convs`; `pool_pad` of the options is read too.
    """
    convs = read_convs(files, options, retune)
    anchors = file_anchors(files, convs)
    return hardware_network(convs, class_names(files, convs), options.pool_pad, anchors)


def read_convs(
    files: ModelFiles, options: NumericOptions, retune: Retune = "shipped"
) -> dict[str, FloatConv]:
    """Read every convolution of a model, folded and tuned, ready to be shaped for the hardware.

    They come by node name, in the file's order and the file's channels.

    Parameters
    ----------
    options : NumericOptions
        `slope` is read.
    retune : Path, "shipped" or None
        Retuning patch: a file, the one that ships where it fits, or none.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    ConfigError
        If `retune` names a patch for another slope.
    """
    patch = fitting(retune, files.sha256, options.slope)
    return tune(fold_all(read_stored(files), files.weights), patch)


def read_stored(files: ModelFiles) -> dict[str, StoredConv]:
    """Read every convolution of a model by node name, in its file's order and channels.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    """
    if files.cfg is None and model_format(files.weights) == "integers":
        raise InputError(
            f"{files.weights}: a manifest of integers is for make sim alone; give a model file"
        )
    if files.cfg is None:
        from golden.networks.yolov3_tiny.files.state_dict import read_stored  # imports torch

        return read_stored(files.weights)
    return darknet.read_stored(files.weights, files.cfg)


def read_description(files: ModelFiles) -> Description:
    """Read a model's classes, anchors and size: of its ``.cfg``, or the official ones.

    A checkpoint's description is the ``.cfg`` of its name beside it, if there is one.

    Raises
    ------
    InputError
        If the description is another network's or for another number of classes, or a file
        cannot be read.
    """
    official = files.sha256 == OFFICIAL_SHA256[WEIGHTS]
    own = files.weights.with_suffix(".cfg")
    if files.cfg is not None and (official or files.cfg == own):
        return cfg.read_description(files.cfg, official)
    if files.cfg is not None:
        layout = darknet.file_layout(files.weights, files.cfg)
        classes, kernel = layout.classes, layout.kernel
    elif own.is_file():
        return _named(read_tensors(files.weights).tensors, cfg.read_description(own))
    else:
        return _checkpoint_description(files)
    note = f"no .cfg is beside {files.weights.name}: the official anchors count"
    return Description(classes=classes, set_2_kernel=kernel, note=note)


def file_anchors(files: ModelFiles, convs: Mapping[str, FloatConv]) -> Anchors:
    """Return the anchors of a model's heads.

    Raises
    ------
    InputError
        If the description cannot be read, or is of another number of classes than `convs`.
    """
    said, held = read_description(files), count_classes(len(convs[HEADS[0]].bias))
    if said.classes != held:
        raise InputError(
            f"{files.weights}: its heads have {held} classes, but "
            f"{files.weights.with_suffix('.cfg')} says classes={said.classes}: give the "
            "description that it was trained with"
        )
    return said.anchors


def model_note(files: ModelFiles) -> str:
    """Return what a user should know of a model's description, in a line; empty for nothing."""
    return "" if model_format(files.weights) == "integers" else read_description(files).note


def _checkpoint_description(files: ModelFiles) -> Description:
    """What a checkpoint says of itself, without a ``.cfg``: its anchors, where it keeps them."""
    stored = read_stored(files)
    classes = count_classes(len(stored[HEADS[0]].weight))
    assert classes is not None, "checked where the file was read"
    kernel = stored["conv_set_2"].weight.shape[2]
    tensors = read_tensors(files.weights).tensors
    said = Description(classes=classes, set_2_kernel=kernel)
    anchors = find_anchors(tensors)
    if anchors is not None:
        return _named(tensors, replace(said, anchors=Anchors(anchors)))
    missing = f"no .cfg is beside {files.weights.name}: the official anchors count"
    return _named(tensors, replace(said, note=missing))


def _named(tensors: Mapping[str, torch.Tensor], said: Description) -> Description:
    """A description with what a checkpoint's names add: how boxes are decoded, a note."""
    naming = find_naming(tensors)
    anchors = replace(said.anchors, decoding=naming.decoding)
    return replace(said, anchors=anchors, note="; ".join(filter(None, (said.note, naming.note))))


def class_names(files: ModelFiles, convs: Mapping[str, FloatConv]) -> tuple[str, ...]:
    """Return the class names of a model's heads, as many as they have classes.

    Parameters
    ----------
    files : ModelFiles
        Its own ``.names`` count. Where it has none, COCO's names stand in for 80 classes and
        VOC's for 20.
    convs : mapping of str to FloatConv
        In the file's channels.

    Raises
    ------
    InputError
        If its own names are not as many as the classes, or it has none and the number of
        classes is neither 80 nor 20.
    """
    classes = count_classes(len(convs[HEADS[0]].bias))
    own = files.weights.with_suffix(".names")
    if files.names is not None:
        names = read_names(files.names)
        if len(names) == classes:
            return names
        if files.names == own:
            raise InputError(
                f"{own}: {len(names)} class names, but the heads of {files.weights} have "
                f"{classes} classes: give the model's own names, one a line"
            )
    if classes == len(VOC_CLASSES):
        return VOC_CLASSES
    if classes == COCO_CLASSES:
        return read_names(official_names())
    raise InputError(
        f"{files.weights}: {classes} classes without names: put them, one a line, into {own}"
    )


def fold_all(stored: Mapping[str, StoredConv], path: Path) -> dict[str, FloatConv]:
    """Fold every batch normalisation; order and channels stay those of the file at `path`.

    Raises
    ------
    InputError
        If a folded value is NaN or infinite.
    """
    try:
        return {name: conv.folded() for name, conv in stored.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
