"""The boxes of several networks on the same pictures, each held against the first one's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.detection import CONFIDENCE, OVERLAP, Detections, find
from golden.networks.yolov3_tiny.graph import INPUT_SIZE
from golden.study.detection.matching import OVERLAP as SAME
from golden.study.detection.matching import Agreement, Matching, match
from golden.study.errors.candidates import Candidate
from golden.vision.boxes import Box
from golden.vision.datasets import Sample
from golden.vision.images import preprocess
from golden.vision.placement import Fit

LISTED = 100
"""Boxes of one network on one picture that are listed and drawn, the most confident ones."""


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """How objects are detected; see `golden.networks.yolov3_tiny.detection.detect`."""

    fit: Fit = "letterbox"
    size: ImageSize = INPUT_SIZE
    """Rows and columns of the input."""
    confidence: float = CONFIDENCE
    overlap: float = OVERLAP
    same: float = SAME
    """Two boxes are of one thing if they share this part of their union."""

    def detect(self, candidates: Sequence[Candidate], shown: Sample) -> tuple[Detections, ...]:
        """Detect the objects of one picture with every candidate."""
        pixels = preprocess(shown.image, self.size, self.fit)
        size = shown.image.height, shown.image.width
        return tuple(
            find(
                *(candidate.heads(pixels), candidate.classes, size, self.fit),
                *(self.size, self.confidence, self.overlap, candidate.anchors),
            )
            for candidate in candidates
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """What every candidate detected in one picture."""

    shown: Sample
    found: tuple[Detections, ...]
    """Of each candidate."""
    matched: tuple[Matching, ...]
    """Of each against the first one's boxes."""


@dataclass(slots=True)
class Total:
    """One candidate's boxes over all pictures."""

    network: Candidate
    boxes: int = 0
    candidates: int = 0
    cut_pictures: int = 0
    """Pictures with more box candidates than are considered."""
    agreement: Agreement = field(default_factory=Agreement)
    """Against the first candidate, where they were matched."""

    def add(self, found: Detections, matched: Matching | None = None) -> None:
        """Take in one picture."""
        self.boxes += len(found.boxes)
        self.candidates += found.candidates
        self.cut_pictures += found.cut
        if matched is not None:
            self.agreement += matched.agreement

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {
            "name": self.network.name,
            **self.network.about,
            "boxes": self.boxes,
            "candidates": self.candidates,
            "pictures_cut": self.cut_pictures,
        }


def compare(
    candidates: Sequence[Candidate], pictures: Iterable[Sample], detection: DetectionOptions
) -> Iterator[Compared]:
    """Show every candidate each picture, one at a time; the first candidate is the reference."""
    for shown in pictures:
        found = detection.detect(candidates, shown)
        truth = found[0].boxes
        matched = tuple(match(seen.boxes, truth, detection.same) for seen in found)
        yield Compared(shown, found, matched)


def shares(matched: Matching) -> dict[Box, float]:
    """Say what part of their union each box that was matched shares with its pair."""
    return {pair.found: pair.overlap for pair in matched.pairs}


def listing(found: Detections, matched: Matching) -> dict[str, Any]:
    """Return one candidate's boxes on one picture as JSON holds them, at most `LISTED`."""
    shared = {box: round(part, 4) for box, part in shares(matched).items()}
    boxes = [
        {**box.to_dict(), "overlap_with_first": shared.get(box)} for box in found.boxes[:LISTED]
    ]
    return {"count": len(found.boxes), "candidates": found.candidates, "boxes": boxes}
