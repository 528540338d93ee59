"""Class names, one a line."""

from __future__ import annotations

from pathlib import Path

from golden.config import InputError
from golden.importers.file_kinds import check_text_file
from golden.importers.text import decoded, printable

LONGEST_NAME = 200
"""Characters; a line beyond them is no class name."""


def read_names(path: Path) -> tuple[str, ...]:
    """Read class names, one a line, in any usual encoding; they are fit to print.

    Line n names class n, as in Darknet. A blank line among the names would be a class
    without a name there, and is refused; blank lines after the last name are not. A ``#``
    starts no comment.

    Raises
    ------
    InputError
        If the file cannot be read or is no text, or a line among the names is blank,
        too long, YAML, or a name that stands there already.
    """
    check_text_file(path, "class names, one a line")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    text = decoded(content)
    if text is None:
        raise InputError(f"{path}: is not a text file; give class names, one a line")
    lines = [line.strip() for line in text.replace("\r\n", "\n").rstrip("\r").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{path}: holds no class name; give one a line")
    found: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = printable(line)
        if not name:
            raise InputError(
                f"{path} line {number}: blank, which Darknet takes for a class without a name; "
                "remove the line or name the class"
            )
        if line == "names:":
            raise InputError(
                f"{path} line {number}: names: is YAML's; give class names, one a line"
            )
        if len(name) > LONGEST_NAME:
            raise InputError(f"{path} line {number}: {len(name)} characters are no class name")
        if name in found:
            raise InputError(
                f"{path} line {number}: {name} is the name in line {found[name]} too; "
                "give each class its own"
            )
        found[name] = number
    return tuple(found)
