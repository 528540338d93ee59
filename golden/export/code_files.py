"""Files of 8-bit codes that Verilog reads: '0' and '1' for ``$readmemb``, hex for ``$readmemh``."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from golden.arithmetic.sm8 import Codes
from golden.config import InputError

Base = Literal["bits", "hex"]
_DIGITS: Final = {"bits": 8, "hex": 2}
"""In a line."""
_RADIX: Final = {"bits": 2, "hex": 16}


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
    lines: npt.NDArray[np.uint8] = _LINES[base][np.asarray(codes, dtype=np.uint8).ravel()]
    return lines.tobytes()


def read_codes(path: Path, base: Base) -> Codes:
    """Read what `code_lines` has made.

    Returns
    -------
    ndarray of uint8, (lines,)

    Raises
    ------
    InputError
        If the file cannot be read, or a line is anything but one code; the text names it.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    known = {line: code for code, line in enumerate(code_lines(_ALL, base).splitlines())}
    codes = [known.get(line) for line in lines]
    if None in codes:
        number = codes.index(None)
        wanted = "eight digits 0 and 1" if base == "bits" else "two hexadecimal digits"
        text = lines[number][:20].decode("ascii", "replace")
        raise InputError(f"{path}: line {number + 1} is {text!r}: {wanted} are wanted")
    return np.array(codes, np.uint8)


_ALL: Final[Codes] = np.arange(256, dtype=np.uint8)
_LINES: Final = {
    "bits": np.array([list(f"{code:08b}\n".encode()) for code in range(256)], np.uint8),
    "hex": np.array([list(f"{code:02x}\n".encode()) for code in range(256)], np.uint8),
}
