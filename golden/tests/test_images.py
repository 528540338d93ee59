"""Pictures of every kind become one kind; bad ones give one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from golden.images import calibration_images, default_image, load, preprocess, shipped


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
    pixels = preprocess(Image.new("RGB", (200, 100), (255, 51, 0)))
    assert pixels.shape == (3, 416, 416)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[:, 208, 208], [1.0, 0.2, 0.0])
    np.testing.assert_allclose(pixels[:, [0, 103, 312, 415], 208], 128 / 255)
    np.testing.assert_allclose(pixels[0, 104:312], 1.0)


def test_plain_fills_the_square() -> None:
    np.testing.assert_allclose(
        preprocess(Image.new("RGB", (200, 1), (255, 0, 0)), fit="plain")[0], 1
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (417, 416)])
def test_any_size_fits(size: tuple[int, int]) -> None:
    pixels = preprocess(Image.new("RGB", size, (255, 255, 255)))
    assert pixels.shape == (3, 416, 416)
    assert pixels.max() == 1
