"""Boxes on a photograph: where the lines lie, and a file that is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from golden.config import InputError
from golden.vision.boxes import Box
from golden.vision.drawing import annotate, colour, save, side_by_side

Picture = npt.NDArray[np.uint8]

DOG = Box("dog", 0.91, 100, 60, 180, 140)
MIDDLE = (100, 100, 200, 180)


def noise(height: int, width: int) -> Picture:
    """A picture in which every change shows."""
    return np.random.default_rng(4).integers(0, 256, (height, width, 3), np.uint8)


def painted(picture: Picture, boxes: list[Box]) -> npt.NDArray[np.bool_]:
    """Pixels (H, W) that drawing changes, on this or on the inverted picture."""
    once, twice = (
        (np.asarray(annotate(p, boxes)) != p).any(axis=2) for p in (picture, np.invert(picture))
    )
    return np.asarray(once | twice)


def test_lines_lie_inside_the_box_and_labels_above() -> None:
    image = np.asarray(annotate(np.zeros((200, 300, 3), np.uint8), [DOG]))
    paint = colour("dog")
    for rows, columns in (
        (slice(60, 62), slice(100, 180)),
        (slice(138, 140), slice(100, 180)),
        (slice(60, 140), slice(100, 102)),
        (slice(60, 140), slice(178, 180)),
    ):
        assert (image[rows, columns] == paint).all()
    assert not image[62:138, 102:178].any()
    assert not image[60:, :100].any()
    assert not image[60:, 180:].any()
    assert not image[140:].any()
    assert (image[59, 100] == paint).all()
    label = image[40:60, 100:180]
    assert len(np.unique(label.reshape(-1, 3), axis=0)) > 2


def test_the_rest_of_the_picture_and_its_array_stay() -> None:
    picture = noise(200, 300)
    before = picture.copy()
    changed = painted(picture, [DOG])
    np.testing.assert_array_equal(picture, before)
    assert changed[60:140, 100:180].any()
    changed[30:140, 100:200] = False
    assert not changed.any()
    assert not painted(picture, []).any()


def test_a_fraction_of_a_pixel_is_covered() -> None:
    box = Box("dog", 0.5, 100.7, 60.2, 100.9, 99.5)
    changed = painted(noise(200, 300), [box])
    assert changed[60:100, 100].all()
    assert not changed[60:100, :100].any()
    assert not changed[100:].any()


def tag_of(box: Box, left: int, top: int, size: tuple[int, int]) -> Picture:
    """Cut a piece of the drawn picture of 200 x 300 pixels."""
    image = np.asarray(annotate(np.zeros((200, 300, 3), np.uint8), [box]))
    return image[top : top + size[0], left : left + size[1]]


def test_the_whole_label_is_on_the_picture() -> None:
    above = tag_of(Box("motorbike", 0.9, *MIDDLE), 0, 0, (100, 300)).max(axis=2) > 0
    rows, columns = np.flatnonzero(above.any(axis=1)), np.flatnonzero(above.any(axis=0))
    height, width = len(rows), len(columns)
    assert (rows[-1], columns[0]) == (99, 100)
    assert 60 < width < 120
    size = (height, width)
    wanted = tag_of(Box("motorbike", 0.9, *MIDDLE), 100, 100 - height, size)
    for corners, left, top in (
        ((0, 0, 300, 200), 0, 0),
        ((290, 5, 300, 100), 300 - width, 5),
        ((250, 100, 300, 200), 300 - width, 100 - height),
    ):
        found = tag_of(Box("motorbike", 0.9, *corners), left, top, size)
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 40), (40, 3), (2000, 3000)])
def test_pictures_of_any_size(height: int, width: int) -> None:
    box = Box("dog", 0.5, 0, 0, width, height)
    assert annotate(noise(height, width), [box, box]).size == (width, height)


def test_lines_grow_with_the_picture() -> None:
    def line(side: int) -> int:
        box = Box("dog", 0.5, side * 0.25, side * 0.25, side * 0.75, side * 0.75)
        row = painted(noise(side, side), [box])[side // 2]
        return int(row[: side // 2].sum())

    assert [line(side) for side in (100, 500, 2000)] == [2, 2, 8]


def test_the_most_confident_is_on_top() -> None:
    sure, unsure = Box("dog", 0.9, *MIDDLE), Box("cat", 0.4, *MIDDLE)
    for order in ([sure, unsure], [unsure, sure]):
        image = np.asarray(annotate(np.zeros((200, 300, 3), np.uint8), order))
        assert tuple(image[180 - 1, 150].tolist()) == colour("dog")


@pytest.mark.parametrize("name", ["boxes.png", "new/folder/boxes.PNG"])
def test_the_file_holds_what_was_drawn(name: str, tmp_path: Path) -> None:
    picture, path = noise(200, 300), tmp_path / name
    save(annotate(picture, [DOG]), path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), np.asarray(annotate(picture, [DOG])))
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_the_ending_says_the_format(tmp_path: Path) -> None:
    save(annotate(noise(20, 30), []), tmp_path / "boxes.jpg")
    with Image.open(tmp_path / "boxes.jpg") as image:
        assert image.format == "JPEG"
    for name in ("boxes", "boxes.mine"):
        with pytest.raises(InputError, match=rf"{name}: no picture format has that ending"):
            save(annotate(noise(20, 30), []), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["boxes.jpg"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "boxes.png"
    save(annotate(noise(20, 30), []), path)
    before = path.read_bytes()

    def full(_: Image.Image, file: Any, **options: Any) -> None:
        file.write(b"half a picture")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left"):
        save(annotate(noise(20, 30), [DOG]), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 5, 3), np.float32),
    ],
)
def test_a_wrong_picture_is_refused(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\) is wanted"):
        save(annotate(picture, []), tmp_path / "boxes.png")
    assert not any(tmp_path.iterdir())


def test_panels_are_side_by_side_under_their_titles() -> None:
    picture = np.full((100, 200, 3), 90, np.uint8)
    box = Box("dog", 0.9, 20, 40, 120, 90)
    panels = [(f"panel {n}", [box] * (n == 1)) for n in range(4)]
    sheet = np.asarray(side_by_side(picture, panels, 400))
    # Panels of 400 x 200 with 8 pixels around them and 32 for the title; the fourth below.
    assert sheet.shape == (8 + 2 * 240, 8 + 3 * 408, 3)
    tops, lefts = (40, 280), (8, 416, 824)
    cells = [sheet[top : top + 200, left : left + 400] for top in tops for left in lefts]
    assert [(cell == 90).all() for cell in cells] == [True, False, True, True, False, False]
    assert (cells[4] == 255).all()
    changed = np.argwhere((cells[1] == colour("dog")).all(axis=2))
    assert changed.max(axis=0).tolist() == [179, 239]  # edges 90 and 120, twice as large
    for top, left in ((8, 8), (8, 416), (8, 824), (248, 8)):
        assert (sheet[top : top + 32, left : left + 100] < 128).any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 900), (900, 1), (2000, 30)])
def test_panels_of_any_size_and_any_title(height: int, width: int) -> None:
    box = Box("dog", 0.5, 0, 0, width, height)
    sheet = side_by_side(noise(height, width), [("long title " * 20, [box]), ("", [])])
    assert max(sheet.size) < 1100
