"""Pictures of a study: folders, crops and flips."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.config import InputError
from golden.vision.datasets import PHOTOGRAPHS, Folder, Views, study_pictures


def test_folder_skips_and_names_what_cannot_be_read(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        Image.new("RGB", (3, 2), (9, 9, 9)).save(tmp_path / name)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not a picture")
    folder = Folder(tmp_path)
    assert [shown.name for shown in folder] == ["a.png", "b.png"]
    assert list(folder.unreadable) == ["bad.jpg"] and "bad.jpg" in folder.unreadable["bad.jpg"]
    assert len(folder) == 3


def test_folder_without_any_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture is in this folder"):
        Folder(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of 1 pictures"):
        list(Folder(tmp_path))
    with pytest.raises(InputError, match=r"missing: No such file"):
        Folder(tmp_path / "missing")


def test_views_repeat_by_seed_and_differ_by_number() -> None:
    few, many = Views(20), Views(40)
    for one, other in zip(few, many, strict=False):
        assert one.name == other.name
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))
    number = len(PHOTOGRAPHS) + 1
    cropped = many.view(number).image
    assert cropped.size != Views(1, seed=2).view(number).image.size
    whole = many.view(1).image
    assert whole.size[0] >= cropped.size[0] >= whole.size[0] // 2 - 1


def test_shipped_photographs_are_used_and_reported() -> None:
    lines: list[str] = []
    assert len(study_pictures(None, 100, 1, lines.append)) == 100
    assert "shipped photographs" in lines[0]


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (3, 2)).save(path)
    with pytest.raises(InputError, match=r"one\.png: a file; give the folder"):
        Folder(path)


def test_folder_takes_pictures_of_every_kind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("L", (4, 3), 7).save(tmp_path / "grey.png")
    Image.new("RGBA", (4, 3), (1, 2, 3, 0)).save(tmp_path / "clear.webp")
    Image.fromarray(np.full((3, 4), 0x8000, np.uint16)).save(tmp_path / "deep.tif")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.bmp")
    Image.new("RGB", (1000, 1)).save(tmp_path / "thin.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "report.pdf").write_bytes(b"no kind that is read")
    sizes = {shown.name: shown.image.size for shown in Folder(tmp_path)}
    assert sizes == {
        "clear.webp": (4, 3),
        "deep.tif": (4, 3),
        "dot.bmp": (1, 1),
        "grey.png": (4, 3),
        "thin.png": (1000, 1),
        "turned.jpg": (10, 30),
    }
    assert {shown.image.mode for shown in Folder(tmp_path)} == {"RGB"}


def test_picture_that_goes_away_is_skipped_and_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (3, 2)).save(tmp_path / name)
    folder = Folder(tmp_path)
    (tmp_path / "b.png").unlink()
    assert [shown.name for shown in folder] == ["a.png"]
    assert "no such picture" in folder.unreadable["b.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
def test_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (3, 2)).save(path)
    (tmp_path / os.fsdecode(b"bad\xe9.png")).write_bytes(b"")
    folder = Folder(tmp_path)
    (shown,) = folder
    assert shown.name == "caf\ufffd.png"
    assert "bad\ufffd.png: not a picture" in folder.unreadable["bad\ufffd.png"]
