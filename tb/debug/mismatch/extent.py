"""How far the wrong values of a job reach, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tb.debug.mismatch.patterns import Pattern, patterns
from tb.debug.mismatch.relations import relations
from tb.debug.mismatch.values import Bools, Ints, Values

NAMED: Final = 6
"""Runs of channels, rows or columns that are written out, at most."""
EVERYWHERE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Extent:
    """The wrong values of a job at one place, each counted once."""

    place: str
    """``activation`` or ``output``."""
    values: int
    wrong: int
    missing: int
    surplus: int
    """Values expected; those of them that came and are wrong; those that did not come; and values
    that came beyond them.
    """
    sentence: str
    """Where they are and what they are."""
    spread: str
    """Channels, rows and columns that hold wrong or missing ones."""
    patterns: tuple[Pattern, ...]
    """Where: each within the one before it. Empty for scattered values."""
    relations: tuple[str, ...]
    """What holds for every wrong value, the most significant first."""

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of it."""
        claims = [
            {"name": one.name, "text": one.text, "inside": one.size, "wrong_inside": one.wrong}
            for one in self.patterns
        ]
        fields = asdict(self)
        relations = fields.pop("relations")
        del fields["patterns"]
        return {**fields, "claims": claims, "relations": relations}


def extent(values: Values) -> Extent:
    """Count a place's wrong values, and say where and what they are.

    Where they are is the pattern of lanes, channels, rows, sides, signs and so on that
    says it in the fewest bits (`tb.debug.mismatch.patterns`); what they are must hold for each.
    """
    once = values.once()
    came = once.at(once.present)
    wrong, missing = once.differs, ~once.present
    # Where all that came is right, it is those that did not come that have a place.
    universe, marked = (came, came.differs) if wrong.any() else (once, missing)
    found = patterns(universe, marked) if marked.any() else ()
    what = () if values.unknown else relations(values)
    both = bool(wrong.any() and missing.any())
    word = "wrong" if wrong.any() else "missing"
    parts = [_where(marked, found, word, " that came" * both)]
    if what:
        parts.append(what[0].text)
    if values.unknown:
        parts.append("an X or a Z is among them, recorded as 0")
    if both:
        parts.append(_count(int(missing.sum()), "did not come"))
    sentences = [part for part in (*parts, *_surplus(values)) if part]
    return Extent(
        place=values.place,
        values=len(once.expected),
        wrong=int(wrong.sum()),
        missing=int(missing.sum()),
        surplus=values.surplus,
        sentence="; ".join(sentences) or "every value is right",
        spread=_spread(once, wrong | missing),
        patterns=found,
        relations=tuple(relation.text for relation in what),
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} value{'s' * (number != 1)} {what}"


def _surplus(values: Values) -> Iterator[str]:
    """Values that nobody expects, and where they came."""
    if values.behind:
        yield _count(values.behind, "came behind the last one expected")
    if values.surplus > values.behind:
        yield _count(values.surplus - values.behind, "came in lanes that carry no channel")


def _where(marked: Bools, found: Sequence[Pattern], word: str, came: str = "") -> str:
    """The patterns in words, with their figures; `came` narrows what they are of."""
    count, total = int(marked.sum()), len(marked)
    if not count:
        return ""
    if count == 1:
        return f"one of {total:,} values{came} is {word}"
    if count == total:
        return f"all {total:,} values{came} are {word}"
    if not found:
        if count >= EVERYWHERE * total:
            return f"nearly all values{came} are {word}, {count:,} of {total:,}"
        spread = "scattered" if 2 * count < total else "all over the tile"
        return f"{count:,} of {total:,} values{came} are {word}, {spread}"
    last = found[-1]
    text = " and ".join(pattern.text for pattern in found)
    if last.wrong < count:
        return (
            f"{last.wrong:,} of the {count:,} {word} values are {text}, "
            f"the other {count - last.wrong:,} elsewhere"
        )
    if 2 * count < last.size:
        return f"{count:,} of {total:,} values{came} are {word}, scattered; all of them {text}"
    share = (
        f"all {last.size:,} values there are {word}"
        if last.size == count
        else f"{count:,} of the {last.size:,} values there are {word}"
    )
    return f"all {count:,} {word} values are {text}; {share}"


def _spread(values: Values, marked: Bools) -> str:
    """Channels, rows and columns with marked values."""
    if not marked.any():
        return ""
    tile = values.tile
    axes = (
        ("channel", values.channel[marked] + tile.first_channel),
        ("row", values.row[marked] + tile.row),
        ("column", values.column[marked] + tile.column),
    )
    return ", ".join(_runs(name, np.unique(numbers)) for name, numbers in axes)


def _runs(name: str, numbers: Ints) -> str:
    """Numbers as runs: ``rows 0-3 7 9-12``."""
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = [(int(run[0]), int(run[-1])) for run in np.split(numbers, cuts)]
    if len(runs) > NAMED:
        return f"{len(numbers):,} {name}s from {runs[0][0]} to {runs[-1][1]}"
    texts = (str(first) if first == last else f"{first}-{last}" for first, last in runs)
    return f"{name}{'s' * (len(numbers) > 1)} {' '.join(texts)}"
