"""Photographs as FaceNet takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from golden.networks.facenet.graph import INPUT_SIZE
from golden.vision.images import Pixels, calibration_images, load


def prepare(image: Image.Image, size: int = INPUT_SIZE) -> Pixels:
    """Cut the middle square out of a picture and standardise it: (p - 127.5) / 128.

    That is the fixed standardisation which the models of 2018 are trained with. Finding
    the face is the caller's. Returns float32 (3, size, size): red, green, blue, -0.996 to 0.996.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    size : int
        Rows and columns wanted.

    >>> prepare(Image.new("RGB", (4, 2), (255, 0, 127)), 2)[:, 0, 0].tolist()
    [0.99609375, -0.99609375, -0.00390625]
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    fitted = square.resize((size, size), Image.Resampling.BILINEAR)
    pixels = (np.asarray(fitted, dtype=np.float32) - np.float32(127.5)) / np.float32(128)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def prepare_all(paths: list[Path] | None = None, size: int = INPUT_SIZE) -> list[Pixels]:
    """Read and prepare pictures; those that fraction bits are chosen on, unless given."""
    return [prepare(load(path), size) for path in paths or calibration_images()]
