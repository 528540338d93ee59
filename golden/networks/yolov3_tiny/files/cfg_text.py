"""The sections of a Darknet description, read as Darknet reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from golden.config import InputError
from golden.importers.text import decoded, printable

ALIASES: Final = {
    "conv": "convolutional",
    "max": "maxpool",
    "network": "net",
}
"""Other names of sections."""
_STRIPPED: Final = str.maketrans("", "", " \t\r\n")
_INTEGER: Final = re.compile(r"[\v\f]*([+-]?[0-9]+)")
_NUMBER: Final = re.compile(r"[\v\f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_LONGEST_INTEGER: Final = 9


@dataclass(frozen=True, slots=True)
class Option:
    """A ``key=value`` of a section, without its blanks."""

    text: str
    line: int

    def integer(self) -> int | None:
        """Return the whole number that the value starts with, as C's atoi does; None: none.

        >>> Option("16#text", 1).integer(), Option("x", 1).integer()
        (16, None)
        """
        found = _INTEGER.match(self.text)
        short = found is not None and len(found[1].lstrip("+-0")) <= _LONGEST_INTEGER
        return int(found[1]) if found is not None and short else None

    def number(self) -> float | None:
        """Return the decimal number that the value starts with, as C's atof does; None: none.

        >>> Option(".1#text", 1).number(), Option("1.5e1", 1).number(), Option("", 1).number()
        (0.1, 15.0, None)
        """
        found = _NUMBER.match(self.text)
        return float(found[1]) if found is not None else None

    def items(self) -> list[Option]:
        """Return the values between commas; what follows a ``#`` is a comment.

        >>> [item.text for item in Option("-1,8#both", 1).items()]
        ['-1', '8']
        """
        return [Option(text, self.line) for text in self.text.split("#", 1)[0].split(",")]


@dataclass(frozen=True, slots=True)
class Section:
    """A section by its usual name, with its options by key."""

    kind: str
    line: int
    options: dict[str, Option]


def read_sections(path: Path) -> list[Section]:
    """Read the sections of a Darknet description, in any usual encoding.

    As Darknet does it: blanks and tabs count nowhere in a line; a line that starts with
    ``#`` or ``;`` is a comment; of a key that stands twice in a section the first counts; a
    key with nothing after its ``=`` is not there.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is neither section, option nor comment.
    """
    sections: list[Section] = []
    for number, line in _lines(path):
        where = f"{path} line {number}"
        key, sign, value = line.partition("=")
        if line.startswith("["):
            sections.append(Section(_kind(line, where), number, {}))
        elif not sign:
            shown = printable(line[:60])
            raise InputError(f"{where}: {shown!r} is neither [section] nor key=value")
        elif value and not sections:
            raise InputError(f"{where}: {printable(key)}= stands before the first [section]")
        elif value:
            sections[-1].options.setdefault(key, Option(value, number))
    if not sections:
        raise InputError(f"{path}: holds no [section]; give a Darknet .cfg")
    return sections


def _lines(path: Path) -> list[tuple[int, str]]:
    """Number the lines that say something, without their blanks."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    text = decoded(content)
    if text is None or "\0" in text:
        raise InputError(f"{path}: is not a text file; give a Darknet .cfg")
    ends = "\n" if "\n" in text else "\r"
    lines = [line.translate(_STRIPPED) for line in text.split(ends)]
    return [(number, line) for number, line in enumerate(lines, 1) if line and line[0] not in "#;"]


def _kind(line: str, where: str) -> str:
    """The name in brackets; Darknet takes the whole line for it."""
    name, bracket, rest = line[1:].partition("]")
    if bracket and rest:
        raise InputError(
            f"{where}: Darknet takes {printable(rest[:60])!r} for a part of the section's name; "
            "put it on a line of its own"
        )
    if not bracket or not name:
        raise InputError(f"{where}: {printable(line[:60])!r} is no [section]")
    return ALIASES.get(name, name)
