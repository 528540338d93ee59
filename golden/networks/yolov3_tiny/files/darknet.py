"""Reads and writes the weights of a Darknet YOLOv3-tiny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.config import Activation, InputError
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv, check_magnitude
from golden.graph.float_graph import Conv
from golden.networks.yolov3_tiny.files.cfg import read_description
from golden.networks.yolov3_tiny.graph import (
    COCO_CLASSES,
    DARKNET_ORDER,
    HEADS,
    count_classes,
    graph,
)

HEADER_BYTES: Final = 20
"""Three int32 (major, minor, revision) and one int64 (images seen)."""
SHORT_HEADER_BYTES: Final = 16
"""With an int32 of images seen: before version 0.2, and of machines with 32 bits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a weights file's length says of it."""

    header: int
    """Bytes."""
    classes: int
    kernel: int
    """Side of conv_set_2's kernel, 1 or 3."""


def read_stored(weights: Path, cfg: Path) -> dict[str, StoredConv]:
    """Read every convolution of a weights file, by node name; order and shapes as in the file.

    Errors are those of `file_layout`.

    Raises
    ------
    InputError
        If a value is NaN, infinite or absurdly large; the text names file, layer and figures.
    """
    layout = file_layout(weights, cfg)
    values = np.frombuffer(_content(weights), dtype="<f4", offset=layout.header)
    convs: dict[str, StoredConv] = {}
    start = 0
    for node in _file_nodes(layout.classes, layout.kernel):
        stop = start + _floats(node)
        try:
            convs[node.name] = _conv(values[start:stop].astype(np.float64), node)
        except InputError as error:
            raise InputError(f"{weights}: {error}") from None
        start = stop
    return convs


def file_layout(weights: Path, cfg: Path) -> Layout:
    """Find a weights file's layout by its length: header, classes, kernel of conv_set_2.

    Where the description is the model's own, of the same name beside it, they are as it says;
    where the official one stands in for it, any number of classes and either kernel is right.

    Raises
    ------
    InputError
        If the description is another network, or the file is partial, too short, too long
        or for another number of classes or kernel; the text names file, layer and figures.
    """
    said = read_description(cfg)
    content = _content(weights, HEADER_BYTES)
    length = weights.stat().st_size
    headers = _headers(weights, content, length)
    for kernel in (said.set_2_kernel, 4 - said.set_2_kernel):
        for header in headers:
            classes = _classes(length - header, kernel)
            if classes is None:
                continue
            found, wanted = (classes, kernel), (said.classes, said.set_2_kernel)
            if found == wanted or not is_own(cfg, weights):
                return Layout(header, *found)
            raise InputError(
                f"{weights}: its {length} bytes hold {_words(found)}, but {cfg} says "
                f"{_words(wanted)}: give the description that it was trained with"
            )
    raise _wrong_length(weights, length, headers, _file_nodes(said.classes, said.set_2_kernel))


def _words(layout: tuple[int, int]) -> str:
    return "{0} classes and a {1}x{1} kernel of conv_set_2 (layer 13)".format(*layout)


def is_own(cfg: Path, weights: Path) -> bool:
    """Whether a description is the model's own; the official one may stand in for it."""
    return cfg == weights.with_suffix(".cfg")


def read_header(weights: Path, cfg: Path) -> bytes:
    """Return the header of a weights file, as long as it is; errors are `file_layout`'s."""
    return _content(weights, file_layout(weights, cfg).header)


def file_bytes(header: bytes, stored: Mapping[str, StoredConv]) -> bytes:
    """Return the content of a weights file.

    Parameters
    ----------
    header : bytes
        Of the file that the convolutions come from.
    stored : mapping of str to StoredConv
        Every convolution; float32 takes their values.
    """
    parts = [header]
    for name in DARKNET_ORDER:
        conv, norm = stored[name], stored[name].norm
        if norm is None:
            assert conv.bias is not None
            tensors = [conv.bias]
        else:
            tensors = [norm.beta, norm.gamma, norm.mean, norm.variance]
        parts += [tensor.astype("<f4").tobytes() for tensor in (*tensors, conv.weight)]
    return b"".join(parts)


