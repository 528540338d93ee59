"""Reads the convolutions of a Darknet YOLOv3-tiny, and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.config import Activation, InputError
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv
from golden.networks.yolov3_tiny.files.darknet_cfg import COCO_CLASSES, check_graph
from golden.networks.yolov3_tiny.files.stored import check_size, conv_nodes
from golden.networks.yolov3_tiny.graph import DARKNET_ORDER, VOC_CLASSES, ConvNode

HEADER_BYTES = 20
"""Three int32 (major, minor, revision) and one int64 (images seen)."""


def read_stored(weights: Path, cfg: Path) -> dict[str, StoredConv]:
    """Read every convolution of a weights file.

    A file of the same graph with the other number of classes (80 or 20) or the
    other kernel of conv_set_2 (1x1 or 3x3) than `cfg` says is recognised by its size.

    Parameters
    ----------
    weights, cfg : Path

    Returns
    -------
    dict of str to StoredConv
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
    convs: dict[str, StoredConv] = {}
    start = 0
    for node in nodes:
        stop = start + _floats(node)
        try:
            convs[node.name] = _conv(values[start:stop].astype(np.float64), node)
        except InputError as error:
            raise InputError(f"{weights}: {error}") from None
        start = stop
    return convs


def file_bytes(header: bytes, stored: Mapping[str, StoredConv]) -> bytes:
    """Return the content of a weights file.

    Parameters
    ----------
    header : bytes
        20 bytes, such as those of the file that the convolutions come from.
    stored : mapping of str to StoredConv
        Every convolution; float32 takes their values.
    """
    parts = [header[:HEADER_BYTES]]
    for name in DARKNET_ORDER:
        conv, norm = stored[name], stored[name].norm
        if norm is None:
            assert conv.bias is not None
            tensors = [conv.bias]
        else:
            tensors = [norm.beta, norm.gamma, norm.mean, norm.variance]
        parts += [tensor.astype("<f4").tobytes() for tensor in (*tensors, conv.weight)]
    return b"".join(parts)


def _file_nodes(classes: int, kernel: int) -> list[ConvNode]:
    nodes = conv_nodes(classes, kernel)
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


def _conv(values: FloatArray, node: ConvNode) -> StoredConv:
    """Read one convolution from its run of the file: statistics, then weights (O, I, KH, KW)."""
    shape = (node.out_channels, node.in_channels, node.kernel, node.kernel)
    weight = values[-int(np.prod(shape)) :].reshape(shape)
    check_size(weight, f"{node.name} weight")
    if node.activation is Activation.LINEAR:
        bias = values[: node.out_channels]
        check_size(bias, f"{node.name} bias")
        return StoredConv(node.name, weight, bias)
    beta, gamma, mean, variance = values[: 4 * node.out_channels].reshape(4, -1)
    for field, tensor in (("beta", beta), ("gamma", gamma), ("mean", mean), ("variance", variance)):
        check_size(tensor, f"{node.name} {field}")
    norm = BatchNorm(node.name, beta, gamma, mean, variance)
    return StoredConv(node.name, weight, None, norm, Epsilon.DARKNET)
