"""From the two head tensors to boxes on the original picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatArray, Int16Array, check_finite, dequantize
from golden.config import ConfigError, InputError
from golden.graph.anchors import Anchors, BoxDecoding
from golden.graph.image_size import ImageSize, sides
from golden.networks.yolov3_tiny.graph import (
    ANCHOR_SIZES,
    ANCHORS,
    BOX_CHANNELS,
    HEADS,
    INPUT_SIZE,
    head_channels,
)
from golden.vision.boxes import Box
from golden.vision.overlaps import IndexArray, suppress
from golden.vision.placement import Fit, Placement, placement

STRIDES: Final = {"pred_1": 16, "pred_2": 32}
"""Side of each head's grid cell, pixels of the network's input."""
_EXPONENTS: Final = (-20.0, 20.0)
"""Beyond these a side is nothing, or covers every picture; within, no area is 0 or infinite."""
CONFIDENCE: Final = 0.3
"""A box must score more."""
OVERLAP: Final = 0.45
"""Boxes of one class may share this part of their union."""
CANDIDATES: Final = 1000
"""So many places of a picture, those that score best, are looked at for boxes that overlap.

Suppression takes quadratic time. A sound network has some dozens of candidates; one that
its arithmetic has destroyed has 100,000s, and no figure of it is worth waiting for.
"""


def sigmoid(x: npt.ArrayLike) -> FloatArray:
    """Return 1 / (1 + exp(-x)), without overflow.

    >>> sigmoid([0.0, 32768.0, -32768.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64)))


def decode(
    values: FloatArray, head: str, anchors: Anchors | None = None
) -> tuple[FloatArray, FloatArray]:
    """Read every box of a head.

    For each of three anchors the channels are x, y, width, height, objectness and the
    classes. With t a channel's value at a cell, centre = (sigmoid(t) + cell) * stride,
    size = exp(t) * anchor, score = sigmoid(objectness) * sigmoid(class) (Redmon and
    Farhadi, YOLOv3, 2018). `BoxDecoding.ULTRALYTICS` is that of Ultralytics' Detect
    (ultralytics/yolov3, models/yolo.py): centre = (2 sigmoid(t) - 0.5 + cell) * stride,
    size = (2 sigmoid(t))**2 * anchor.

    Parameters
    ----------
    values : ndarray of float64, (3 * (5 + classes), GH, GW)
    head : str
        ``pred_1`` or ``pred_2``.
    anchors : Anchors, optional
        Three pairs a head; `ANCHOR_SIZES` unless given.

    Returns
    -------
    corners : ndarray of float64, (3 * GH * GW, 4)
        Left, top, right, bottom, pixels of the network's input; anchor by anchor, row
        by row.
    scores : ndarray of float64, (3 * GH * GW, classes)
    """
    rows, columns = np.indices(values.shape[1:])
    anchors = anchors if anchors and anchors.sides else Anchors(ANCHOR_SIZES)
    sides = np.array(anchors.sides[head], np.float64).reshape(ANCHORS, 2, 1, 1)
    fields = values.reshape(ANCHORS, -1, *values.shape[1:])
    centre, scale = sigmoid(fields[:, :2]), fields[:, 2:4]
    if anchors.decoding is BoxDecoding.ULTRALYTICS:
        centre, scale = 2 * centre - 0.5, (2 * sigmoid(scale)) ** 2
    else:
        scale = np.exp(np.clip(scale, *_EXPONENTS))
    centre = (centre + np.stack((columns, rows))) * STRIDES[head]
    half = scale * sides / 2
    corners = np.concatenate((centre - half, centre + half), axis=1)
    scores = sigmoid(fields[:, 4:BOX_CHANNELS]) * sigmoid(fields[:, BOX_CHANNELS:])
    return _flat(corners), _flat(scores)


def _flat(fields: FloatArray) -> FloatArray:
    """Turn (anchor, field, row, column) into (box, field)."""
    return np.moveaxis(fields, 1, -1).reshape(-1, fields.shape[1])


@dataclass(frozen=True, slots=True)
class Detections:
    """What the network found in one picture."""

    boxes: tuple[Box, ...]
    """Clipped to the picture; by descending confidence, then label, then corners."""
    candidates: int
    """Places that scored enough, a class each, before suppression. Where there are more than
    `CANDIDATES`, only so many, the best, were looked at."""

    @property
    def cut(self) -> bool:
        """Whether there were more candidates than were looked at."""
        return self.candidates > CANDIDATES


