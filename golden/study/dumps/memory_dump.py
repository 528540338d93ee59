"""Layers out of a real memory: ``$readmemh`` text and raw binary, in the orders of hardware."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, InputError, offer
from golden.graph.layers import Shape
from golden.study.dumps.dump import Dump, read_dump

HEX: Final = (".hex", ".mem")
RAW: Final = (".bin", ".raw")
NPY: Final = ".npy"
LAYOUTS: Final = ("chw", "hwc", "pe")
LANE_ORDERS: Final = ("little", "big")
SKIPPED: Final = "input.npy"
"""The packed picture in the folder of a frame of ``make sim``: no layer."""
_DIGITS: Final = re.compile(r"[0-9a-fA-F][0-9a-fA-F_]*")
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a tensor lies in a memory.

    Raises
    ------
    ConfigError
        Anything else.
    """

    order: str = "chw"
    """``chw``: planes, row by row. ``hwc``: pixel by pixel, its channels side by side. ``pe``: as
    the PE's output stream leaves, for each group of `lanes` channels pixel by pixel."""
    bits: int = 16
    """Of a value: 8 or 16, two's complement."""
    lanes: int = 1
    """Values of a word, one word a line of a hex file. In ``hwc`` and ``pe`` channels are filled up
    to whole words."""
    lane_order: str = "little"
    """``little``: the first value in the lowest bits; ``big``: in the highest."""

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("layout", self.order, LAYOUTS),
            ("lane order", self.lane_order, LANE_ORDERS),
            ("bits", self.bits, (8, 16)),
        ):
            if value not in choices:
                known = ", ".join(map(str, choices))
                raise ConfigError(f"{name} {value}: choose one of {known}")
        if not 1 <= self.lanes <= 1024:
            raise ConfigError(f"lanes {self.lanes}: give 1 to 1024 values a word")

    def words(self, shape: Shape) -> int:
        """Words that a tensor (C, H, W) takes.

        >>> Layout("chw", lanes=4).words((5, 3, 3)), Layout("hwc", lanes=4).words((5, 3, 3))
        (12, 18)
        """
        channels, rows, columns = shape
        if self.order == "chw":
            return -(-channels * rows * columns // self.lanes)
        return rows * columns * -(-channels // self.lanes)

    def tensor(self, values: npt.NDArray[np.integer], shape: Shape) -> Int16Array:
        """Put a memory's values, the first lane of each word first, into (C, H, W).

        >>> Layout("pe", lanes=2).tensor(np.arange(8), (3, 1, 2)).tolist()
        [[[0, 2]], [[1, 3]], [[4, 6]]]
        """
        channels, rows, columns = shape
        if self.order == "chw":
            flat = values[: channels * rows * columns].reshape(shape)
            return flat.astype(np.int16)
        groups = -(-channels // self.lanes)
        if self.order == "hwc":
            whole = values.reshape(rows, columns, groups * self.lanes).transpose(2, 0, 1)
        else:
            split = values.reshape(groups, rows, columns, self.lanes)
            whole = split.transpose(0, 3, 1, 2).reshape(-1, rows, columns)
        return np.ascontiguousarray(whole[:channels], np.int16)


def read_memory(path: Path, shape: Shape, layout: Layout) -> Int16Array:
    """Read one layer's memory.

    Parameters
    ----------
    path : Path
        ``.hex``, ``.mem`` (text of ``$readmemh``), ``.bin``, ``.raw`` (little-endian) or
        ``.npy`` (an array (C, H, W); the layout counts for nothing then).
    shape : tuple of int
        (C, H, W).

    Raises
    ------
    InputError
        The file is missing, damaged, of another kind or size; the text says where.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    kind = path.suffix.lower()
    if kind == NPY:
        return _array(path, shape)
    if kind not in (*HEX, *RAW):
        endings = ", ".join((*HEX, *RAW, NPY))
        raise InputError(f"{path}: give a file that ends in one of {endings}")
    values = _raw(path, layout) if kind in RAW else _hex(path, layout)
    words, size = layout.words(shape), "x".join(map(str, shape))
    if len(values) != words * layout.lanes:
        found = len(values) / layout.lanes
        raise InputError(
            f"{path}: {found:,.10g} words of {layout.lanes} x {layout.bits} bits are in it: "
            f"{size} in layout {layout.order} takes {words:,}"
        )
    return layout.tensor(values, shape)


def read_run(given: Path | Mapping[str, Path], shapes: Mapping[str, Shape], layout: Layout) -> Dump:
    """Read the layers of a run: an ``.npz``, a folder with a file for each, or named files.

    Parameters
    ----------
    given : Path or mapping of str to Path
        ``.npz``; a folder with ``conv1.hex`` and so on; or files by layer.
    shapes : mapping of str to tuple of int
        (C, H, W) of each layer.
    layout : Layout
        Of the files.

    Raises
    ------
    InputError
        See `read_memory` and `read_dump`; or a name is no layer's.
    """
    if isinstance(given, Path):
        if not given.is_dir():
            return read_dump(given)
        given = _files(given)
    for name, path in given.items():
        if name not in shapes:
            raise InputError(f"{path}: {name} is no layer: {offer(name, shapes)}")
    return Dump(
        {name: read_memory(given[name], shapes[name], layout) for name in shapes if name in given}
    )


def _files(folder: Path) -> dict[str, Path]:
    """The memories of a folder by the layer that they are named for."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (*HEX, *RAW, NPY) or path.name == SKIPPED:
            continue
        if path.stem in found:
            raise InputError(f"{folder}: {path.name} and {found[path.stem].name} are one layer's")
        found[path.stem] = path
    if not found:
        raise InputError(f"{folder}: no {', '.join((*HEX, *RAW, NPY))} is in this folder")
    return found


def _array(path: Path, shape: Shape) -> Int16Array:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: no array: {' '.join(str(error).split())}") from None
    if array.shape != shape or array.dtype.kind not in "iu":
        raise InputError(f"{path}: {array.dtype} {array.shape}: integers {shape} are wanted")
    found: Int16Array = array.astype(np.int16)
    if not np.array_equal(found, array):
        raise InputError(f"{path}: a value is beyond 16 bits")
    return found


def _raw(path: Path, layout: Layout) -> npt.NDArray[np.integer[Any]]:
    content = path.read_bytes()
    if len(content) % (layout.bits // 8):
        raise InputError(f"{path}: {len(content)} bytes are no whole number of values")
    values = np.frombuffer(content, f"<i{layout.bits // 8}")
    if layout.lane_order == "big" and len(values) % layout.lanes == 0:
        values = values.reshape(-1, layout.lanes)[:, ::-1].reshape(-1)
    return values


def _hex(path: Path, layout: Layout) -> npt.NDArray[np.integer[Any]]:
    """The values of a hex file, the first lane of each word first."""
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text of hex digits") from None
    size = layout.lanes * layout.bits // 8
    content = bytearray()
    base = 0
    for filled, (line, address, token) in enumerate(_words(path, _COMMENT.sub(_blank, text))):
        base = base if filled else address
        if address != base + filled:
            ahead = "comes again" if address < base + filled else "comes early"
            raise InputError(
                f"{path}: line {line}: address {address:x} {ahead}, {base + filled:x} is next"
            )
        word = int(token.replace("_", ""), 16)
        if word >> (8 * size):
            raise InputError(
                f"{path}: line {line}: {token} has more than {8 * size} bits, "
                f"{layout.lanes} x {layout.bits}"
            )
        content += word.to_bytes(size, "little" if layout.lane_order == "little" else "big")
    # In a word that is written from its highest bits on, so is each of its values.
    order = "<" if layout.lane_order == "little" else ">"
    return np.frombuffer(bytes(content), f"{order}i{layout.bits // 8}")


def _words(path: Path, text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each word's line, address and digits."""
    address = 0
    for number, line in enumerate(text.split("\n"), 1):
        for token in line.split():
            if token[0] == "@":
                if not _DIGITS.fullmatch(token[1:]):
                    raise InputError(f"{path}: line {number}: {token} is no address")
                address = int(token[1:].replace("_", ""), 16)
                continue
            if not _DIGITS.fullmatch(token):
                raise InputError(f"{path}: line {number}: {token} is {_what(token)}")
            yield number, address, token
            address += 1


def _what(token: str) -> str:
    """Why a token is no number.

    >>> _what("00xx"), _what("0x1F"), _what("1.5")
    ('an unknown value', 'no hex number: leave 0x away', 'no hex number')
    """
    if token[:2].lower() == "0x" and _DIGITS.fullmatch(token[2:]):
        return "no hex number: leave 0x away"
    unknown = set(token.lower()) <= set("0123456789abcdef_xz")
    return "an unknown value" if unknown else "no hex number"


def _blank(comment: re.Match[str]) -> str:
    """What takes a comment's place: its line ends."""
    return "\n" * comment[0].count("\n") or " "
