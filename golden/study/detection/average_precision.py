"""Mean average precision over annotated pictures, by the library supervision.

The library computes what COCO does: the precision at 101 recalls from 0 to 1, each the
best that is reached at that recall or beyond, averaged; at most 100 boxes of a class in a
picture. VOC's own programs took 11 recalls until 2009 and the whole area under the curve
since; the three differ by a few hundredths at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from golden.study.detection.voc import Truth
from golden.vision.boxes import Box
from golden.vision.overlaps import quietly

if TYPE_CHECKING:
    from supervision.detection.core import Detections

MOST: Final = 100
"""Boxes of a class in a picture that count, the most confident ones."""
_IGNORE: Final = "ignore"
"""The library's field for objects that neither finding nor missing counts."""


@dataclass(frozen=True, slots=True)
class ClassPrecision:
    """One class, as JSON holds it."""

    label: str
    truths: int
    """Objects marked, the difficult ones apart."""
    difficult: int
    boxes: int
    """Of the network."""
    ap50: float | None
    """Average precision at half of the union shared; None where nothing but difficult objects
    are marked."""


@dataclass(frozen=True, slots=True)
class Precision:
    """All classes."""

    map50: float | None
    """Mean over the classes that are marked; None where none is."""
    classes: tuple[ClassPrecision, ...]
    """Those that are marked, or that the network found, in the network's order."""


@dataclass(slots=True)
class Scorer:
    """Collects one network's boxes and the truth, picture by picture."""

    classes: Sequence[str]
    """That the network knows; objects of others are left out."""
    unknown: Counter[str] = field(init=False, default_factory=Counter)
    """Objects of other classes, by class."""
    _found: list[Detections] = field(init=False, default_factory=list)
    _truths: list[Detections] = field(init=False, default_factory=list)

    def add(self, found: Sequence[Box], truths: Sequence[Truth]) -> None:
        """Take in one picture: the network's boxes, best first, and the objects marked."""
        self.unknown.update(t.box.label for t in truths if t.box.label not in self.classes)
        known = [truth for truth in truths if truth.box.label in self.classes]
        self._found.append(self._held(found, [False] * len(found)))
        flags = [truth.difficult for truth in known]
        self._truths.append(self._held([truth.box for truth in known], flags))

    def _held(self, boxes: Sequence[Box], ignored: Sequence[bool]) -> Detections:
        with quietly():
            from supervision.detection.core import Detections

        return Detections(
            xyxy=np.array([box.corners for box in boxes], np.float64).reshape(-1, 4),
            confidence=np.array([box.confidence for box in boxes], np.float64),
            class_id=np.array([self.classes.index(box.label) for box in boxes], np.int64),
            data={_IGNORE: np.array(ignored, np.int64)},
        )

    def result(self) -> Precision:
        """Compute every class's average precision, and their mean."""
        with quietly():
            from supervision.metrics.mean_average_precision import MeanAveragePrecision

        found = self._count(self._found, 0)
        truths, difficult = (self._count(self._truths, flag) for flag in (0, 1))
        seen = [n for n in range(len(self.classes)) if found[n] + truths[n] + difficult[n]]
        precision: dict[int, float] = {}
        if truths.total():
            metric = MeanAveragePrecision(max_detection_thresholds=(1, 10, MOST))
            computed = metric.update(self._found, self._truths).compute()
            at_half = computed.ap_per_class[:, 0].tolist()
            numbers = computed.matched_classes.tolist()
            precision = {n: p for n, p in zip(numbers, at_half, strict=True) if truths[n]}
        rows = tuple(
            ClassPrecision(self.classes[n], truths[n], difficult[n], found[n], precision.get(n))
            for n in seen
        )
        mean = sum(precision.values()) / len(precision) if precision else None
        return Precision(mean, rows)

    @staticmethod
    def _count(held: Sequence[Detections], flag: int) -> Counter[int]:
        """Count the boxes with or without the flag, by class number."""
        numbers: Counter[int] = Counter()
        for boxes in held:
            assert boxes.class_id is not None
            numbers.update(boxes.class_id[boxes.data[_IGNORE] == flag].tolist())
        return numbers
