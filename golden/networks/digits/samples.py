"""scikit-learn's handwritten digits, and pictures of a digit from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from golden.files import whole_file
from golden.networks.digits.graph import SIDE
from golden.vision.images import Pixels

LEVELS: Final = 16
"""The value of a full pixel, as scikit-learn counts."""
FULL: Final = 240
"""The value of a full pixel in a file: each of the 17 levels is a whole number there."""
TESTED: Final = 360
"""Pictures that are kept away from the training."""
_SPLIT: Final = 1
"""Decides which pictures these are."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures of digits."""

    pictures: Pixels
    """float32 (N, 1, 8, 8). 0, paper, to 1, ink."""
    labels: npt.NDArray[np.int64]
    """int64 (N,)."""

    def first(self, count: int) -> Samples:
        """The first `count` of them, or all where there are fewer."""
        return Samples(self.pictures[:count], self.labels[:count])


def load_samples() -> tuple[Samples, Samples]:
    """Return the pictures to train on, 1,437, and those to test on, 360.

    Each digit has its share of both.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    pictures = (digits.images / LEVELS).astype(np.float32)[:, None]
    labels = digits.target.astype(np.int64)
    kept = train_test_split(
        pictures, labels, test_size=TESTED, stratify=labels, random_state=_SPLIT
    )
    return Samples(kept[0], kept[2]), Samples(kept[1], kept[3])


def prepare(image: Image.Image) -> Pixels:
    """Turn a picture of any size into the network's (1, 8, 8): ink is bright, paper is black.

    >>> prepare(Image.new("RGB", (8, 8), (120, 120, 120)))[0, 0, :2].tolist()
    [0.5, 0.5]
    """
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(grey, np.float32) / np.float32(FULL)
    return np.ascontiguousarray(np.minimum(pixels, 1)[None])


def write_pictures(samples: Samples, folder: Path) -> list[Path]:
    """Write each picture as a PNG that `prepare` reads back exactly; names are in order.

    The name ends in the digit: ``test-0007-4.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (picture, label) in enumerate(zip(samples.pictures, samples.labels, strict=True)):
        path = folder / f"test-{number:04d}-{label}.png"
        levels = np.rint(picture[0] * FULL).astype(np.uint8)
        with whole_file(path) as scratch:
            Image.fromarray(levels).save(scratch, "PNG")
        paths.append(path)
    return paths
