"""Where a picture lies on the network's input, and the way back to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.graph.image_size import ImageSize, sides

Fit = Literal["letterbox", "plain"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where `golden.vision.images.preprocess` puts a picture on the network's input."""

    left: int
    top: int
    """The picture's corner, pixels of the input."""
    width: int
    height: int
    """The picture's size there."""
    picture_size: tuple[int, int]
    """(height, width) of the original."""

    def to_picture(self, corners: FloatArray) -> FloatArray:
        """Map (N, 4) left, top, right, bottom from the input's pixels to the picture's.

        >>> placement((50, 100), 416, "letterbox").to_picture(np.array([[0, 104, 416, 312.0]]))
        array([[  0.,   0., 100.,  50.]])
        """
        height, width = self.picture_size
        origin = (self.left, self.top, self.left, self.top)
        scale = (width / self.width, height / self.height)
        return np.asarray((corners - origin) * (*scale, *scale))


def placement(picture_size: tuple[int, int], input_size: ImageSize, fit: Fit) -> Placement:
    """Compute where `golden.vision.images.preprocess` puts a picture.

    Parameters
    ----------
    picture_size : tuple of int
        (height, width) of the original.
    input_size : int or Rectangle
        Rows and columns of the network's input.
    fit : str
        ``letterbox`` or ``plain``.
    """
    rows, columns = sides(input_size)
    if fit == "plain":
        return Placement(0, 0, columns, rows, picture_size)
    scale = min(rows / picture_size[0], columns / picture_size[1])
    height, width = (max(1, round(side * scale)) for side in picture_size)
    return Placement((columns - width) // 2, (rows - height) // 2, width, height, picture_size)