def detect(
    heads: Mapping[str, Int16Array],
    fracs: Mapping[str, int],
    classes: Sequence[str],
    picture_size: tuple[int, int],
    fit: Fit,
    input_size: ImageSize = INPUT_SIZE,
    confidence: float = CONFIDENCE,
    overlap: float = OVERLAP,
    anchors: Anchors | None = None,
) -> list[Box]:
    """Find the boxes that integer heads describe.

    They are clipped to the picture; by descending confidence, then label, then corners.

    Parameters
    ----------
    heads : mapping of str to ndarray of int16, (3 * (5 + classes), GH, GW)
        ``pred_1`` with a grid cell for 16 rows and columns of the input, ``pred_2`` for 32;
        other names are not read.
    fracs : mapping of str to int
        Fraction bits of each head.
    classes : sequence of str
        Class names, in channel order.
    picture_size : tuple of int
        (height, width) of the original picture.
    fit : str
        ``letterbox`` or ``plain``: how the picture was put on the input.
    input_size : int or Rectangle
        Rows and columns of the network's input, multiples of 32.
    confidence : float
        A box must score more.
    overlap : float
        Of two boxes of one class that share more of their union, the lesser goes.
    anchors : Anchors, optional
        Three pairs a head; `ANCHOR_SIZES` unless given.

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
    limits = confidence, overlap
    return list(find(real, classes, picture_size, fit, input_size, *limits, anchors).boxes)


def find(
    heads: Mapping[str, npt.NDArray[np.floating]],
    classes: Sequence[str],
    picture_size: tuple[int, int],
    fit: Fit,
    input_size: ImageSize = INPUT_SIZE,
    confidence: float = CONFIDENCE,
    overlap: float = OVERLAP,
    anchors: Anchors | None = None,
) -> Detections:
    """Find the boxes that heads in real numbers describe; see `detect`."""
    _check_choices(picture_size, fit, input_size, confidence, overlap)
    place = placement(picture_size, input_size, fit)
    decoded = []
    for head in HEADS:
        if head not in heads:
            raise InputError(f"{head}: its tensor is missing")
        cells = (side // STRIDES[head] for side in sides(input_size))
        wanted = (head_channels(len(classes)), *cells)
        if heads[head].shape != wanted:
            raise InputError(f"{head}: shape {heads[head].shape}, {wanted} is wanted")
        check_finite(heads[head], head)
        decoded.append(decode(np.asarray(heads[head], np.float64), head, anchors))
    corners, scores = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
    return _best(place.to_picture(corners), scores, classes, place, confidence, overlap)


def _check_choices(
    picture_size: tuple[int, int],
    fit: Fit,
    input_size: ImageSize,
    confidence: float,
    overlap: float,
) -> None:
    if any(side < 32 or side % 32 for side in sides(input_size)):
        raise ConfigError(f"input size {input_size}: choose a multiple of 32")
    if min(picture_size) < 1:
        raise ConfigError(f"picture of {picture_size[0]} x {picture_size[1]} pixels is empty")
    if fit not in ("letterbox", "plain"):
        raise ConfigError(f"fit {fit!r}: choose letterbox or plain")
    for name, value in (("confidence", confidence), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} {value}: choose 0 to 1")


def _best(
    corners: FloatArray,
    scores: FloatArray,
    classes: Sequence[str],
    place: Placement,
    confidence: float,
    overlap: float,
) -> Detections:
    """Clip boxes to the picture; of each class keep the best of those that overlap."""
    height, width = place.picture_size
    clipped = np.clip(corners, 0, (width, height, width, height))
    visible = (clipped[:, :2] < clipped[:, 2:]).all(axis=1, keepdims=True)
    places, labels = np.nonzero((scores > confidence) & visible)
    names, ranks = np.unique(classes, return_inverse=True)
    count = len(places)
    first = _first(scores[places, labels], ranks[labels], clipped[places])
    places, labels = places[first], labels[first]
    chosen = suppress(clipped[places], ranks[labels], overlap)
    boxes = tuple(
        Box(str(names[ranks[label]]), float(scores[at, label]), *clipped[at].tolist())
        for at, label in zip(places[chosen], labels[chosen], strict=True)
    )
    return Detections(boxes, count)


def _first(scores: FloatArray, ranks: IndexArray, corners: FloatArray) -> IndexArray:
    """Order candidates by descending score, then label, then corners; return the best."""
    rows = np.arange(len(scores))
    if len(scores) > CANDIDATES:
        least = -np.partition(-scores, CANDIDATES - 1)[CANDIDATES - 1]
        rows = np.flatnonzero(scores >= least)
    keys = (*corners[rows].T[::-1], ranks[rows], -scores[rows])
    return rows[np.lexsort(keys)][:CANDIDATES]
