"""Which pictures a study sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from golden.study.pictures import PHOTOGRAPHS, Folder, Views, study_pictures


def test_folder_skips_and_names_what_cannot_be_read(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        Image.new("RGB", (3, 2), (9, 9, 9)).save(tmp_path / name)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not looked at")
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


def test_shipped_photographs_stand_in_and_say_so() -> None:
    said: list[str] = []
    assert len(study_pictures(None, 100, 1, said.append)) == 100
    assert "shipped photographs" in said[0]