def _file_nodes(classes: int, kernel: int) -> list[Conv]:
    nodes = graph(classes, set_2_kernel=kernel).convs
    return [nodes[name] for name in DARKNET_ORDER]


def _floats(node: Conv) -> int:
    statistics = 1 if node.activation is Activation.LINEAR else 4
    return node.out_channels * statistics + prod(node.weight_shape)


def _classes(body: int, kernel: int) -> int | None:
    """Count the classes of a file with so many bytes behind its header; None: it is none."""
    floats, rest = divmod(body, 4)
    nodes = {node.name: node for node in _file_nodes(COCO_CLASSES, kernel)}
    heads = [nodes.pop(name) for name in HEADS]
    channel = sum(_floats(head) // head.out_channels for head in heads)
    channels, more = divmod(floats - sum(map(_floats, nodes.values())), channel)
    return None if rest or more else count_classes(channels)


def _content(weights: Path, length: int = -1) -> bytes:
    try:
        with weights.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise InputError(f"{weights}: cannot be read: {error.strerror}") from None


def _headers(weights: Path, content: bytes, length: int) -> tuple[int, ...]:
    """How long the header may be, the likelier first."""
    if length < HEADER_BYTES:
        raise InputError(
            f"{weights}: truncated in its header: {HEADER_BYTES} bytes expected, {length} found"
        )
    major, minor, _ = np.frombuffer(content, dtype="<i4", count=3).tolist()
    if not (0 <= major < 1000 and 0 <= minor < 1000):
        raise InputError(
            f"{weights}: header version {major}.{minor}: a Darknet weights file is wanted"
        )
    if 10 * major + minor < 2:
        return (SHORT_HEADER_BYTES,)
    # Fewer than 2^32 images: the upper half of a long counter is zero, a first weight is not.
    counted = content[SHORT_HEADER_BYTES:] == bytes(4)
    return (HEADER_BYTES,) if counted else (HEADER_BYTES, SHORT_HEADER_BYTES)


def _wrong_length(
    weights: Path, length: int, headers: tuple[int, ...], nodes: list[Conv]
) -> InputError:
    floats = sum(map(_floats, nodes))
    expected = headers[0] + 4 * floats
    end = 0
    for node, following in pairwise(nodes):
        end += _floats(node)
        if length - 4 * end in headers:
            return InputError(
                f"{weights}: ends after {node.name}, before {following.name}: a partial file "
                "(backbone, such as yolov3-tiny.conv.15) that training starts from; give the "
                "weights that training wrote"
            )
    figures = f"{expected} bytes expected, {length} found"
    end = headers[0]
    for node in nodes:
        end += 4 * _floats(node)
        if length < end:
            return InputError(f"{weights}: truncated in {node.name}: {figures}; fetch it again")
    extra = length - expected
    return InputError(f"{weights}: {extra} bytes too long after {nodes[-1].name}: {figures}")


def _conv(values: FloatArray, node: Conv) -> StoredConv:
    """Read one convolution from its run of the file: statistics, then weights (O, I, KH, KW)."""
    weight = values[-prod(node.weight_shape) :].reshape(node.weight_shape)
    check_magnitude(weight, f"{node.name} weight")
    if node.activation is Activation.LINEAR:
        bias = values[: node.out_channels]
        check_magnitude(bias, f"{node.name} bias")
        return StoredConv(node.name, weight, bias)
    beta, gamma, mean, variance = values[: 4 * node.out_channels].reshape(4, -1)
    for field, tensor in (("beta", beta), ("gamma", gamma), ("mean", mean), ("variance", variance)):
        check_magnitude(tensor, f"{node.name} {field}")
    norm = BatchNorm(node.name, beta, gamma, mean, variance)
    return StoredConv(node.name, weight, None, norm, Epsilon.DARKNET)
