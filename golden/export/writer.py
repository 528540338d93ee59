"""Writes an integer network as raw numbers with a manifest, and as hex for ``$readmemh``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from enum import Enum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array, int_range
from golden.arithmetic.numerics import NumericOptions
from golden.export.memory_files import raw_bytes
from golden.export.memory_files import write_hex as write_hex_file
from golden.files import whole_file, write_whole
from golden.graph.anchors import BoxDecoding
from golden.graph.conv_layer import ConvLayer
from golden.graph.layers import IMAGE, Layer
from golden.graph.network import Network

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
DATA: Final = "integers.bin"
HEX: Final = "hex"
"""Folder of the hex files."""
ALIGNMENT: Final = 64
"""A tensor starts at a multiple of so many bytes."""
_TENSORS: Final = ("weight", "bias")

Ints = npt.NDArray[np.integer]


def write_integers(
    folder: Path,
    network: Network,
    image: Int16Array | None = None,
    about: Mapping[str, Any] | None = None,
    write_hex: bool = True,
) -> Path:
    """Write a network's integers, raw and as hex, and last the manifest of them; return its path.

    Parameters
    ----------
    folder : Path
        Takes ``manifest.json``, ``integers.bin`` and ``hex/``.
    image : ndarray of int16, (3, H, W), optional
        A quantised picture, tensor ``image``.
    about : mapping of str, optional
        Further fields of the manifest, as JSON holds them.
    write_hex : bool
        Whether ``hex/`` is written too.
    """
    records: list[dict[str, Any]] = []
    digest, start = hashlib.sha256(), 0
    with whole_file(folder / DATA) as scratch, scratch.open("wb") as file:
        for name, tensor, width, frac in _tensors(network, image):
            content = raw_bytes(tensor, width)
            gap = bytes(-start % ALIGNMENT)
            start += len(gap)
            file.write(gap + content)
            digest.update(gap + content)
            records.append(_record(name, tensor, width, frac, start, content))
            start += len(content)
            if write_hex:
                words = f"{name} {'x'.join(map(str, tensor.shape))}, {frac} fraction bits"
                records[-1]["hex"] = f"{HEX}/{name}.hex"
                write_hex_file(folder / records[-1]["hex"], tensor, width, words)
    decoding = network.anchors.decoding
    manifest = {
        "schema": SCHEMA,
        "network": network.name,
        **(about or {}),
        "options": plain_options(network.options),
        "input_shape": list(network.input_shape),
        "input_frac": network.input_frac,
        "classes": list(network.classes),
        "anchors": {head: [*map(list, boxes)] for head, boxes in network.anchors.sides.items()},
        **({} if decoding is BoxDecoding.DARKNET else {"decoding": decoding.value}),
        "saturated": network.saturated,
        "data": {
            "file": DATA,
            "bytes": start,
            "sha256": digest.hexdigest(),
            "endianness": "little",
            "order": "the last index of a shape is fastest",
        },
        "tensors": records,
        "nodes": [_node(node) for node in network.nodes],
    }
    path = folder / MANIFEST
    write_whole(path, json.dumps(manifest, indent=1, allow_nan=False) + "\n")
    return path


def _tensors(network: Network, image: Int16Array | None) -> Iterator[tuple[str, Ints, int, int]]:
    """Every tensor: name, numbers, bits of one, fraction bits."""
    if image is not None:
        yield IMAGE, image, network.options.act_w, network.input_frac
    for layer in network.convs():
        yield f"{layer.name}.weight", layer.weight, layer.weight_w, layer.weight_frac
        low, high = int_range(32)
        narrow = low <= layer.bias.min() and layer.bias.max() <= high
        yield f"{layer.name}.bias", layer.bias, 32 if narrow else 64, layer.sum_frac


def _record(
    name: str, tensor: Ints, width: int, frac: int, offset: int, content: bytes
) -> dict[str, Any]:
    return {
        "name": name,
        "type": f"int{width}",
        "shape": list(tensor.shape),
        "fraction_bits": frac,
        "offset": offset,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def plain_options(options: NumericOptions) -> dict[str, Any]:
    """Return numeric choices as JSON holds them."""
    return _plain(asdict(options))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: x.value if isinstance(x, Enum) else x for key, x in values.items()}


def _node(node: Layer) -> dict[str, Any]:
    """A node without its tensors."""
    own = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in _TENSORS}
    if isinstance(node, ConvLayer):
        own["padding"] = asdict(node.padding)
    return {"kind": node.kind, **_plain(own)}
