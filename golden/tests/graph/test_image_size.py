"""Sizes of images as users write them."""

from __future__ import annotations

import pytest

from golden.config import ConfigError
from golden.graph.image_size import ImageSize, Rectangle, parse_size, sides
from golden.networks.yolov3_tiny.graph import check_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("416", 416),
        ("96x96", 96),
        ("640x384", Rectangle(height=384, width=640)),
        ("64X96", Rectangle(height=96, width=64)),
        (" 32 ", 32),
    ],
)
def test_reads_a_number_or_width_and_height(text: str, size: ImageSize) -> None:
    assert parse_size(text) == size
    assert parse_size(str(size)) == size
    assert sides(size) == ((size, size) if isinstance(size, int) else (size.height, size.width))


@pytest.mark.parametrize("text", ["", "x", "640x", "x384", "640*384", "1e3", "-32", "6.4", "٤١٦"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="give rows and columns in one number, 416, or width"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0", "31", "640x380", "380x640", "0x32", "1056x32", "32x1056"])
def test_yolov3_tiny_takes_multiples_of_32(text: str) -> None:
    with pytest.raises(ConfigError, match=f"SIZE={text}: give a multiple of 32 from 32 to 1024"):
        check_size(parse_size(text))
    check_size(parse_size("1024x32"))
