"""A picture's integers, and the files that hold them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.arithmetic.fixed import quantize
from golden.config import ConfigError, InputError, NumberFormat
from golden.study.dumps.dump import read_dump
from golden.study.dumps.preprocessing import (
    Prepared,
    channels,
    check_ending,
    check_targets,
    image_frac,
    parse_window,
    prepare,
    writers,
)
from golden.vision.images import default_image, load, preprocess


@pytest.fixture(scope="module")
def photograph() -> Prepared:
    return prepare(preprocess(load(default_image()), 64), 14, 16)


def test_integers_are_the_quantised_pixels(photograph: Prepared) -> None:
    ints, _ = quantize(photograph.pixels, 14)
    assert np.array_equal(photograph.ints, ints)
    assert photograph.largest_error() <= 2**-15
    assert photograph.saturated == 0
    figures = channels(photograph)
    assert list(figures) == ["red", "green", "blue"]
    for channel, ints_ in zip(figures.values(), photograph.ints / 2**14, strict=True):
        assert (channel["min"], channel["max"]) == (ints_.min(), ints_.max())
        assert channel["mean"] == pytest.approx(ints_.mean())


def test_white_saturates_where_it_does_not_fit() -> None:
    white = prepare(np.ones((3, 2, 2), np.float32), 15, 16)
    assert white.saturated == 12
    assert set(white.ints.ravel().tolist()) == {32767}


@pytest.mark.parametrize(("width", "frac"), [(16, 14), (16, 8), (8, 6)])
def test_every_file_holds_the_same_integers(width: int, frac: int, tmp_path: Path) -> None:
    prepared = prepare(preprocess(load(default_image()), 32), frac, width)
    write = writers(prepared, {"picture": "motorcycle"})
    write["raw"](tmp_path / "a.bin")
    write["hex"](tmp_path / "a.hex")
    write["array"](tmp_path / "a.npy")
    write["array"](tmp_path / "a.npz")
    write["png"](tmp_path / "a.png")
    raw = (tmp_path / "a.bin").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == prepared.sha256()
    found = [np.frombuffer(raw, f"<i{width // 8}")]
    lines = (tmp_path / "a.hex").read_text().splitlines()
    assert lines[0] == f"// image 3x32x32, {width} bits, {frac} fraction bits"
    found.append(np.array([int(line, 16) for line in lines[1:]]))  # no pixel is negative
    found.append(np.load(tmp_path / "a.npy", allow_pickle=False).ravel())
    dump = read_dump(tmp_path / "a.npz")
    assert dump.fracs == {"image": frac}
    found.append(dump.tensors["image"].ravel())
    for ints in found:
        assert np.array_equal(ints, prepared.ints.ravel())
    with Image.open(tmp_path / "a.png") as seen:
        levels = np.asarray(seen).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(levels, prepared.real(), atol=0.5 / 255 + 1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2", "give ROW,COLUMN,N"),
        ("1,2,x", "give ROW,COLUMN,N"),
        ("-1,2,3", "give ROW,COLUMN,N"),
        ("0,0,0", "not inside"),
        ("61,0,4", "not inside 64x64"),
    ],
)
def test_windows_outside_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_window(text, 64)


def test_formats_that_there_are_not_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"q7\.8 is 16 bits wide"):
        image_frac(NumberFormat.Q7_8, 8)
    with pytest.raises(ConfigError, match="12 bits: choose 8 or 16"):
        image_frac(NumberFormat.PER_LAYER, 12)


def test_files_are_named_after_what_is_in_them() -> None:
    check_ending("hex", Path("a.mem"))
    with pytest.raises(ConfigError, match=r"a\.png: call it \*\.npy or \*\.npz"):
        check_ending("array", Path("a.png"))


def test_the_picture_is_never_written_over(tmp_path: Path) -> None:
    path, alias = tmp_path / "a.png", tmp_path / "b.png"
    path.write_bytes(b"mine")
    alias.hardlink_to(path)
    with pytest.raises(InputError, match="is the picture that is read"):
        check_targets([alias], [path])
    with pytest.raises(InputError, match="named twice"):
        check_targets([tmp_path / "x.bin", tmp_path / "y" / ".." / "x.bin"], [path])
    check_targets([tmp_path / "c.png"], [path])
