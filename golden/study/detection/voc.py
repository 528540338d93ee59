"""Pictures and true boxes in the layout of Pascal VOC.

``JPEGImages/NAME.jpg`` and ``Annotations/NAME.xml`` belong together; lists of names are
``ImageSets/Main/SET.txt`` (Everingham et al., The Pascal Visual Object Classes Challenge).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from golden.config import InputError
from golden.vision.boxes import Box
from golden.vision.datasets import Sample, is_picture
from golden.vision.images import load

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PICTURES: Final = "JPEGImages"
ANNOTATIONS: Final = "Annotations"
SETS: Final = "ImageSets/Main"
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class Truth:
    """An object that a person has marked."""

    box: Box
    """Of confidence 1; on the picture."""
    difficult: bool
    """Neither finding nor missing it counts."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture and its objects."""

    shown: Sample
    truths: tuple[Truth, ...]


@dataclass(slots=True)
class VocFolder:
    """The annotated pictures of a folder, read one at a time.

    Raises
    ------
    InputError
        If the folder has not this layout, holds no annotation, or has not the set.
    """

    path: Path
    chosen: str = ""
    """A set's name, such as ``val``; empty: every annotation."""
    names: tuple[str, ...] = field(init=False)
    """Without endings, in order."""
    skipped: dict[str, str] = field(init=False, default_factory=dict)
    """Pictures that iterating could not use, and why; an annotation or a picture that has no
    partner among them."""
    dropped: list[str] = field(init=False, default_factory=list)
    """Objects that iterating could not use, and why."""
    clipped: int = field(init=False, default=0)
    """Boxes that iterating found to reach beyond their picture, and cut at its edge."""
    _files: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        for part in (PICTURES, ANNOTATIONS):
            if not (self.path / part).is_dir():
                raise InputError(
                    f"{self.path}: no folder {part} is in it; a VOC folder has "
                    f"{PICTURES} and {ANNOTATIONS}"
                )
        files = sorted((self.path / PICTURES).iterdir())
        self._files = {file.stem: file for file in reversed(files) if is_picture(file)}
        if self.chosen:
            self.names = self._listed()
        else:
            marks = {file.stem for file in (self.path / ANNOTATIONS).glob("*.xml")}
            if not marks:
                raise InputError(f"{self.path / ANNOTATIONS}: no .xml file is in this folder")
            self.names = tuple(sorted(marks | set(self._files)))

    def _listed(self) -> tuple[str, ...]:
        """Names of the chosen set; of a class's list those that are not marked -1."""
        folder = self.path / SETS
        path = folder / f"{self.chosen}.txt"
        if not path.is_file():
            there = ", ".join(sorted(file.stem for file in folder.glob("*.txt"))) or "none"
            raise InputError(f"{folder}: no set {self.chosen}; there is {there}")
        try:
            lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: the set cannot be read: {error}") from None
        names = tuple(dict.fromkeys(line[0] for line in lines if line and line[1:] != ["-1"]))
        if not names:
            raise InputError(f"{path}: the set is empty")
        return names

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Marked]:
        """Yield every picture that has an annotation; note the others in `skipped`.

        Raises
        ------
        InputError
            At the end, if not one could be used.
        """
        self.skipped.clear()
        self.dropped.clear()
        self.clipped = 0
        for name in self.names:
            try:
                yield self._marked(name)
            except InputError as error:
                self.skipped[name] = str(error)
        if len(self.skipped) == len(self.names):
            first = next(iter(self.skipped.values()))
            raise InputError(f"{self.path}: none of {len(self.names)} can be used: {first}")

    def _marked(self, name: str) -> Marked:
        marks = self.path / ANNOTATIONS / f"{name}.xml"
        if name not in self._files:
            raise InputError(f"{marks}: no picture {name} is in {PICTURES}")
        root = _parse(marks)
        image = load(self._files[name])
        _check_size(root, image, marks)
        truths = []
        for number, element in enumerate(root.iterfind("object"), start=1):
            try:
                truths.append(self._truth(element, image))
            except InputError as error:
                self.dropped.append(f"{marks.name}, object {number}: {error}")
        return Marked(Sample(self._files[name].name, image, self._files[name]), tuple(truths))

    def _truth(self, element: Element, image: Image.Image) -> Truth:
        """Read one object; its pixels count from 1, and the last one belongs to it."""
        label = (element.findtext("name") or "").strip()
        if not label:
            raise InputError("it has no name")
        left, top, right, bottom = _edges(element)
        edges = (left - 1, top - 1, right, bottom)
        sides = (image.width, image.height) * 2
        cut = [min(max(edge, 0), side) for edge, side in zip(edges, sides, strict=True)]
        if not (left <= right and top <= bottom and cut[0] < cut[2] and cut[1] < cut[3]):
            where = f"{left:g}, {top:g} to {right:g}, {bottom:g}"
            raise InputError(f"{label}: box {where} is empty or not on the picture")
        self.clipped += tuple(cut) != edges
        difficult = (element.findtext("difficult") or "").strip() == "1"
        return Truth(Box(label, 1.0, *cut), difficult)


def _parse(path: Path) -> Element:
    """Read an annotation; one with entities, which could fill the memory, is refused."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse

    try:
        root: Element = parse(path).getroot()
    except FileNotFoundError:
        raise InputError(f"{path}: the picture has no annotation") from None
    except (ParseError, DefusedXmlException, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the annotation cannot be read: {reason}") from None
    if root.tag != "annotation":
        raise InputError(f"{path}: not a VOC annotation: it begins with <{root.tag}>")
    return root


def _check_size(root: Element, image: Image.Image, path: Path) -> None:
    """Refuse an annotation made on a picture of another size, where it says its size."""
    said = tuple((root.findtext(f"size/{side}") or "").strip() for side in ("width", "height"))
    if all(text.isdecimal() and int(text) for text in said):
        width, height = map(int, said)
        if (width, height) != image.size:
            raise InputError(
                f"{path}: the annotation is of {width} x {height} pixels, "
                f"the picture has {image.width} x {image.height}"
            )


def _edges(element: Element) -> Sequence[float]:
    edges = []
    for name in _EDGES:
        text = element.findtext(f"bndbox/{name}") or ""
        try:
            edge = float(text)
        except ValueError:
            edge = math.nan
        if not math.isfinite(edge):
            raise InputError(f"its {name} is {text.strip()!r}, no number")
        edges.append(edge)
    return edges
