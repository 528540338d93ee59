"""What the numbers of a head mean: a box and a score for each class, at every place."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatArray
from golden.yolov3_tiny import ANCHORS, BOX_CHANNELS

ANCHOR_SIZES: Final = {
    "pred_1": ((23, 27), (37, 58), (81, 82)),
    "pred_2": ((81, 82), (135, 169), (344, 319)),
}
"""Width and height of each head's anchors, pixels of the network's input.

``anchors`` of Darknet's yolov3-tiny.cfg, by its ``mask`` 3,4,5 for pred_2. For pred_1
the file says 0,1,2, but the official weights were trained with 1,2,3, and only with
these do its boxes have the right sizes (github.com/pjreddie/darknet/issues/851,
github.com/AlexeyAB/darknet/issues/1341).
"""
STRIDES: Final = {"pred_1": 16, "pred_2": 32}
"""Side of each head's grid cell, pixels of the network's input."""

_EXPONENTS: Final = (-20.0, 20.0)
"""Beyond these a side is nothing, or covers every picture; within, no area is 0 or infinite."""


def sigmoid(x: npt.ArrayLike) -> FloatArray:
    """Return 1 / (1 + exp(-x)), without overflow.

    >>> sigmoid([0.0, 32768.0, -32768.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64)))


def decode(values: FloatArray, head: str) -> tuple[FloatArray, FloatArray]:
    """Read every box of a head.

    For each of three anchors the channels are x, y, width, height, objectness and the
    classes. With t a channel's value at a cell, centre = (sigmoid(t) + cell) * stride,
    size = exp(t) * anchor, score = sigmoid(objectness) * sigmoid(class) (Redmon and
    Farhadi, YOLOv3, 2018).

    Parameters
    ----------
    values : ndarray of float64, (3 * (5 + classes), G, G)
    head : str
        ``pred_1`` or ``pred_2``.

    Returns
    -------
    corners : ndarray of float64, (3 * G * G, 4)
        Left, top, right, bottom, pixels of the network's input; anchor by anchor, row
        by row.
    scores : ndarray of float64, (3 * G * G, classes)
    """
    rows, columns = np.indices(values.shape[1:])
    anchors = np.array(ANCHOR_SIZES[head], np.float64).reshape(ANCHORS, 2, 1, 1)
    fields = values.reshape(ANCHORS, -1, *values.shape[1:])
    centre = (sigmoid(fields[:, :2]) + np.stack((columns, rows))) * STRIDES[head]
    half = np.exp(np.clip(fields[:, 2:4], *_EXPONENTS)) * anchors / 2
    corners = np.concatenate((centre - half, centre + half), axis=1)
    scores = sigmoid(fields[:, 4:BOX_CHANNELS]) * sigmoid(fields[:, BOX_CHANNELS:])
    return _flat(corners), _flat(scores)


def _flat(fields: FloatArray) -> FloatArray:
    """Turn (anchor, field, row, column) into (box, field)."""
    return np.moveaxis(fields, 1, -1).reshape(-1, fields.shape[1])
