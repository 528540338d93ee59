"""The size of a network's image: one number for a square, width x height for a rectangle."""

from __future__ import annotations

import re
from dataclasses import dataclass

from golden.config import ConfigError


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An image that is no square; its text is WIDTHxHEIGHT, as image tools and Darknet say it.

    >>> str(Rectangle(height=384, width=640))
    '640x384'
    """

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


ImageSize = int | Rectangle
"""Rows and columns of a square, or a rectangle. JSON has a number, or ``height`` and ``width``."""


def image_size(height: int, width: int) -> ImageSize:
    """Return the size of an image with so many rows and columns.

    >>> image_size(96, 96), str(image_size(64, 96))
    (96, '96x64')
    """
    return height if height == width else Rectangle(height, width)


def sides(size: ImageSize) -> tuple[int, int]:
    """Return (height, width).

    >>> sides(416), sides(parse_size("640x384"))
    ((416, 416), (384, 640))
    """
    return (size.height, size.width) if isinstance(size, Rectangle) else (size, size)


def in_words(size: ImageSize) -> str:
    """Return width x height, of a square too.

    >>> in_words(416), in_words(parse_size("640x384"))
    ('416x416', '640x384')
    """
    height, width = sides(size)
    return f"{width}x{height}"


def parse_size(text: str, name: str = "SIZE") -> ImageSize:
    """Read ``416`` or ``640x384``, width x height.

    Parameters
    ----------
    text : str
    name : str
        What a refusal calls it.

    Raises
    ------
    ConfigError
        If it is neither.

    >>> parse_size("416"), parse_size("96x96"), parse_size("640x384")
    (416, 96, Rectangle(height=384, width=640))
    """
    found = re.fullmatch(r"(\d{1,6})(?:[xX](\d{1,6}))?", text.strip(), re.ASCII)
    if found is None:
        raise ConfigError(
            f"{name}={text}: give rows and columns in one number, 416, or width x height, 640x384"
        )
    width = int(found[1])
    return image_size(int(found[2] or width), width)
