"""What the boxes of a network's heads are decoded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Sides = tuple[tuple[float, float], ...]
"""(width, height) of the boxes that a head starts from, pixels of the image."""


class BoxDecoding(Enum):
    """How a head's values become a box."""

    DARKNET = "darknet"
    ULTRALYTICS = "ultralytics"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Anchors of the heads that describe boxes; none for a network without such heads."""

    sides: Mapping[str, Sides] = field(default_factory=dict)
    """By head."""
    decoding: BoxDecoding = BoxDecoding.DARKNET
