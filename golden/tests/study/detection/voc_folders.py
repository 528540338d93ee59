"""Small folders in VOC's layout for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from PIL import Image

from golden.vision.boxes import Box


def annotation(size: tuple[int, int], boxes: Iterable[Box], difficult: Iterable[int] = ()) -> str:
    """An annotation of (width, height) pixels; VOC's pixels count from 1."""
    root = Element("annotation")
    sides = SubElement(root, "size")
    for side, pixels in zip(("width", "height"), size, strict=True):
        SubElement(sides, side).text = str(pixels)
    for number, box in enumerate(boxes):
        marked = SubElement(root, "object")
        SubElement(marked, "name").text = box.label
        SubElement(marked, "difficult").text = str(int(number in tuple(difficult)))
        edges = SubElement(marked, "bndbox")
        corners = (box.left + 1, box.top + 1, box.right, box.bottom)
        for name, edge in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            SubElement(edges, name).text = repr(edge)
    return ElementTree.tostring(root, encoding="unicode")


def voc_folder(
    path: Path, pictures: Mapping[str, Image.Image], boxes: Mapping[str, Iterable[Box]]
) -> Path:
    """Write pictures and their boxes, by name without an ending."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (path / part).mkdir(parents=True)
    for name, image in pictures.items():
        image.save(path / "JPEGImages" / f"{name}.png")
        text = annotation(image.size, boxes[name])
        (path / "Annotations" / f"{name}.xml").write_text(text, encoding="utf-8")
    return path
