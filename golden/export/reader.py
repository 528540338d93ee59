"""Reads the raw integers that `golden.export.writer` writes back into a network."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import CHOICES, NumericOptions
from golden.config import Activation, ConfigError, InputError, PoolPad
from golden.export.writer import MANIFEST, SCHEMA, Ints, plain_options
from golden.graph.anchors import Anchors, BoxDecoding
from golden.graph.conv_layer import ConvLayer, Padding
from golden.graph.image_size import ImageSize, image_size
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    Layer,
    PoolLayer,
    ResidualLayer,
    Shape,
    UpsampleLayer,
)
from golden.graph.network import Network

_TYPES: Final = {f"int{width}": f"<i{width // 8}" for width in (8, 16, 32, 64)}
_ENUMS: Final[dict[str, type[Enum]]] = {**CHOICES, "activation": Activation, "padding": PoolPad}
_OTHER_LAYERS: Final[dict[str, Callable[..., Layer]]] = {
    kind.kind: kind for kind in (PoolLayer, UpsampleLayer, ConcatLayer, ResidualLayer, AverageLayer)
}


@dataclass(frozen=True, slots=True, eq=False)
class Integers:
    """What a manifest leads to."""

    network: Network
    image: Int16Array | None
    """int16 (3, H, W). A quantised picture."""
    about: dict[str, Any]
    """The manifest."""


def read_integers(manifest: Path) -> Integers:
    """Read what `write_integers` wrote, given its manifest or folder, and check every hash.

    Raises
    ------
    InputError
        If a file is missing, damaged, or not what the manifest says; one line names it.
    """
    path = manifest / MANIFEST if manifest.is_dir() else manifest
    about = _about(path)
    try:
        tensors = _read_tensors(path, about)
        return Integers(_network(about, tensors), tensors.get(IMAGE), about)
    except ConfigError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not what a manifest has there: {error}") from None


def manifest_size(manifest: Path) -> ImageSize:
    """Read the size of the images that a manifest's integers are for.

    Raises
    ------
    InputError
        If it is no manifest.
    """
    shape = _about(manifest).get("input_shape")
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape)):
        raise InputError(f"{manifest}: not what a manifest has there: input_shape {shape}")
    return image_size(shape[1], shape[2])


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path}: not a JSON file, or a damaged one") from None
    if not isinstance(about, dict) or about.get("schema") != SCHEMA or "nodes" not in about:
        raise InputError(f"{path}: not a manifest of integers with schema {SCHEMA}")
    return about


def integer_network(manifest: Path, options: NumericOptions, size: ImageSize) -> Network:
    """Read the network, for images of this size, of a manifest made with these choices.

    Raises
    ------
    InputError
        If a file is missing, damaged, or not what the manifest says.
    ConfigError
        If the network was made with another choice; the text says with which.
    """
    network = read_integers(manifest).network
    wanted = {**plain_options(options), "size": size}
    made = {**plain_options(network.options), "size": image_size(*network.input_shape[1:])}
    for field, value in made.items():
        if wanted[field] != value:
            raise ConfigError(
                f"{manifest}: its integers were made with {field} {value}, not {wanted[field]}: "
                "choose that"
            )
    return network


def _network(about: Mapping[str, Any], tensors: Mapping[str, Ints]) -> Network:
    nodes = tuple(_layer(dict(node), tensors) for node in about["nodes"])
    options = NumericOptions(**_typed(about["options"]))
    shape = cast(Shape, tuple(about["input_shape"]))
    image = tensors.get(IMAGE)
    if image is not None and image.shape != shape:
        raise InputError(f"image is {image.shape}, the network's is {shape}")
    classes = tuple(about["classes"])
    frac = about["input_frac"]
    decoding = about.get("decoding", "darknet")
    if decoding not in [each.value for each in BoxDecoding]:
        raise InputError(f"decoding is {decoding!r}: darknet or ultralytics is wanted")
    sides = {head: _boxes(head, boxes) for head, boxes in about.get("anchors", {}).items()}
    anchors = Anchors(sides, BoxDecoding(decoding))
    saturated = about["saturated"]
    return Network(about["network"], nodes, frac, options, shape, classes, saturated, anchors)


def _boxes(head: str, boxes: Any) -> tuple[tuple[float, float], ...]:
    """A head's anchors, which a manifest of before they were written has not."""
    found = tuple((width, height) for width, height in boxes)
    if not all(isinstance(x, int | float) and 0 < x < math.inf for box in found for x in box):
        raise InputError(f"the anchors of {head} are {boxes}: widths and heights are wanted")
    return found


def _layer(node: dict[str, Any], tensors: Mapping[str, Ints]) -> Layer:
    kind = node.pop("kind")
    if kind == ConvLayer.kind:
        values = _typed(node)
        values["padding"] = Padding(**node["padding"])
        values["weight"] = tensors[f"{node['name']}.weight"].astype(np.int16)
        values["bias"] = tensors[f"{node['name']}.bias"].astype(np.int64)
        if missing := {field.name for field in fields(ConvLayer)} - set(values):
            raise KeyError(min(missing))
        return ConvLayer(**values)
    if "sources" in node:
        node["sources"] = tuple(node["sources"])
    return _OTHER_LAYERS[kind](**_typed(node))


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn JSON's words into the enumerations that they stand for."""
    return {
        key: _ENUMS[key](x) if key in _ENUMS and isinstance(x, str) else x
        for key, x in values.items()
    }


def _read_tensors(path: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    data = path.parent / Path(about["data"]["file"]).name
    try:
        content = data.read_bytes()
    except OSError as error:
        raise InputError(f"{data}: cannot be read: {error.strerror}") from None
    if len(content) != about["data"]["bytes"]:
        wanted = about["data"]["bytes"]
        raise InputError(f"{data}: {len(content)} bytes, its manifest says {wanted}")
    if hashlib.sha256(content).hexdigest() != about["data"]["sha256"]:
        raise InputError(f"{data}: another sha256 than its manifest says: the file is damaged")
    return {record["name"]: _tensor(path, content, record) for record in about["tensors"]}


def _tensor(path: Path, content: bytes, record: Mapping[str, Any]) -> Ints:
    name, shape = record["name"], tuple(record["shape"])
    count, start = int(np.prod(shape)), record["offset"]
    if record["type"] not in _TYPES:
        raise InputError(f"{path}: {name} has type {record['type']!r}")
    kind = np.dtype(_TYPES[record["type"]])
    if start < 0 or start + count * kind.itemsize > len(content):
        raise InputError(f"{path}: {name} reaches beyond the data")
    values = np.frombuffer(content, kind, count, start).reshape(shape)
    return values.astype(np.int16) if name == IMAGE else values
