"""Darknet models such as users train: random numbers, a description and names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from golden.graph.image_size import ImageSize, sides
from golden.networks.yolov3_tiny.files.darknet import file_bytes
from golden.tests.networks.yolov3_tiny.checkpoints import stored

ANCHORS = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)
"""Of the published description."""


def write_user_model(
    folder: Path,
    classes: int,
    size: ImageSize | None = None,
    anchors: tuple[int, ...] = ANCHORS,
    masks: tuple[str, str] = ("3,4,5", "0,1,2"),
    seen: int = 0,
) -> Path:
    """Write ``mine.weights``, ``mine.cfg`` and ``mine.names``; return the weights.

    Masks are those of pred_2 and pred_1; `seen` pictures make another sha256.
    """
    header = np.array([0, 2, 0, seen, 0], "<i4").tobytes()
    weights = folder / "mine.weights"
    weights.write_bytes(file_bytes(header, stored(classes, 1, normalised=True)))
    lines = _description(classes, size, ",".join(map(str, anchors)), masks)
    weights.with_suffix(".cfg").write_text("\n".join(lines) + "\n")
    names = "".join(f"kind {number}\n" for number in range(classes))
    weights.with_suffix(".names").write_text(names)
    return weights


def _description(
    classes: int, size: ImageSize | None, anchors: str, masks: tuple[str, str]
) -> Iterator[str]:
    yield "[net]"
    if size is not None:
        height, width = sides(size)
        yield from (f"width={width}", f"height={height}")
    yield "channels=3"

    def conv(filters: int, kernel: int, activation: str = "leaky") -> Iterator[str]:
        yield "[convolutional]"
        if activation == "leaky":
            yield "batch_normalize=1"
        yield from (f"filters={filters}", f"size={kernel}", "stride=1", "pad=1")
        yield f"activation={activation}"

    def yolo(mask: str) -> Iterator[str]:
        yield from conv(3 * (5 + classes), 1, "linear")
        yield from ("[yolo]", f"mask={mask}", f"anchors={anchors}")
        yield from (f"classes={classes}", f"num={len(anchors.split(',')) // 2}")

    for filters in (16, 32, 64, 128, 256, 512):
        yield from conv(filters, 3)
        yield from ("[maxpool]", "size=2", f"stride={1 if filters == 512 else 2}")
    yield from (*conv(1024, 3), *conv(256, 1), *conv(512, 3), *yolo(masks[0]))
    yield from ("[route]", "layers=-4", *conv(128, 1), "[upsample]", "stride=2")
    yield from ("[route]", "layers=-1,8", *conv(256, 3), *yolo(masks[1]))
