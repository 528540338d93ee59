"""Files that a memory is filled from: raw little-endian integers, and text for Verilog.

``$readmemh`` reads the hex files of integers and of 8-bit codes, ``$readmemb`` the bits of codes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import as_int64, int_range
from golden.arithmetic.sm8 import Codes
from golden.config import InputError
from golden.files import write_whole

RAW_WIDTHS: Final = (8, 16, 32, 64)
"""Bits of an integer in a raw file."""
_MAX_WIDTH: Final = 64

Base = Literal["bits", "hex"]
_CODE_LINES: Final = {
    base: np.array([list(f"{code:{digits}}\n".encode()) for code in range(256)], np.uint8)
    for base, digits in (("bits", "08b"), ("hex", "02x"))
}
"""Each code as a line of text."""


def raw_bytes(ints: npt.ArrayLike, width: int = 16) -> bytes:
    """Return integers as two's complement, lowest byte first, the last axis fastest.

    Parameters
    ----------
    ints : array_like of int
        Any shape.
    width : int
        Bits of one: 8, 16, 32 or 64.

    Raises
    ------
    ValueError
        If `width` is another, or a value does not fit it.

    >>> raw_bytes([1, -2, 256]).hex(" ", 2)
    '0100 feff 0001'
    >>> raw_bytes([127, -128], 8).hex()
    '7f80'
    """
    if width not in RAW_WIDTHS:
        raise ValueError(f"width {width}: choose one of {RAW_WIDTHS}")
    return _checked(ints, width).astype(f"<i{width // 8}").tobytes()


def hex_lines(ints: npt.ArrayLike, width: int = 16) -> bytes:
    r"""Return integers as lines of hex digits, two's complement, one an address.

    Parameters
    ----------
    ints : array_like of int
        Any shape; the last axis is fastest.
    width : int
        Bits of one: 1 to 64. A line has a digit for every four of them, the last of them
        filled up with zeros.

    Raises
    ------
    ValueError
        If a value does not fit `width`.

    >>> hex_lines([1, -1, 0x7FFF, -0x8000])
    b'0001\nffff\n7fff\n8000\n'
    >>> hex_lines([-1, 5], 6), hex_lines([-1], 40)
    (b'3f\n05\n', b'ffffffffff\n')
    """
    if not 1 <= width <= _MAX_WIDTH:
        raise ValueError(f"width {width}: 1 to {_MAX_WIDTH} bits are wanted")
    unsigned = _checked(ints, width).ravel().astype(np.uint64) & np.uint64((1 << width) - 1)
    digits = -(-width // 4)
    text = unsigned.astype(">u8").tobytes().hex().encode("ascii")
    rows = np.frombuffer(text, np.uint8).reshape(-1, 16)[:, 16 - digits :]
    ends = np.full((len(rows), 1), ord("\n"), np.uint8)
    return np.hstack([rows, ends]).tobytes()


def write_raw(path: Path, ints: npt.ArrayLike, width: int = 16) -> str:
    """Write `raw_bytes` whole, or leave what was there; return their sha256, hexadecimal."""
    content = raw_bytes(ints, width)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def write_hex(path: Path, ints: npt.ArrayLike, width: int = 16, about: str = "") -> None:
    """Write `hex_lines` whole, or leave what was there.

    Parameters
    ----------
    ints : array_like of int
    about : str
        Lines that stand ahead of the numbers as ``//`` comments.
    """
    head = "".join(f"// {line}\n" for line in about.splitlines()).encode()
    write_whole(path, head + hex_lines(ints, width))


def _checked(ints: npt.ArrayLike, width: int) -> npt.NDArray[np.int64]:
    values = as_int64(ints)
    low, high = int_range(width)
    if values.size and not (low <= values.min() and values.max() <= high):
        raise ValueError(f"values {values.min()} to {values.max()} do not fit {width} bits")
    return values


def code_lines(codes: npt.ArrayLike, base: Base) -> bytes:
    r"""Return codes as text, one a line, the last axis fastest.

    Parameters
    ----------
    codes : array_like of uint8
        Any shape.
    base : str
        ``bits``: eight digits '0' and '1'; ``hex``: two hexadecimal ones.

    >>> code_lines([0xA4, 1], "bits"), code_lines([0xA4, 1], "hex")
    (b'10100100\n00000001\n', b'a4\n01\n')
    """
    return _CODE_LINES[base][np.asarray(codes, np.uint8).ravel()].tobytes()


def read_codes(path: Path, base: Base) -> Codes:
    """Read what `code_lines` has made: uint8 (lines,).

    Raises
    ------
    InputError
        If the file cannot be read, or a line is anything but one code; the text names it.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    known = {line.tobytes()[:-1]: code for code, line in enumerate(_CODE_LINES[base])}
    for number, line in enumerate(lines, 1):
        if line not in known:
            wanted = "eight digits 0 and 1" if base == "bits" else "two hexadecimal digits"
            text = line[:20].decode("ascii", "replace")
            raise InputError(f"{path}: line {number} is {text!r}: {wanted} are wanted")
    return np.array([known[line] for line in lines], np.uint8)
