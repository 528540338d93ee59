"""Variables of make: each is a field of a target's options, declared with all that is said of it.

From these fields come the options of ``convpe``, what it reads, the text of ``make help``, the
names that the Makefile accepts, and the tables of docs/interfaces.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

from golden.config import ConfigError, nearest
from tb.choices import choose, parse_natural

NOT_GIVEN: Final = -1
"""Default of a number that depends on other variables."""

_O = TypeVar("_O")


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """One variable."""

    field: str
    name: str
    """Its field of the options, and its name in make."""
    options: tuple[str, ...]
    """What ``convpe`` calls it; an option without a value may have an opposite, with a slash."""
    default: Any
    """The field's."""
    text: str
    """For ``make help``: what it is, with its choices; Markdown without links."""
    read: Callable[[str], Any]
    """Reads a value from the text that a user gave."""

    @property
    def flag(self) -> bool:
        """Whether it is 0 or 1 in make, and an option without a value in ``convpe``."""
        return isinstance(self.default, bool)


def variable(
    default: Any,
    text: str,
    *,
    name: str = "",
    options: tuple[str, ...] = (),
    read: Callable[[str], Any] | None = None,
) -> Any:
    """Declare a field of a target's options; parameters as of `Variable`."""
    facts = {"text": text, "name": name, "options": options, "read": read}
    return dataclasses.field(default=default, metadata=facts)


def variables(options: type) -> list[Variable]:
    """Return the variables that a class of options declares, in its order."""
    hints = get_type_hints(options)
    found = []
    for field in dataclasses.fields(options):
        facts = field.metadata
        name = facts["name"] or field.name.upper()
        called = facts["options"] or (f"--{field.name.replace('_', '-')}",)
        read = facts["read"] or _reader(name, hints[field.name])
        found.append(Variable(field.name, name, called, field.default, facts["text"], read))
    return found


def _reader(name: str, kind: Any) -> Callable[[str], Any]:
    """What reads a value of a field's type."""
    if kind is bool:
        return lambda text: choose(name, text, ("0", "1")) == "1"
    if kind in (int, int | None):
        return lambda text: parse_natural(name, text)
    return Path if kind == Path | None else str


def read_options(kind: type[_O], options: Mapping[str, Any], words: Iterable[str] = ()) -> _O:
    """Return the options that a user has given.

    Parameters
    ----------
    kind : type
        A class of options.
    options : mapping of str to str, bool or None
        Values by field; None where it was not given.
    words : iterable of str
        Variables as make has them, ``NAME=value``.

    Raises
    ------
    ConfigError
        A word names no variable, a value is not what its variable takes, or a variable is
        given twice with different values.
    """
    known = {variable.name: variable for variable in variables(kind)}
    given = {each: options.get(each.field) for each in known.values()}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"Got unexpected extra argument ({word})")
        if name not in known:
            near = "".join(f"did you mean {each}? " for each in nearest(name, known, 1))
            raise ConfigError(f"{name} is no variable of this command; {near}make help lists them")
        variable, earlier = known[name], given[known[name]]
        if (
            text
            and earlier is not None
            and variable.read(text)
            != (variable.read(earlier) if isinstance(earlier, str) else earlier)
        ):
            raise ConfigError(f"{name}={text}: {name} is given twice: leave one out")
        given[variable] = text or None
    values: dict[str, Any] = {}
    for each, value in given.items():
        optional = each.default in ("", None, NOT_GIVEN)
        if value is None or (value == "" and optional):
            continue
        values[each.field] = each.read(value) if isinstance(value, str) else value
    return kind(**values)
