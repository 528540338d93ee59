"""Reads a Darknet YOLOv3-tiny into the float network that the hardware is shaped for."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from golden.config import Activation, PoolPad
from golden.darknet_cfg import COCO_CLASSES, check_graph, read_names
from golden.errors import InputError
from golden.fixed import FloatArray
from golden.fold import BatchNorm, Epsilon, FloatConv, embed_in_centre, fold
from golden.yolov3_tiny import (
    ANCHORS,
    BOX_CHANNELS,
    DARKNET_ORDER,
    HEADS,
    VOC_CLASSES,
    ConvNode,
    FloatNetwork,
    graph,
    head_channels,
)

HEADER_BYTES = 20
"""Three int32 (major, minor, revision) and one int64 (images seen)."""
LARGEST: Final = 1e6
"""A larger number is damage: the official file stays below 401, and a flipped bit does not."""


def read_yolov3_tiny(
    weights: Path, cfg: Path, names: Path, pool_pad: PoolPad = PoolPad.MINUS_INF
) -> FloatNetwork:
    """Read the hardware-shaped float network of a Darknet model.

    Heads keep the 75 channels of the VOC classes, in `VOC_CLASSES` order; a 75-channel
    file keeps its own classes. A 1x1 kernel of conv_set_2 moves to the centre of a 3x3.

    Parameters
    ----------
    weights, cfg, names : Path
        Weights, description, and class names one a line.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.

    Raises
    ------
    InputError
        If a file is damaged, is not YOLOv3-tiny, or lacks a VOC class.
    """
    convs = read_convs(weights, cfg)
    classes: tuple[str, ...] = VOC_CLASSES
    known = read_names(names)
    if len(convs[HEADS[0]].bias) == head_channels(len(VOC_CLASSES)):
        classes = known if len(known) == len(VOC_CLASSES) else VOC_CLASSES
    else:
        convs |= {head: select_classes(convs[head], known, classes) for head in HEADS}
    zeros: dict[str, int] = {}
    if convs["conv_set_2"].weight.shape[2] == 1:
        convs["conv_set_2"] = embed_in_centre(convs["conv_set_2"], 3)
        zeros["conv_set_2"] = 3 * 3 - 1
    return FloatNetwork(graph(pool_pad=pool_pad), convs, classes, zeros)


def read_convs(weights: Path, cfg: Path) -> dict[str, FloatConv]:
    """Read every convolution of a weights file, and fold its batch normalisation.

    A file of the same graph with the other number of classes (80 or 20) or the
    other kernel of conv_set_2 (1x1 or 3x3) than `cfg` says is recognised by its size.

    Parameters
    ----------
    weights, cfg : Path

    Returns
    -------
    dict of str to FloatConv
        By node name, in the file's order; shapes as in the file.

    Raises
    ------
    InputError
        If the description is another network, the file is too short or too long, or a
        value is NaN, infinite or absurdly large; the text names file, layer and figures.
    """
    classes, kernel = check_graph(cfg)
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise InputError(f"{weights}: cannot be read: {error.strerror}") from None
    _check_header(weights, data)
    nodes = _file_nodes(classes, kernel)
    for other in product((classes, COCO_CLASSES, len(VOC_CLASSES)), (kernel, 1, 3)):
        if len(data) == _file_bytes(_file_nodes(*other)):
            nodes = _file_nodes(*other)
            break
    else:
        raise _wrong_length(weights, len(data), nodes)
    values = np.frombuffer(data, dtype="<f4", offset=HEADER_BYTES)
    convs: dict[str, FloatConv] = {}
    start = 0
    for node in nodes:
        stop = start + _floats(node)
        try:
            convs[node.name] = _conv(values[start:stop].astype(np.float64), node)
        except InputError as error:
            raise InputError(f"{weights}: {error}") from None
        start = stop
    return convs


def _file_nodes(classes: int, kernel: int) -> list[ConvNode]:
    nodes = {node.name: node for node in graph(classes) if isinstance(node, ConvNode)}
    nodes["conv_set_2"] = replace(nodes["conv_set_2"], kernel=kernel)
    return [nodes[name] for name in DARKNET_ORDER]


def _floats(node: ConvNode) -> int:
    statistics = 1 if node.activation is Activation.LINEAR else 4
    return node.out_channels * (statistics + node.in_channels * node.kernel**2)


def _file_bytes(nodes: list[ConvNode]) -> int:
    return HEADER_BYTES + 4 * sum(map(_floats, nodes))


def _check_header(weights: Path, data: bytes) -> None:
    if len(data) < HEADER_BYTES:
        raise InputError(
            f"{weights}: truncated in its header: {HEADER_BYTES} bytes expected, {len(data)} found"
        )
    major, minor, _ = np.frombuffer(data, dtype="<i4", count=3).tolist()
    if not (0 <= major < 1000 and 0 <= minor < 1000 and 10 * major + minor >= 2):
        raise InputError(
            f"{weights}: header version {major}.{minor}: "
            "a Darknet weights file of version 0.2 or later is wanted"
        )


def _wrong_length(weights: Path, length: int, nodes: list[ConvNode]) -> InputError:
    expected = _file_bytes(nodes)
    figures = f"{expected} bytes expected, {length} found"
    end = HEADER_BYTES
    for node in nodes:
        end += 4 * _floats(node)
        if length < end:
            return InputError(f"{weights}: truncated in {node.name}: {figures}; fetch it again")
    extra = length - expected
    return InputError(f"{weights}: {extra} bytes too long after {nodes[-1].name}: {figures}")


def _conv(values: FloatArray, node: ConvNode) -> FloatConv:
    """Read one convolution from its run of the file: statistics, then weights (O, I, KH, KW)."""
    shape = (node.out_channels, node.in_channels, node.kernel, node.kernel)
    weight = values[-int(np.prod(shape)) :].reshape(shape)
    _check_size(weight, f"{node.name} weight")
    if node.activation is Activation.LINEAR:
        bias = values[: node.out_channels]
        _check_size(bias, f"{node.name} bias")
        return FloatConv(node.name, weight, bias)
    beta, gamma, mean, variance = values[: 4 * node.out_channels].reshape(4, -1)
    for field, tensor in (("beta", beta), ("gamma", gamma), ("mean", mean), ("variance", variance)):
        _check_size(tensor, f"{node.name} {field}")
    norm = BatchNorm(node.name, beta, gamma, mean, variance)
    return fold(weight, norm, Epsilon.DARKNET)


def _check_size(x: FloatArray, name: str) -> None:
    """Refuse a finite number above `LARGEST`, naming the first; NaN and inf are refused later."""
    absurd = np.isfinite(x) & (np.abs(x) > LARGEST)
    if absurd.any():
        index = tuple(int(i) for i in np.argwhere(absurd)[0])
        where = ", ".join(map(str, index))
        raise InputError(f"{name}[{where}] is {x[index]:g}: the file is damaged; fetch it again")


def select_classes(head: FloatConv, names: tuple[str, ...], wanted: tuple[str, ...]) -> FloatConv:
    """Cut a head for the classes `wanted` from one for the classes `names`.

    Parameters
    ----------
    head : FloatConv
        ``3 * (5 + len(names))`` output channels: for each anchor the box, then the classes.
    names, wanted : tuple of str
        Classes of `head`, and those to keep, in channel order.

    Raises
    ------
    InputError
        If a wanted class is not among `names`, or their number is not the head's.
    """
    if len(head.bias) != head_channels(len(names)):
        raise InputError(
            f"{head.name}: {len(names)} class names, but {len(head.bias)} channels: "
            "give the model's own .names file"
        )
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(f"{head.name}: no class {missing[0]} among the model's class names")
    kept = [*range(BOX_CHANNELS), *(BOX_CHANNELS + names.index(name) for name in wanted)]
    step = BOX_CHANNELS + len(names)
    channels = [anchor * step + channel for anchor in range(ANCHORS) for channel in kept]
    return FloatConv(head.name, head.weight[channels], head.bias[channels])
