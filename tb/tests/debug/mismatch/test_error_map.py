"""The map shows where values are wrong, in a log and in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from golden.arithmetic.fixed import Int16Array
from golden.reference.readout import Readout
from tb.debug.mismatch.divergence import compare
from tb.debug.mismatch.error_map import HEIGHT, LEGEND, WIDTH, shares, text_map, write_map
from tb.debug.mismatch.values import Values
from tb.tests.debug.recordings import CONFIG, recorded


def broken(folder: Path, index: Any, readout: Readout | None = None) -> Values:
    job = recorded(folder, readout or Readout(), at=(16, 4, 8)).tap()

    def flip(values: Int16Array) -> None:
        values[index] ^= 1

    return compare(folder, job.output(flip).record, CONFIG).values


def test_the_text_has_a_character_a_pixel(tmp_path: Path) -> None:
    values = broken(tmp_path, np.s_[:5, 2, 3])
    assert text_map(values) == "\n".join(
        [
            "small1, rows 4-9, columns 8-14, over channels",
            ".......",
            ".......",
            "...+...",
            ".......",
            ".......",
            ".......",
            "channels 16-25",
            "+++++.....",
            LEGEND,
        ]
    )


def test_whole_pixels_and_whole_channels_are_marked(tmp_path: Path) -> None:
    lines = text_map(broken(tmp_path, np.s_[:, -1])).splitlines()
    assert lines[1:7] == ["......."] * 5 + ["#######"]
    assert lines[8] == "+" * 10
    lines = text_map(broken(tmp_path, np.s_[9])).splitlines()
    assert lines[1:7] == ["+++++++"] * 6
    assert lines[8] == ".........#"


def test_a_large_tile_fits_a_terminal(tmp_path: Path) -> None:
    job = recorded(tmp_path, channels=70, output=(2, 3))

    def spoil(values: Int16Array) -> None:
        values[69, 1, 2] ^= 1
        values[:3] ^= 1

    job.output(spoil)
    lines = text_map(compare(tmp_path, job.record, CONFIG).values).splitlines()
    assert lines[1:3] == ["+++", "+++"]
    # Six of the characters stand for two channels.
    assert lines[4] == "#+" + "." * (WIDTH - 3) + "+"
    assert max(map(len, lines)) <= WIDTH and len(lines) <= HEIGHT + 4


def test_shares_are_of_the_values_that_are_expected(tmp_path: Path) -> None:
    pixels, channels = shares(broken(tmp_path, np.s_[:5, 2, 3]))
    assert pixels.shape == (6, 7)
    assert pixels[2, 3] == 0.5 and pixels.sum() == 0.5
    assert np.array_equal(channels * 42, [1] * 5 + [0] * 5)


def test_pixels_that_are_never_read_stay_empty(tmp_path: Path) -> None:
    job = recorded(tmp_path, Readout(2, 2), output=(4, 5)).output()

    def flip(beats: Int16Array) -> None:
        beats[0] ^= 1

    lines = text_map(compare(tmp_path, job.tap(flip).record, CONFIG).values).splitlines()
    assert lines[1:5] == ["+... ", ".... ", ".... ", ".... "]


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    values = broken(tmp_path, np.s_[:, 2, 3])
    for name in ("one.png", "two.png"):
        write_map(values, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert picture.width > picture.height > 300
    # The darkest red of the scale, which only a pixel with nothing but wrong values has.
    assert (np.abs(pixels - [128, 0, 38]).sum(axis=2) < 12).sum() > 500
    assert list(tmp_path.glob(".*")) == []


def test_one_wrong_value_of_many_is_seen_in_the_picture(tmp_path: Path) -> None:
    def reds(count: int) -> tuple[int, int]:
        job = recorded(tmp_path, channels=600, output=(6, 7))
        job.output(lambda values: values[:count, 2, 3].__iadd__(1))
        write_map(compare(tmp_path, job.record, CONFIG).values, tmp_path / "map.png")
        with Image.open(tmp_path / "map.png") as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        red = pixels[:, :, 0] - pixels[:, :, 2] > 90
        # The colour bar at the right has its share of any colour.
        edges = [int(red.shape[1] * share) for share in (0.66, 0.72, 0.88)]
        return int(red[:, : edges[0]].sum()), int(red[:, edges[1] : edges[2]].sum())

    assert reds(0) == (0, 0)
    tile, channels = reds(1)
    assert tile > 500 and channels > 100
