"""Pictures of every kind become one kind; bad ones give one clear line."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.config import InputError
from golden.vision.images import calibration_images, default_image, load, preprocess, shipped
from golden.vision.placement import Fit


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def test_shipped_photographs_are_there() -> None:
    for path in (default_image(), *calibration_images()):
        assert load(path).mode == "RGB"
    assert default_image() not in calibration_images()
    with pytest.raises(InputError, match=r"photograph nosuch\.png is not there: install"):
        shipped("nosuch.png")


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    path = saved(Image.new("L", (4, 3), 77), tmp_path / "grey.png")
    assert load(path).getpixel((0, 0)) == (77, 77, 77)


def test_16_bits_keep_their_high_byte(tmp_path: Path) -> None:
    levels = np.array([[0, 0x12FF], [0x8000, 0xFFFF]], np.uint16)
    path = saved(Image.fromarray(levels), tmp_path / "deep.png")
    assert np.asarray(load(path))[:, :, 0].tolist() == [[0, 0x12], [0x80, 0xFF]]


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 255))
    image.putpixel((1, 0), (10, 20, 30, 0))
    pixels = np.asarray(load(saved(image, tmp_path / "alpha.png")))
    assert pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_palette_becomes_its_colours(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (2, 2), (255, 0, 0)).convert("P"), tmp_path / "palette.png")
    assert load(path).getpixel((0, 0)) == (255, 0, 0)


def test_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.new("RGB", (30, 10)).save(path, exif=exif)
    assert load(path).size == (10, 30)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such picture"), (b"", "not a picture"), (b"text, not pixels", "not a picture")],
)
def test_what_is_no_picture_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_pictures_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    noise = Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8))
    for suffix in ("png", "jpg"):
        path = saved(noise, tmp_path / f"damaged.{suffix}")
        path.write_bytes(path.read_bytes()[:900])
        with pytest.raises(InputError, match="cannot be read"):
            load(path)
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
    floats = saved(Image.fromarray(np.zeros((2, 2), np.float32)), tmp_path / "floats.tiff")
    with pytest.raises(InputError, match="save it with 8 bits"):
        load(floats)


def test_letterbox_keeps_the_shape() -> None:
    pixels = preprocess(Image.new("RGB", (200, 100), (255, 51, 0)), 416)
    assert pixels.shape == (3, 416, 416)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[:, 208, 208], [1.0, 0.2, 0.0])
    np.testing.assert_allclose(pixels[:, [0, 103, 312, 415], 208], 128 / 255)
    np.testing.assert_allclose(pixels[0, 104:312], 1.0)


def test_plain_fills_the_square() -> None:
    np.testing.assert_allclose(
        preprocess(Image.new("RGB", (200, 1), (255, 0, 0)), 416, "plain")[0], 1
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (417, 416)])
def test_any_size_fits(size: tuple[int, int]) -> None:
    pixels = preprocess(Image.new("RGB", size, (255, 255, 255)), 416)
    assert pixels.shape == (3, 416, 416)
    assert pixels.max() == 1


def test_grey_with_alpha_and_deep_colour_are_read(tmp_path: Path) -> None:
    faint = saved(Image.new("LA", (2, 2), (0, 0)), tmp_path / "faint.png")
    assert load(faint).getpixel((1, 1)) == (255, 255, 255)
    ink = saved(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), tmp_path / "ink.tif")
    assert load(ink).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("size", [(10_000, 1), (1, 10_000)])
@pytest.mark.parametrize("fit", ["letterbox", "plain"])
def test_absurd_shapes_keep_a_row_of_pixels(
    size: tuple[int, int], fit: Fit, tmp_path: Path
) -> None:
    path = saved(Image.new("RGB", size, (255, 255, 255)), tmp_path / "thin.png")
    pixels = preprocess(load(path), 64, fit)
    assert pixels.shape == (3, 64, 64)
    assert np.count_nonzero(pixels == 1) == 3 * (64 if fit == "letterbox" else 64 * 64)


def bomb(path: Path, side: int) -> Path:
    """A PNG that says how large it is, and ends there."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    data = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + struct.pack(">I", 0) + b"IDAT")
    return path


@pytest.mark.parametrize("side", [9460, 13_000, 60_000])
def test_huge_pictures_are_refused_before_they_are_decoded(side: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than 89,478,485 are not read; give a smaller copy"):
        load(bomb(tmp_path / "bomb.png", side))
    with pytest.raises(InputError, match="cannot be read"):
        load(bomb(tmp_path / "large.png", 9459))


def test_large_pictures_within_the_limit_are_read_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    path = saved(Image.new("RGB", (10, 8)), tmp_path / "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(path).size == (10, 8)


def test_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(Image.new("RGB", (2, 2)), tmp_path / "mine.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # A mode would not keep out the super-user, who runs tests in containers.
    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(InputError, match=r"mine\.png: the picture cannot be read: Permission"):
        load(path)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "gif", "webp", "bmp", "ppm", "ico", "tga"])
def test_damage_ends_in_one_line_or_in_a_picture(
    kind: str, tmp_path: Path, rng: np.random.Generator, capfd: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    path = tmp_path / f"damaged.{kind}"
    if kind in ("jpg", "tif", "png", "webp"):
        noise.save(path, exif=exif)
    else:
        noise.save(path)
    data = path.read_bytes()
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        for index in rng.integers(0, min(len(data), 300), 4):
            damaged[index] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(data), endpoint=True)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                assert load(path).mode == "RGB"
            except InputError as error:
                assert "\n" not in str(error) and str(path) in str(error)
                refused += 1
    assert refused > 20
    assert capfd.readouterr() == ("", "")
