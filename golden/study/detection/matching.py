"""How well the boxes of one network agree with another's, or with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.vision.boxes import Box
from golden.vision.overlaps import IndexArray, overlaps, pair

OVERLAP: Final = 0.5
"""Two boxes of one class are of one thing if they share this part of their union, or more."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of what was matched, over one picture or many: agreements add up."""

    matched: int = 0
    """Boxes that both have (true positives)."""
    extra: int = 0
    """Boxes found that the reference has not (false positives)."""
    missed: int = 0
    """Boxes of the reference that were not found (false negatives)."""
    overlap_sum: float = 0.0
    """Over the matched: part of the union that a pair shares."""
    change_sum: float = 0.0
    """Over the matched: confidence of the found box less that of the reference's."""

    def __add__(self, other: Agreement) -> Agreement:
        """Return the counts of both.

        >>> Agreement(1, 0, 2) + Agreement(3, 1, 0)
        Agreement(matched=4, extra=1, missed=2, overlap_sum=0.0, change_sum=0.0)
        """
        return Agreement(
            self.matched + other.matched,
            self.extra + other.extra,
            self.missed + other.missed,
            self.overlap_sum + other.overlap_sum,
            self.change_sum + other.change_sum,
        )

    @property
    def precision(self) -> float | None:
        """Part of what was found that the reference has; None where nothing was found."""
        return _part(self.matched, self.matched + self.extra)

    @property
    def recall(self) -> float | None:
        """Part of the reference that was found; None where the reference is empty."""
        return _part(self.matched, self.matched + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where both lists are empty.

        >>> Agreement(3, 1, 0).f1, Agreement(0, 2, 0).f1, Agreement().f1
        (0.8571428571428571, 0.0, None)
        """
        return _part(2 * self.matched, 2 * self.matched + self.extra + self.missed)

    @property
    def mean_overlap(self) -> float | None:
        """Of the matched; None where there are none."""
        return _part(self.overlap_sum, self.matched)

    @property
    def mean_change(self) -> float | None:
        """Of the confidence of the matched; None where there are none."""
        return _part(self.change_sum, self.matched)

    def to_dict(self) -> dict[str, Any]:
        """Return counts and figures as JSON has them; undefined ones are null."""
        return {
            "true_positives": self.matched,
            "false_positives": self.extra,
            "false_negatives": self.missed,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "mean_overlap": self.mean_overlap,
            "mean_confidence_change": self.mean_change,
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """A box and the reference's box of the same thing."""

    found: Box
    truth: Box
    overlap: float
    """Part of their union that they share."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Two lists of boxes of one picture, held against each other."""

    pairs: tuple[Pair, ...]
    """By falling overlap."""
    extra: tuple[Box, ...]
    """Found, and not in the reference; in the order given."""
    missed: tuple[Box, ...]
    """In the reference, and not found; in the order given."""

    @property
    def agreement(self) -> Agreement:
        """The counts."""
        return Agreement(
            len(self.pairs),
            len(self.extra),
            len(self.missed),
            sum(pair.overlap for pair in self.pairs),
            sum(pair.found.confidence - pair.truth.confidence for pair in self.pairs),
        )


def match(found: Sequence[Box], truth: Sequence[Box], overlap: float = OVERLAP) -> Matching:
    """Pair the boxes of two lists one to one, class by class, those that share most first.

    Parameters
    ----------
    found : sequence of Box
        What is judged.
    truth : sequence of Box
        The reference.
    overlap : float
        A pair shares this part of its union, or more.

    >>> dog, cat = Box("dog", 0.9, 0, 0, 10, 10), Box("cat", 0.8, 0, 0, 10, 10)
    >>> match([dog], [Box("dog", 0.5, 0, 0, 10, 9), cat]).agreement.to_dict()["recall"]
    0.5
    """
    names = sorted({box.label for box in (*found, *truth)})
    numbers = {name: number for number, name in enumerate(names)}
    some, others = _arrays(found, numbers), _arrays(truth, numbers)
    chosen = pair(some, others, overlap)
    shared = overlaps(some[0], others[0])
    pairs = tuple(Pair(found[i], truth[j], float(shared[i, j])) for i, j in chosen)
    taken, given = {i for i, _ in chosen}, {j for _, j in chosen}
    extra = tuple(box for i, box in enumerate(found) if i not in taken)
    missed = tuple(box for j, box in enumerate(truth) if j not in given)
    return Matching(pairs, extra, missed)


def _arrays(boxes: Sequence[Box], numbers: dict[str, int]) -> tuple[FloatArray, IndexArray]:
    corners = np.array([box.corners for box in boxes], np.float64).reshape(-1, 4)
    return corners, np.array([numbers[box.label] for box in boxes], np.int64)


def _part(some: float, whole: float) -> float | None:
    return some / whole if whole else None
