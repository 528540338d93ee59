"""Overlap, suppression and pairing of boxes, by the library supervision.

The library is imported where it is first needed: it takes a second.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatArray

IndexArray = npt.NDArray[np.int64]


@contextmanager
def quietly() -> Iterator[None]:
    """Import supervision in here: it warns that OpenCV, which it can do without, is not there."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"OpenCV .* is not installed")
        yield


def suppress(corners: FloatArray, labels: IndexArray, overlap: float) -> IndexArray:
    """Choose the boxes that no better box of their class covers; return their rows, in order.

    Parameters
    ----------
    corners : ndarray of float64, (N, 4)
        Left, top, right, bottom; none is empty, the best is first.
    labels : ndarray of int64, (N,)
        Number of each box's class.
    overlap : float
        A box goes if it shares more than this part of the union with a better one.

    >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9.0]])
    >>> suppress(boxes, np.array([3, 3, 5]), 0.45).tolist()
    [0, 2]
    """
    with quietly():
        from supervision.detection.utils.iou_and_nms import box_non_max_suppression

    # The library sorts by score and leaves ties to chance: the rank has none.
    scores = np.arange(len(corners), 0, -1)
    stay = box_non_max_suppression(np.column_stack((corners, scores, labels)), overlap)
    return np.flatnonzero(stay)


def overlaps(some: FloatArray, others: FloatArray) -> FloatArray:
    """Part of their union that each of some boxes shares with each of others: float64 (N, M).

    Rounded to single precision by the library.

    Parameters
    ----------
    some, others : ndarray of float64, (N, 4) and (M, 4)
        Left, top, right, bottom.

    >>> overlaps(np.array([[0, 0, 2, 1.0]]), np.array([[1, 0, 3, 1], [2, 0, 3, 1.0]])).round(3)
    array([[0.333, 0.   ]])
    """
    with quietly():
        from supervision.detection.utils.iou_and_nms import box_iou_batch

    return box_iou_batch(some, others).astype(np.float64)


def pair(
    some: tuple[FloatArray, IndexArray], others: tuple[FloatArray, IndexArray], overlap: float
) -> list[tuple[int, int]]:
    """Pair boxes of one class one to one, those that share most first.

    Each pair is a row of `some` and one of `others`; by falling overlap.

    Parameters
    ----------
    some, others : tuple of ndarray
        Corners (N, 4), and the number of each box's class (N,).
    overlap : float
        A pair shares this part of its union, or more.

    >>> one = np.array([[0, 0, 9, 9.0]])
    >>> three = np.array([[0, 0, 9, 8], [0, 0, 9, 9], [1, 1, 2, 2.0]])
    >>> pair((one, np.zeros(1, int)), (three, np.zeros(3, int)), 0.5)
    [(0, 1)]
    """
    with quietly():
        from supervision.detection.core import Detections
        from supervision.detection.utils.matching import match_detections

    first, second = (Detections(xyxy=xyxy, class_id=ids) for xyxy, ids in (some, others))
    pairs, _, _ = match_detections(first, second, iou_threshold=overlap)
    return [(int(one), int(other)) for one, other in pairs]
