"""Draws boxes, with their classes and confidences, on a photograph."""

from __future__ import annotations

import colorsys
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from golden.boxes import Box
from golden.errors import InputError

Colour = tuple[int, int, int]

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Sizes in pixels that suit one picture: of a line, of a letter, and around text."""

    line: int
    letter: int
    margin: int

    @classmethod
    def for_picture(cls, width: int, height: int) -> _Pen:
        side = max(width, height)
        letter = max(12, round(side / 40))
        return cls(line=max(2, round(side / 250)), letter=letter, margin=letter // 6)


def draw(picture: npt.NDArray[np.uint8], boxes: Sequence[Box], path: Path) -> None:
    """Draw boxes on a photograph and write it whole, or leave what was there.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
        Red, green, blue; it is not changed.
    boxes : sequence of Box
        In the picture's pixels. The most confident ends on top.
    path : Path
        File to replace; its ending says the format, and its folder is made where missing.

    Raises
    ------
    InputError
        If the ending names no format that Pillow writes.
    ValueError
        If the picture has another shape or type.
    OSError
        If the file cannot be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise InputError(f"{path}: no picture format has that ending; choose .png")
    image = drawn(picture, boxes)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            image.save(file, format=kind)
        scratch.chmod(0o644)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def drawn(picture: npt.NDArray[np.uint8], boxes: Sequence[Box]) -> Image.Image:
    """Return a copy of a photograph with boxes on it; see `draw`."""
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size or picture.dtype != np.uint8:
        raise ValueError(f"picture is {picture.dtype} {picture.shape}: uint8 (H, W, 3) is wanted")
    image = Image.fromarray(np.ascontiguousarray(picture)).copy()
    canvas = ImageDraw.Draw(image)
    pen = _Pen.for_picture(*image.size)
    font = ImageFont.load_default(pen.letter)
    worst_first = sorted(boxes, key=lambda box: box.confidence)
    for box in worst_first:
        left, top, right, bottom = _outline(box)
        # Pillow puts the part of a line that a thin box cannot hold outside it.
        width = min(pen.line, min(right - left, bottom - top) // 2 + 1)
        canvas.rectangle((left, top, right, bottom), outline=colour(box.label), width=width)
    for box in worst_first:
        _write(canvas, box, font, pen, image.size)
    return image


def colour(label: str) -> Colour:
    """Return a class's colour, the same in every picture.

    >>> colour("motorbike") == colour("motorbike") != colour("person")
    True
    """
    hue = zlib.crc32(label.encode()) / 2**32
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, 0.95))
    return red, green, blue


def _outline(box: Box) -> tuple[int, int, int, int]:
    """Return the first and last pixel columns and rows that a box touches."""
    return floor(box.left), floor(box.top), ceil(box.right) - 1, ceil(box.bottom) - 1


def _write(
    canvas: ImageDraw.ImageDraw,
    box: Box,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    pen: _Pen,
    size: tuple[int, int],
) -> None:
    """Write class and confidence above a box; inside it, where there is no room above."""
    text = f"{box.label} {box.confidence:.2f}"
    start, ascent, end, descent = canvas.textbbox((0, 0), text, font=font)
    width = ceil(end - start) + 2 * pen.margin
    height = ceil(descent - ascent) + 2 * pen.margin
    left, top, _, _ = _outline(box)
    left = max(0, min(left, size[0] - width))
    top = top - height if top >= height else top
    paint = colour(box.label)
    canvas.rectangle((left, top, left + width - 1, top + height - 1), fill=paint)
    ink = _BLACK if _brightness(paint) > 128 else _WHITE
    canvas.text((left + pen.margin - start, top + pen.margin - ascent), text, fill=ink, font=font)


def _brightness(paint: Colour) -> float:
    """Return 0 to 255 (ITU-R BT.601)."""
    red, green, blue = paint
    return 0.299 * red + 0.587 * green + 0.114 * blue
