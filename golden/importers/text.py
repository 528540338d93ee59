"""Text of users' files: decoded in whatever encoding it is in, and made fit to print."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks and their encodings; UTF-32's little one starts with UTF-16's."""
_PAIRS: Final = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xa9\xb0-\xd7][\xa1-\xfe])*")
"""Text whose bytes above 127 are pairs of GB 2312: its signs and its usual characters."""
_BINARY: Final = re.compile(rb"[\x00-\x06\x0e-\x1a]")
"""Controls that no text in an old encoding has."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode's categories of what a terminal obeys or hides: controls, formats, separators."""
_JOINERS: Final = "\u200c\u200d"
"""What Persian, Indic scripts and pictographs join their letters with."""


def decoded(content: bytes) -> str | None:
    r"""Decode text: by its byte order mark, as UTF-8, as Chinese GBK, as Latin-1; None: no text.

    A byte order mark is no character of the text. What is not UTF-8 is GBK where its bytes
    above 127 are pairs of GB 2312's usual characters, and Latin-1 (Windows' 1252) elsewhere.

    >>> decoded(b"\xef\xbb\xbfcar"), decoded("ж".encode("utf-16")), decoded(b"\x00\x01\x02")
    ('car', 'ж', None)
    >>> decoded("größe".encode("latin-1")), decoded("汽车".encode("gbk"))
    ('größe', '汽车')
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _tried(content[len(mark) :], encoding)
    if b"\0" in content:
        sides = (content[1::2].count(0), content[::2].count(0))
        if 10 * max(sides) < 3 * len(content):
            return None
        return _tried(content, "utf-16-le" if sides[0] > sides[1] else "utf-16-be")
    if (text := _tried(content, "utf-8")) is not None or _BINARY.search(content):
        return text
    encodings = ("gbk", "cp1252", "latin-1")[0 if _PAIRS.fullmatch(content) else 1 :]
    return next(text for name in encodings if (text := _tried(content, name)) is not None)


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with every character that a terminal would obey or hide written out.

    Escapes, carriage returns, bells, the controls of both sets, marks of direction, zero-width
    characters and surrogates become ``\x1b``, ``\u202e`` and so on; a terminal, a table, a
    drawing and a report then show the same name.

    Parameters
    ----------
    keep : str
        Characters to leave as they are, such as a line's end.

    >>> print(printable("car\x1b[31m\r", keep="\n"))
    car\x1b[31m\x0d
    """
    if text.isascii() and text.isprintable():
        return text
    kept = keep + _JOINERS
    return "".join(x if x in kept or not _unseen(x) else _written(x) for x in text)


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN


def _written(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _tried(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
