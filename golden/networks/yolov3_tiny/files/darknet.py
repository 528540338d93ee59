"""Reads a Darknet YOLOv3-tiny, description and weights, and writes weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.config import Activation, InputError
from golden.graph.float_conv import BatchNorm, Epsilon, StoredConv, check_magnitude
from golden.graph.float_graph import Conv
from golden.networks.yolov3_tiny.graph import DARKNET_ORDER, VOC_CLASSES, graph, head_channels

COCO_CLASSES = 80
"""Classes of the official file."""

Section = tuple[str, dict[str, str]]
"""Name in brackets, and the options below it as text."""

_CONV = {"batch_normalize": "0", "filters": "1", "size": "1", "stride": "1", "pad": "0"}
_CONV |= {"groups": "1", "dilation": "1", "activation": "logistic"}
_DEFAULTS = {"convolutional": _CONV, "maxpool": {"stride": "1"}, "upsample": {"stride": "2"}}

HEADER_BYTES = 20
"""Three int32 (major, minor, revision) and one int64 (images seen)."""


def read_stored(weights: Path, cfg: Path) -> dict[str, StoredConv]:
    """Read every convolution of a weights file, by node name; order and shapes as in the file.

    A file of the same graph with the other number of classes (80 or 20) or the
    other kernel of conv_set_2 (1x1 or 3x3) than `cfg` says is recognised by its size.

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


def _file_nodes(classes: int, kernel: int) -> list[Conv]:
    nodes = graph(classes, set_2_kernel=kernel).convs
    return [nodes[name] for name in DARKNET_ORDER]


def _floats(node: Conv) -> int:
    statistics = 1 if node.activation is Activation.LINEAR else 4
    return node.out_channels * statistics + prod(node.weight_shape)


def _file_bytes(nodes: list[Conv]) -> int:
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


def _wrong_length(weights: Path, length: int, nodes: list[Conv]) -> InputError:
    expected = _file_bytes(nodes)
    figures = f"{expected} bytes expected, {length} found"
    end = HEADER_BYTES
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


def read_sections(path: Path) -> list[Section]:
    """Read the sections of a Darknet description.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is neither section, option nor comment.
    """
    sections: list[Section] = []
    for number, raw in enumerate(_read_text(path).splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1], {}))
        elif "=" in line and sections:
            key, value = line.split("=", 1)
            sections[-1][1][key.strip()] = value.replace(" ", "")
        else:
            raise InputError(f"{path} line {number}: {line!r} is neither [section] nor key=value")
    return sections


def check_graph(path: Path) -> tuple[int, int]:
    """Prove that a description is YOLOv3-tiny.

    Returns
    -------
    classes : int
        80 or 20.
    kernel : int
        Side of conv_set_2's kernel, 1 or 3.

    Raises
    ------
    InputError
        Naming the first section and option that differ.
    """
    sections = read_sections(path)
    found = [(kind, options) for kind, options in sections if kind not in ("net", "network")]
    channels = next((o.get("channels", "3") for k, o in sections if k in ("net", "network")), "3")
    if channels != "3":
        raise InputError(f"{path} [net]: channels={channels}, YOLOv3-tiny has channels=3")
    classes = _declared(found, 15, "filters", {str(head_channels(20)): 20}, COCO_CLASSES)
    kernel = _declared(found, 13, "size", {"3": 3}, 1)
    wanted = list(_official_sections(classes, kernel))
    for index, (kind, options) in enumerate(wanted):
        where = f"{path} layer {index}"
        if index >= len(found):
            raise InputError(f"{where}: missing, YOLOv3-tiny has [{kind}] here")
        if found[index][0] != kind:
            raise InputError(f"{where}: [{found[index][0]}], YOLOv3-tiny has [{kind}] here")
        actual = _DEFAULTS.get(kind, {}) | found[index][1]
        for key, value in options.items():
            if actual.get(key) != value:
                shown = f"{key}={actual.get(key, '(nothing)')}"
                raise InputError(f"{where} [{kind}]: {shown}, YOLOv3-tiny has {key}={value}")
    if len(found) > len(wanted):
        extra = f"layer {len(wanted)}: [{found[len(wanted)][0]}]"
        raise InputError(f"{path} {extra}, YOLOv3-tiny has {len(wanted)} layers")
    return classes, kernel


def _declared(
    found: list[Section], index: int, key: str, choices: dict[str, int], default: int
) -> int:
    options = found[index][1] if index < len(found) else {}
    return choices.get(options.get(key, ""), default)


def _official_sections(classes: int, kernel: int) -> Iterator[Section]:
    """List what a description has to say, in Darknet's order."""

    def conv(filters: int, size: int, linear: bool = False) -> Section:
        options = {"filters": str(filters), "size": str(size), "stride": "1", "pad": "1"}
        options |= {"groups": "1", "dilation": "1"}
        options["batch_normalize"] = "0" if linear else "1"
        options["activation"] = "linear" if linear else "leaky"
        return "convolutional", options

    yolo = ("yolo", {"classes": str(classes)})
    for filters in (16, 32, 64, 128, 256, 512):
        yield conv(filters, 3)
        yield "maxpool", {"size": "2", "stride": "1" if filters == 512 else "2"}
    yield from (conv(1024, 3), conv(256, kernel), conv(512, 3))
    yield from (conv(head_channels(classes), 1, linear=True), yolo)
    yield from (("route", {"layers": "-4"}), conv(128, 1), ("upsample", {"stride": "2"}))
    yield from (("route", {"layers": "-1,8"}), conv(256, 3))
    yield from (conv(head_channels(classes), 1, linear=True), yolo)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file") from None
