"""Draws boxes, with their classes and confidences, on a photograph."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil, floor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from golden.config import InputError
from golden.files import whole_file
from golden.vision.boxes import Box

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Picture = npt.NDArray[np.uint8]

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_BRIGHTNESS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
_IN_A_ROW = 3
_TITLE, _SMALLEST = 16, 8
"""Pixels of a title's letters; of a long one's, at least."""


def check_ending(path: Path) -> str:
    """Return the format that a file's ending names.

    Raises
    ------
    InputError
        If it names none that Pillow writes.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise InputError(f"{path}: no picture format has that ending; choose .png")
    return kind


def save(image: Image.Image, path: Path) -> None:
    """Write a picture whole, in the format of its ending, or leave what was there; make its folder.

    Raises
    ------
    InputError
        If the ending names no format that Pillow writes.
    OSError
        If the file cannot be written.
    """
    kind = check_ending(path)
    with whole_file(path) as scratch, scratch.open("wb") as file:
        image.save(file, format=kind)


def annotate(picture: Picture, boxes: Iterable[Box]) -> Image.Image:
    """Draw boxes, with classes and confidences, on a copy of a photograph.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
        Red, green, blue.
    boxes : iterable of Box
        In the picture's pixels. The most confident ends on top.

    Raises
    ------
    ValueError
        If the picture has another shape or type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size or picture.dtype != np.uint8:
        raise ValueError(f"picture is {picture.dtype} {picture.shape}: uint8 (H, W, 3) is wanted")
    image = Image.fromarray(np.ascontiguousarray(picture)).copy()
    canvas = ImageDraw.Draw(image)
    side = max(image.size)
    line, letter = max(2, round(side / 250)), max(12, round(side / 40))
    worst_first = sorted(boxes, key=lambda box: box.confidence)
    for box in worst_first:
        left, top, right, bottom = _outline(box)
        # Pillow puts the part of a line that a thin box cannot hold outside it.
        width = min(line, min(right - left, bottom - top) // 2 + 1)
        canvas.rectangle((left, top, right, bottom), outline=colour(box.label), width=width)
    for box in worst_first:
        _write_label(canvas, box, letter, image.width)
    return image


def side_by_side(
    picture: Picture, panels: Sequence[tuple[str, Sequence[Box]]], side: int = 480
) -> Image.Image:
    """Draw a photograph once for each panel, three in a row, each under its title.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
        Red, green, blue.
    panels : sequence of (str, sequence of Box)
        Titles, and boxes in the photograph's pixels; from left to right, then down; at least
        one.
    side : int
        Pixels of a panel's longer side, whatever the photograph's size.
    """
    height, width = picture.shape[:2]
    size = tuple(max(1, round(edge * side / max(width, height))) for edge in (width, height))
    scale = (size[0] / width, size[1] / height) * 2
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    strip, gap = _TITLE * 2, _TITLE // 2
    cell = max(size[0], side // 2) + gap, size[1] + strip + gap
    columns = min(len(panels), _IN_A_ROW)
    rows = ceil(len(panels) / columns)
    sheet = Image.new("RGB", (columns * cell[0] + gap, rows * cell[1] + gap), _WHITE)
    canvas = ImageDraw.Draw(sheet)
    for index, (title, boxes) in enumerate(panels):
        left = gap + index % columns * cell[0]
        top = gap + index // columns * cell[1]
        sheet.paste(annotate(small, [_scaled(box, scale) for box in boxes]), (left, top + strip))
        font = _fitting_font(canvas, title, cell[0] - gap)
        canvas.text((left, top + strip // 2), title, fill=_BLACK, font=font, anchor="lm")
    return sheet


def _scaled(box: Box, scale: Sequence[float]) -> Box:
    left, top, right, bottom = (edge * by for edge, by in zip(box.corners, scale, strict=True))
    return replace(box, left=left, top=top, right=right, bottom=bottom)


def _fitting_font(canvas: ImageDraw.ImageDraw, text: str, width: int) -> Font:
    """The title's font, smaller where the text needs it."""
    letter = _TITLE
    while letter > _SMALLEST and canvas.textlength(text, ImageFont.load_default(letter)) > width:
        letter -= 1
    return ImageFont.load_default(letter)


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


def _write_label(canvas: ImageDraw.ImageDraw, box: Box, letter: int, picture_width: int) -> None:
    """Write class and confidence above a box; inside it, where there is no room above."""
    text, margin = f"{box.label} {box.confidence:.2f}", letter // 6
    font = ImageFont.load_default(letter)
    start, ascent, end, descent = canvas.textbbox((0, 0), text, font=font)
    width = ceil(end - start) + 2 * margin
    height = ceil(descent - ascent) + 2 * margin
    left, top, _, _ = _outline(box)
    left = max(0, min(left, picture_width - width))
    top = top - height if top >= height else top
    paint = colour(box.label)
    canvas.rectangle((left, top, left + width - 1, top + height - 1), fill=paint)
    ink = _BLACK if np.dot(paint, _BRIGHTNESS) > 128 else _WHITE
    canvas.text((left + margin - start, top + margin - ascent), text, fill=ink, font=font)
