"""Fraction bits by tensor, as a user gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from golden.config import ConfigError, InputError
from golden.graph.layers import IMAGE
from golden.quantization.fraction_bits import Formats, output_of, weight_of

FIELD: Final = "fraction_bits"
"""Where a manifest keeps them."""


def fraction_bits(formats: Formats) -> dict[str, int]:
    """List formats as a user would give them: ``image``, ``conv1.weight``, ``conv1.output``.

    >>> fraction_bits(Formats({"image": 14, "conv1": 9, "pool1": 9}, {"conv1": 12}))
    {'image': 14, 'conv1.weight': 12, 'conv1.output': 9}
    """
    listed = {IMAGE: formats.output[IMAGE]}
    for name, frac in formats.weight.items():
        listed |= {weight_of(name): frac, output_of(name): formats.output[name]}
    return listed


def parse_fractions(texts: Iterable[str]) -> dict[str, int]:
    """Read fraction bits from words.

    Raises
    ------
    ConfigError
        If one is not tensor=bits.

    >>> parse_fractions(["conv1.weight=12", "image=8"])
    {'conv1.weight': 12, 'image': 8}
    """
    found: dict[str, int] = {}
    for text in texts:
        match = re.fullmatch(r"([\w.]+)=(-?\d{1,3})", text.strip())
        if match is None:
            raise ConfigError(f"fraction bits {text!r}: give tensor=bits: conv1.weight=12")
        found[match[1]] = int(match[2])
    return found


def read_fractions(path: Path) -> dict[str, int]:
    """Read fraction bits from a JSON file: an object of them, or a manifest that has one.

    Raises
    ------
    InputError
        If the file cannot be read, or is neither.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path}: not a JSON file, or a damaged one") from None
    found = document.get(FIELD, document) if isinstance(document, dict) else document
    if not isinstance(found, dict) or not found:
        raise InputError(f'{path}: an object such as {{"conv1.weight": 12}} is wanted')
    for name, bits in found.items():
        if isinstance(bits, bool) or not isinstance(bits, int):
            raise InputError(f"{path}: {name} has {bits!r} fraction bits: give an integer")
    return found
