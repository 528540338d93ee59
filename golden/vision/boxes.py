"""A labelled box on a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Box:
    """An object that a network found.

    Raises
    ------
    ValueError
        If the box is empty, or a figure is NaN.
    """

    label: str
    """Class."""
    confidence: float
    """0 to 1."""
    left: float
    top: float
    right: float
    bottom: float
    """Edges, pixels of the original picture from its top left corner; the picture's own edges are
    0, 0, width, height."""

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
        """Return the box as reports hold it, rounded.

        >>> Box("dog", 0.912345, 1, 2, 30.456, 40).to_dict()
        {'label': 'dog', 'confidence': 0.9123, 'box': [1, 2, 30.46, 40]}
        """
        edges = [round(edge, 2) for edge in self.corners]
        return {"label": self.label, "confidence": round(self.confidence, 4), "box": edges}
