"""Photographs as FaceNet takes them."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from golden.config import Standardization
from golden.networks.facenet.graph import INPUT_SIZE, WHITE
from golden.vision.images import Pixels, calibration_images, load

LARGEST: Final = {Standardization.FIXED: WHITE, Standardization.PER_IMAGE: 8.0}
"""Magnitude that the image's format holds. What a picture has beyond 8 deviations is cut off."""


def prepare(
    image: Image.Image,
    size: int = INPUT_SIZE,
    standardization: Standardization = Standardization.FIXED,
) -> Pixels:
    """Cut the middle square out of a picture, resize and standardise it.

    Finding the face is the caller's. Returns float32 (3, size, size): red, green, blue.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    size : int
        Rows and columns wanted.
    standardization : Standardization
        What the model was trained with. Models of 2018, and facenet-pytorch's: fixed. Those
        of 2017 (``prewhiten`` of github.com/davidsandberg/facenet): per image,
        (p - mean) / max(deviation, 1 / sqrt(values)) of all values of the picture.

    >>> prepare(Image.new("RGB", (4, 2), (255, 0, 127)), 2)[:, 0, 0].tolist()
    [0.99609375, -0.99609375, -0.00390625]
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    fitted = square.resize((size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted, dtype=np.float32)
    if standardization is Standardization.FIXED:
        pixels = (pixels - np.float32(127.5)) / np.float32(128)
    else:
        exact = pixels.astype(np.float64)
        deviation = max(float(exact.std()), 1 / sqrt(exact.size))
        pixels = ((exact - exact.mean()) / deviation).astype(np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def prepare_all(
    paths: list[Path] | None = None,
    size: int = INPUT_SIZE,
    standardization: Standardization = Standardization.FIXED,
) -> list[Pixels]:
    """Read and prepare pictures; those that fraction bits are chosen on, unless given."""
    chosen = paths or calibration_images()
    return [prepare(load(path), size, standardization) for path in chosen]
