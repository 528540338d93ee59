"""Folders in VOC's layout: what is read, and what is left out and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from golden.config import InputError
from golden.study.detection.voc import VocFolder
from golden.tests.study.detection.voc_folders import annotation, voc_folder
from golden.vision.boxes import Box

DOG, CAT = Box("dog", 1.0, 10, 20, 50, 60), Box("cat", 1.0, 0, 0, 100, 80)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good pictures of 100 x 80 pixels."""
    image = Image.new("RGB", (100, 80))
    boxes = {"a": [DOG, CAT], "b": [DOG], "c": []}
    return voc_folder(tmp_path / "voc", dict.fromkeys("abc", image), boxes)


def mark(folder: Path, name: str, text: str) -> None:
    (folder / "Annotations" / f"{name}.xml").write_text(text, encoding="utf-8")


def test_pictures_and_boxes_are_read(folder: Path) -> None:
    voc = VocFolder(folder)
    found = {marked.shown.name: [t.box for t in marked.truths] for marked in voc}
    assert found == {"a.png": [DOG, CAT], "b.png": [DOG], "c.png": []}
    assert len(voc) == 3
    assert (voc.skipped, voc.dropped, voc.clipped) == ({}, [], 0)


def test_pixels_count_from_one_and_the_last_belongs_to_the_box(folder: Path) -> None:
    text = "<annotation><object><name> dog </name><difficult>1</difficult><bndbox>"
    text += "<xmin>1</xmin><ymin>1</ymin><xmax>100</xmax><ymax>80.0</ymax></bndbox></object>"
    mark(folder, "a", text + "</annotation>")
    (truth,) = next(iter(VocFolder(folder))).truths
    assert truth.box == Box("dog", 1.0, 0, 0, 100, 80)
    assert truth.difficult


def test_a_set_names_its_pictures(folder: Path) -> None:
    sets = folder / "ImageSets/Main"
    (sets / "val.txt").write_text("c\na\n\na\n", encoding="utf-8")
    (sets / "dog_val.txt").write_text("a  1\nb -1\nc  0\n", encoding="utf-8")
    assert [m.shown.name for m in VocFolder(folder, "val")] == ["c.png", "a.png"]
    assert [m.shown.name for m in VocFolder(folder, "dog_val")] == ["a.png", "c.png"]
    with pytest.raises(InputError, match="no set test; there is dog_val, val"):
        VocFolder(folder, "test")
    (sets / "none.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"none\.txt: the set is empty"):
        VocFolder(folder, "none")


BOMB = '<!DOCTYPE a [<!ENTITY b "bbb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", r"a\.xml: the annotation cannot be read: no element found"),
        ("", r"a\.xml: the annotation cannot be read"),
        (BOMB, r"a\.xml: the annotation cannot be read: EntitiesForbidden"),
        ("<html></html>", r"a\.xml: not a VOC annotation: it begins with <html>"),
        (annotation((50, 40), []), "is of 50 x 40 pixels, the picture has 100 x 80"),
    ],
)
def test_a_damaged_annotation_is_skipped_and_named(folder: Path, text: str, message: str) -> None:
    mark(folder, "a", text)
    voc = VocFolder(folder)
    assert [marked.shown.name for marked in voc] == ["b.png", "c.png"]
    assert list(voc.skipped) == ["a"]
    with pytest.raises(InputError, match=message):
        raise InputError(voc.skipped["a"])


def test_what_has_no_partner_is_skipped_and_named(folder: Path) -> None:
    mark(folder, "d", annotation((9, 9), []))
    (folder / "Annotations/a.xml").unlink()
    (folder / "JPEGImages/b.png").write_bytes(b"no picture")
    voc = VocFolder(folder)
    assert [marked.shown.name for marked in voc] == ["c.png"]
    assert "a.xml: the picture has no annotation" in voc.skipped["a"]
    assert "b.png: not a picture" in voc.skipped["b"]
    assert "d.xml: no picture d is in JPEGImages" in voc.skipped["d"]
    assert [m.shown.name for m in voc] == ["c.png"]  # the same on another pass
    assert len(voc.skipped) == 3


def test_boxes_off_the_picture_are_cut_or_left_out(folder: Path) -> None:
    boxes = [
        *(Box("dog", 1.0, -10, 5, 20, 100), Box("dog", 1.0, 100, 5, 120, 50), DOG),
        Box("dog", 1.0, 30, -20, 40, -5),
    ]
    mark(folder, "a", annotation((100, 80), boxes))
    voc = VocFolder(folder)
    first = next(iter(voc))
    assert [truth.box for truth in first.truths] == [Box("dog", 1.0, 0, 5, 20, 80), DOG]
    assert voc.clipped == 1
    assert voc.dropped == [
        "a.xml, object 2: dog: box 101, 6 to 120, 50 is empty or not on the picture",
        "a.xml, object 4: dog: box 31, -19 to 40, -5 is empty or not on the picture",
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<name>dog</name>", "<name> </name>", "it has no name"),
        ("<name>dog</name>", "", "it has no name"),
        ("<xmin>11</xmin>", "<xmin>left</xmin>", "its xmin is 'left', no number"),
        ("<xmin>11</xmin>", "", "its xmin is '', no number"),
        ("<ymax>60</ymax>", "<ymax>nan</ymax>", "its ymax is 'nan', no number"),
        ("<xmin>11</xmin>", "<xmin>51</xmin>", "dog: box 51, 21 to 50, 60 is empty"),
    ],
)
def test_a_damaged_object_is_left_out_and_named(
    folder: Path, old: str, new: str, fault: str
) -> None:
    text = annotation((100, 80), [DOG, CAT])
    assert old in text
    mark(folder, "a", text.replace(old, new, 1))
    voc = VocFolder(folder)
    assert [truth.box for truth in next(iter(voc)).truths] == [CAT]
    assert voc.dropped[0].startswith(f"a.xml, object 1: {fault}")


def test_another_layout_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder JPEGImages is in it"):
        VocFolder(tmp_path)
    for file in (folder / "Annotations").iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"Annotations: no \.xml file is in this folder"):
        VocFolder(folder)


def test_a_folder_of_nothing_useful_is_an_error(folder: Path) -> None:
    for name in "abc":
        mark(folder, name, "<annotation>")
    with pytest.raises(InputError, match=r"none of 3 can be used: .*a\.xml"):
        list(VocFolder(folder))
