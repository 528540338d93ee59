"""What a user's YOLOv3-tiny says of itself: classes, anchors, the size of its picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from golden.graph.anchors import Anchors
from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.graph import ANCHOR_SIZES


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What counts of a description; what it does not say is the official network's."""

    classes: int
    """Of each head."""
    set_2_kernel: int
    """Side of conv_set_2's kernel, 1 or 3."""
    anchors: Anchors = field(default_factory=lambda: Anchors(ANCHOR_SIZES))
    """Three boxes a head, the masks applied."""
    size: ImageSize | None = None
    """``width`` and ``height`` of the image; None where they are not there."""
    note: str = ""
    """What a user should know of it, in a line."""
