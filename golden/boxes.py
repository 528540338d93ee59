"""From the two head tensors to boxes on the original picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.config import ConfigError
from golden.errors import InputError
from golden.fixed import FloatArray, Int16Array, check_finite, dequantize
from golden.placement import Fit, Placement, placement
from golden.yolov3_tiny import ANCHORS, BOX_CHANNELS, HEADS, INPUT_SIZE, head_channels

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
CONFIDENCE: Final = 0.3
"""A box must score more."""
OVERLAP: Final = 0.45
"""Boxes of one class may share this part of their union."""

_EXPONENTS: Final = (-20.0, 20.0)
"""Beyond these a side is nothing, or covers every picture; within, no area is 0 or infinite."""


@dataclass(frozen=True, slots=True)
class Box:
    """What the network found in one place.

    Parameters
    ----------
    label : str
        Class.
    confidence : float
        0 to 1.
    left, top, right, bottom : float
        Edges, pixels of the original picture from its top left corner; the picture's
        own edges are 0, 0, width, height.

    Raises
    ------
    ValueError
        If the box is empty, or a figure is NaN.
    """

    label: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError(f"{self.label}: box {self.corners} is empty")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"{self.label}: confidence {self.confidence} is not within 0 and 1")

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """``left, top, right, bottom``."""
        return self.left, self.top, self.right, self.bottom

    def to_dict(self) -> dict[str, Any]:
        """Return the box as reports hold it, in figures that a person reads.

        >>> Box("dog", 0.912345, 1, 2, 30.456, 40).to_dict()
        {'label': 'dog', 'confidence': 0.9123, 'box': [1, 2, 30.46, 40]}
        """
        edges = [round(edge, 2) for edge in self.corners]
        return {"label": self.label, "confidence": round(self.confidence, 4), "box": edges}


def detect(
    heads: Mapping[str, Int16Array],
    fracs: Mapping[str, int],
    classes: Sequence[str],
    picture_size: tuple[int, int],
    fit: Fit,
    input_size: int = INPUT_SIZE,
    confidence: float = CONFIDENCE,
    overlap: float = OVERLAP,
) -> list[Box]:
    """Find the boxes that integer heads describe.

    Parameters
    ----------
    heads : mapping of str to ndarray of int16, (3 * (5 + classes), G, G)
        ``pred_1`` with G = input_size / 16, ``pred_2`` with G = input_size / 32;
        other names are not read.
    fracs : mapping of str to int
        Fraction bits of each head.
    classes : sequence of str
        Class names, in channel order.
    picture_size : tuple of int
        (height, width) of the original picture.
    fit : str
        ``letterbox`` or ``plain``: how the picture was put on the input.
    input_size : int
        Rows and columns of the network's input, a multiple of 32.
    confidence : float
        A box must score more.
    overlap : float
        Of two boxes of one class that share more of their union, the lesser goes.

    Returns
    -------
    list of Box
        Clipped to the picture; by descending confidence, then label, then corners.

    Raises
    ------
    InputError
        If a head is missing, has another shape or holds no integers; the text names it.
    ConfigError
        If a size, a limit or a fit is not possible.
    """
    real: dict[str, FloatArray] = {}
    for head in HEADS:
        if head not in heads or head not in fracs:
            raise InputError(f"{head}: its tensor or its fraction bits are missing")
        if heads[head].dtype.kind not in "iu":
            raise InputError(f"{head}: integers are wanted, not {heads[head].dtype}")
        real[head] = dequantize(heads[head], fracs[head])
    return detect_real(real, classes, picture_size, fit, input_size, confidence, overlap)


def detect_real(
    heads: Mapping[str, npt.NDArray[np.floating]],
    classes: Sequence[str],
    picture_size: tuple[int, int],
    fit: Fit,
    input_size: int = INPUT_SIZE,
    confidence: float = CONFIDENCE,
    overlap: float = OVERLAP,
) -> list[Box]:
    """Find the boxes that heads in real numbers describe; see `detect`."""
    _check_choices(picture_size, fit, input_size, confidence, overlap)
    place = placement(picture_size, input_size, fit)
    found: list[Box] = []
    for head in HEADS:
        if head not in heads:
            raise InputError(f"{head}: its tensor is missing")
        cells = input_size // STRIDES[head]
        wanted = (head_channels(len(classes)), cells, cells)
        if heads[head].shape != wanted:
            raise InputError(f"{head}: shape {heads[head].shape}, {wanted} is wanted")
        check_finite(heads[head], head)
        corners, scores = decode(np.asarray(heads[head], np.float64), head)
        found.extend(_boxes(place.to_picture(corners), scores, classes, place, confidence))
    return suppress(found, overlap)


def _check_choices(
    picture_size: tuple[int, int], fit: Fit, input_size: int, confidence: float, overlap: float
) -> None:
    if input_size < 32 or input_size % 32:
        raise ConfigError(f"input size {input_size}: choose a multiple of 32")
    if min(picture_size) < 1:
        raise ConfigError(f"picture of {picture_size[0]} x {picture_size[1]} pixels is empty")
    if fit not in ("letterbox", "plain"):
        raise ConfigError(f"fit {fit!r}: choose letterbox or plain")
    for name, value in (("confidence", confidence), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} {value}: choose 0 to 1")


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


def _boxes(
    corners: FloatArray,
    scores: FloatArray,
    classes: Sequence[str],
    place: Placement,
    confidence: float,
) -> Iterator[Box]:
    """Clip boxes to the picture; yield one for each class that scores enough."""
    height, width = place.picture_size
    clipped = np.clip(corners, 0, (width, height, width, height))
    seen = (clipped[:, :2] < clipped[:, 2:]).all(axis=1, keepdims=True)
    for index, label in np.argwhere((scores > confidence) & seen).tolist():
        yield Box(classes[label], float(scores[index, label]), *clipped[index].tolist())


def suppress(boxes: Iterable[Box], overlap: float = OVERLAP) -> list[Box]:
    """Keep the best of the boxes that overlap, class by class, and put all in order.

    Parameters
    ----------
    boxes : iterable of Box
    overlap : float
        A box goes if it shares more than this part of the union with a better one.

    Returns
    -------
    list of Box
        By descending confidence, then label, then corners.

    >>> best, second, cat = (Box(n, c, 0, 0, 9, 9) for n, c in zip("ddc", (0.9, 0.8, 0.7)))
    >>> suppress([cat, second, best]) == [best, cat]
    True
    """
    ordered = sorted(boxes, key=lambda box: (-box.confidence, box.label, box.corners))
    corners = np.array([box.corners for box in ordered], np.float64)
    kept: list[int] = []
    for label in {box.label for box in ordered}:
        rest = np.array([i for i, box in enumerate(ordered) if box.label == label])
        while len(rest):
            best, rest = int(rest[0]), rest[1:]
            kept.append(best)
            rest = rest[intersection_over_union(corners[best], corners[rest]) <= overlap]
    return [ordered[index] for index in sorted(kept)]


def intersection_over_union(one: npt.ArrayLike, others: npt.ArrayLike) -> FloatArray:
    """Return which part of their union a box shares with each of others.

    Parameters
    ----------
    one : array_like of float, (4,)
        Left, top, right, bottom; not empty.
    others : array_like of float, (N, 4)

    >>> intersection_over_union([0, 0, 2, 1], [[1, 0, 3, 1], [2, 0, 3, 1]]).round(3).tolist()
    [0.333, 0.0]
    """
    a, b = np.asarray(one, np.float64), np.asarray(others, np.float64)
    shared = np.minimum(a[2:], b[:, 2:]) - np.maximum(a[:2], b[:, :2])
    common = np.maximum(shared, 0).prod(axis=1)
    union = (a[2:] - a[:2]).prod() + (b[:, 2:] - b[:, :2]).prod(axis=1) - common
    return np.asarray(common / union)
