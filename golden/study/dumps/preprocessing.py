"""One picture on its way into the network: fitted, quantised, and written for others to read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from golden.arithmetic.fixed import (
    FloatArray,
    FloatRounding,
    Int16Array,
    dequantize,
    int_range,
    quantize,
)
from golden.config import ConfigError, InputError, NumberFormat
from golden.export.memory_files import raw_bytes, write_hex, write_raw
from golden.files import whole_file
from golden.graph.image_size import ImageSize, in_words, sides
from golden.graph.layers import IMAGE
from golden.quantization.fraction_bits import Q7_8_FRAC, frac_bits
from golden.study.dumps.dump import Dump, write_dump
from golden.vision.images import Pixels

CHANNELS: Final = ("red", "green", "blue")
ENDINGS: Final = {
    "array": (".npy", ".npz"),
    "raw": (".bin", ".raw"),
    "hex": (".hex", ".mem"),
    "png": (".png",),
}
"""What a file of each kind may be called."""
_WHITE: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A picture as the network reads it."""

    pixels: Pixels
    """(3, H, W). Red, green, blue, 0 to 1."""
    ints: Int16Array
    """(3, H, W). Their integers."""
    frac: int
    width: int
    """Fraction bits, and bits of one integer."""
    saturated: int
    """How many lay outside the range."""

    def real(self) -> FloatArray:
        """Return what the integers stand for, (3, H, W)."""
        return dequantize(self.ints, self.frac)

    def largest_error(self) -> float:
        """Return how far an integer is from its pixel at most."""
        return float(np.abs(self.real() - self.pixels).max())

    def sha256(self) -> str:
        """Return the sha256 of the integers as a raw file holds them, hexadecimal."""
        return hashlib.sha256(raw_bytes(self.ints, self.width)).hexdigest()

    def seen(self) -> Image.Image:
        """Return what the integers look like, 8 bits a channel."""
        levels = np.rint(np.clip(self.real(), 0, _WHITE) * 255).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


@dataclass(frozen=True, slots=True)
class Window:
    """A square of pixels."""

    row: int
    column: int
    """Its upper left pixel."""
    side: int


def image_frac(number_format: NumberFormat, width: int) -> int:
    """Return the fraction bits of the network's image.

    Raises
    ------
    ConfigError
        If the format does not come in that width.

    >>> image_frac(NumberFormat.Q7_8, 16), image_frac(NumberFormat.PER_LAYER, 8)
    (8, 6)
    """
    if width not in (8, 16):
        raise ConfigError(f"{width} bits: choose 8 or 16")
    if number_format is NumberFormat.PER_LAYER:
        return frac_bits(_WHITE, width)
    if width != 16:
        raise ConfigError("format q7.8 is 16 bits wide: choose format per_layer for 8")
    return Q7_8_FRAC


def prepare(
    pixels: Pixels, frac: int, width: int, rounding: FloatRounding = "round_half_to_even"
) -> Prepared:
    """Quantise a fitted picture, float32 (3, H, W)."""
    ints, saturated = quantize(pixels, frac, width, rounding, IMAGE)
    return Prepared(pixels, ints.astype(np.int16), frac, width, saturated)


def channels(prepared: Prepared) -> dict[str, dict[str, float]]:
    """Describe each colour of a quantised picture in real values, as JSON holds it."""
    return {
        name: {figure: float(getattr(x, figure)()) for figure in ("min", "max", "mean", "std")}
        for name, x in zip(CHANNELS, prepared.real(), strict=True)
    }


def parse_window(text: str, size: ImageSize) -> Window:
    """Read ``ROW,COLUMN,N``.

    Raises
    ------
    ConfigError
        If it is something else, or does not lie inside an image of this size.

    >>> parse_window("10,20,4", 416)
    Window(row=10, column=20, side=4)
    """
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ConfigError(f"window {text!r}: give ROW,COLUMN,N, such as 200,200,4")
    row, column, side = map(int, parts)
    height, width = sides(size)
    if side < 1 or row + side > height or column + side > width:
        raise ConfigError(
            f"window {text}: {side}x{side} pixels from row {row}, column {column} are not "
            f"inside {in_words(size)}"
        )
    return Window(row, column, side)


def hex_digits(value: int, width: int) -> str:
    """Write one integer as two's complement.

    >>> hex_digits(-2, 16), hex_digits(64, 8)
    ('fffe', '40')
    """
    low, high = int_range(width)
    assert low <= value <= high
    return f"{value % (1 << width):0{width // 4}x}"


def check_ending(kind: str, path: Path) -> None:
    """Refuse a file name that would not say what is in it.

    Raises
    ------
    ConfigError
    """
    if path.suffix.lower() not in ENDINGS[kind]:
        raise ConfigError(f"{path}: call it {' or '.join('*' + e for e in ENDINGS[kind])}")


def check_targets(targets: list[Path], sources: list[Path]) -> None:
    """Refuse to write over a file that was read, or twice into one.

    Raises
    ------
    InputError
    """
    for source in sources:
        for target in targets:
            if target.exists() and source.exists() and target.samefile(source):
                raise InputError(f"{target}: is the picture that is read; give another name")
    resolved = [target.resolve() for target in targets]
    for target in resolved:
        if resolved.count(target) > 1:
            raise InputError(f"{target}: named twice; give each file a name of its own")


def write_array(path: Path, prepared: Prepared, about: dict[str, object]) -> None:
    """Write the integers as ``.npy``, or as an ``.npz`` dump that knows its fraction bits."""
    if path.suffix.lower() == ".npz":
        write_dump(path, Dump({IMAGE: prepared.ints}, {IMAGE: prepared.frac}, about))
        return
    with whole_file(path) as scratch:
        np.save(scratch, prepared.ints, allow_pickle=False)


def writers(prepared: Prepared, about: dict[str, object]) -> dict[str, Callable[[Path], object]]:
    """Return what writes a file of each kind in `ENDINGS`."""
    shape = "x".join(map(str, prepared.ints.shape))
    words = f"{IMAGE} {shape}, {prepared.width} bits, {prepared.frac} fraction bits"
    return {
        "array": lambda path: write_array(path, prepared, about),
        "raw": lambda path: write_raw(path, prepared.ints, prepared.width),
        "hex": lambda path: write_hex(path, prepared.ints, prepared.width, words),
        "png": lambda path: _save_png(path, prepared.seen()),
    }


def _save_png(path: Path, image: Image.Image) -> None:
    with whole_file(path) as scratch:
        image.save(scratch, format="PNG")
