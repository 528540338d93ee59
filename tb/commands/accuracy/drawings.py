"""Where the drawings of ``convpe detect`` go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from golden.config import InputError
from golden.study.detection.detections import LISTED, Compared
from golden.vision.datasets import Folder
from golden.vision.drawing import check_ending, save, side_by_side
from tb.commands.accuracy.candidates import figure
from tb.commands.common import ChosenPictures
from tb.console import ROOT

DRAWN: Final = ROOT / "build" / "detect" / "boxes.png"


@dataclass(frozen=True, slots=True)
class Drawings:
    """Draws the boxes of every network on each picture."""

    out: Path | None
    """A picture file where there is one picture, else a folder; None draws nothing."""
    many: bool
    """Whether there may be more than one picture."""
    sources: frozenset[Path]
    """Files that are never replaced."""

    @classmethod
    def choose(cls, chosen: ChosenPictures, out: Path | None) -> Drawings:
        """Find the place, before any work is done.

        Raises
        ------
        InputError
            If there is no such picture format, or it is the picture itself.
        """
        pictures = chosen.pictures
        if isinstance(pictures, tuple):
            out = out or DRAWN
            out = out / DRAWN.name if out.is_dir() else out
            check_ending(out)
            made = cls(out, False, frozenset(shown.path.resolve() for shown in pictures))
            made._free(out)
            return made
        if out is not None and out.is_file():
            raise InputError(f"{out}: a file; give the folder that takes the drawings")
        files = pictures.files if isinstance(pictures, Folder) else ()
        return cls(out, True, frozenset(file.resolve() for file in files))

    def draw(self, one: Compared, names: Sequence[str]) -> list[Path]:
        """Draw one picture, its networks side by side; return the files made."""
        if self.out is None:
            return []
        path = self.out / _file(one.shown.name) if self.many else self.out
        self._free(path)
        panels = []
        for index, (name, found) in enumerate(zip(names, one.found, strict=True)):
            count = len(found.boxes)
            title = f"{name}: {count:,} box" + "es" * (count != 1)
            title += f" ({LISTED} drawn)" if count > LISTED else ""
            if index:
                title += f", F1 {figure(one.matched[index].agreement.f1, 2)}"
            panels.append((title, found.boxes[:LISTED]))
        save(side_by_side(np.asarray(one.shown.image), panels), path)
        return [path]

    def _free(self, path: Path) -> None:
        if path.resolve() in self.sources:
            raise InputError(f"{path}: it is one of the pictures; choose another --out")


def _file(name: str) -> str:
    """A drawing's file name, of its picture's.

    >>> _file("dog.jpg"), _file("dog.png"), _file("cat view 2")
    ('boxes_dog.jpg.png', 'boxes_dog.png', 'boxes_cat_view_2.png')
    """
    name = "boxes_" + name.replace(" ", "_")
    return name if name.lower().endswith(".png") else f"{name}.png"
