"""What the wrong values of a job are: expected ones of another place, or their own changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tb.debug.mismatch.values import Bools, Ints, Values

Floats = npt.NDArray[np.float64]

LEAST_BITS: Final = 12.0
"""A relation that explains fewer bits of the wrong values may be chance."""
PROBE: Final = 2000
"""So many wrong values choose what is then held against all of them."""
LISTED: Final = 8
"""Lanes or groups that are named one by one, at most."""
SHIFTS: Final = (1, -1, 2, -2)
NEIGHBOURS: Final = {
    (0, -1): "to its left",
    (0, 1): "to its right",
    (-1, 0): "above it",
    (1, 0): "below it",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that holds for every wrong value."""

    name: str
    text: str
    """A clause."""
    bits: float
    """What it explains of the wrong values, less what it takes to say it."""


def relations(values: Values) -> tuple[Relation, ...]:
    """What holds for every wrong value that came, in stream order; the most significant first."""
    wrong = values.differs
    if not wrong.any():
        return ()
    surprise = _surprise(values, wrong)
    found = [*_moved(values, wrong, surprise), *_changed(values, wrong, surprise)]
    significant = (relation for relation in found if relation.bits >= LEAST_BITS)
    return tuple(sorted(significant, key=lambda relation: -relation.bits))


def _surprise(values: Values, wrong: Bools) -> Floats:
    """Bits of each wrong value, were it drawn from those expected: rare ones have more."""
    known, counts = np.unique(values.expected, return_counts=True)
    actual = values.actual[wrong]
    index = np.minimum(np.searchsorted(known, actual), len(known) - 1)
    count = np.where(known[index] == actual, counts[index], 0)
    bits: Floats = -np.log2((count + 1) / (len(values.expected) + 1))
    return np.minimum(bits, float(values.act_w))


def _moved(values: Values, wrong: Bools, surprise: Floats) -> Iterator[Relation]:
    """Expected values of another beat, pixel, lane or output group."""
    total = float(surprise.sum())
    stream = _stream(values)
    for shift in SHIFTS:
        if _same(stream.at(values.beat - shift, values.lane), values.actual)[wrong].all():
            name = "late" if shift > 0 else "early"
            if _to_the_end(values, stream, wrong, shift):
                yield Relation(name, _lost_or_doubled(shift), total - 2)
            else:
                way = "before" if shift > 0 else "behind"
                text = f"each is the expected value of {_places(shift)} {way}"
                yield Relation(name, text, total - 6)
    cube = _cube(values)
    for (down, right), side in NEIGHBOURS.items():
        source = cube.at(values.channel, values.row + down, values.column + right)
        if _same(source, values.actual)[wrong].all():
            yield Relation(
                "neighbour", f"each is the expected value of the pixel {side}", total - 4
            )
    lanes = _sources(values, wrong, values.lane, values.lanes, stream, "lane")
    if lanes:
        bits = total - len(lanes) * math.log2(values.lanes)
        yield Relation("lanes", _exchange("lane", lanes), bits)
    count = int(values.group.max()) + 1
    groups = _sources(values, wrong, values.group, count, stream, "group") if count > 1 else {}
    if groups:
        bits = total - len(groups) * math.log2(count)
        yield Relation("output groups", _exchange("output group", groups), bits)


@dataclass(frozen=True, slots=True, eq=False)
class _Expected:
    """Expected values by index, and which indices there are."""

    values: Ints
    there: Bools

    def at(self, *index: Ints) -> tuple[Ints, Bools]:
        """The values at these indices, and which of them there are."""
        within = np.ones(len(index[0]), bool)
        for axis, size in zip(index, self.values.shape, strict=True):
            within &= (axis >= 0) & (axis < size)
        clipped = tuple(
            np.clip(axis, 0, size - 1) for axis, size in zip(index, self.values.shape, strict=True)
        )
        return self.values[clipped], within & self.there[clipped]


def _expected(shape: tuple[int, ...], index: tuple[Ints, ...], expected: Ints) -> _Expected:
    made = _Expected(np.zeros(shape, np.int64), np.zeros(shape, bool))
    made.values[index], made.there[index] = expected, True
    return made


def _stream(values: Values) -> _Expected:
    shape = (int(values.beat.max()) + 1, values.lanes)
    return _expected(shape, (values.beat, values.lane), values.expected)


def _cube(values: Values) -> _Expected:
    tile = values.tile
    shape = (tile.last_channel - tile.first_channel, tile.height, tile.width)
    return _expected(shape, (values.channel, values.row, values.column), values.expected)


def _same(source: tuple[Ints, Bools], actual: Ints) -> Bools:
    same: Bools = source[1] & (source[0] == actual)
    return same


def _to_the_end(values: Values, stream: _Expected, wrong: Bools, shift: int) -> bool:
    """Whether all values from the first wrong one on are shifted."""
    from_one = (values.beat >= values.beat[wrong][0]) & values.present
    source, there = stream.at(values.beat - shift, values.lane)
    return bool((source == values.actual)[from_one & there].all())


def _lost_or_doubled(shift: int) -> str:
    way = "late" if shift > 0 else "early"
    beats = "a beat" if abs(shift) == 1 else f"{abs(shift)} beats"
    how = f"{beats} had come twice" if shift > 0 else f"{beats} had been lost"
    return f"from the first of them on every value stands {_places(shift)} {way}, as if {how}"


def _places(shift: int) -> str:
    return "one place" if abs(shift) == 1 else f"{abs(shift)} places"


def _sources(
    values: Values, wrong: Bools, own: Ints, count: int, stream: _Expected, kind: str
) -> dict[int, int]:
    """For each lane (or output group) with wrong values the one whose expected values it has.

    Empty unless each has one.
    """
    found: dict[int, int] = {}
    for mine in np.unique(own[wrong]):
        part = np.flatnonzero(wrong & (own == mine))
        others = (other for other in range(count) if other != mine)
        source = next((o for o in others if _holds(values, part, stream, kind, o)), None)
        if source is None:
            return {}
        found[int(mine)] = source
    return found


def _holds(values: Values, part: Ints, stream: _Expected, kind: str, other: int) -> bool:
    """Whether the values of some indices are those expected in another lane or output group."""
    for chosen in (part[:PROBE], part):
        beat, lane = values.beat[chosen], values.lane[chosen]
        if kind == "lane":
            source = stream.at(beat, np.full(len(chosen), other))
        else:
            source = stream.at(beat % values.beats + other * values.beats, lane)
        if not _same(source, values.actual[chosen]).all():
            return False
    return True


def _exchange(what: str, sources: dict[int, int]) -> str:
    """Who has whose values, in words."""
    pairs = list(sources.items())
    (first, source) = pairs[0]
    if len(pairs) == 1:
        return f"{what} {first} has the expected values of {what} {source}"
    if len(pairs) == 2 and pairs[1] == (source, first):
        return f"{what}s {first} and {source} are exchanged"
    steps = {source - own for own, source in pairs}
    if len(steps) == 1:
        (step,) = steps
        way = "above" if step > 0 else "below"
        return f"each {what} has the expected values of the {what} {abs(step)} {way}"
    if len(pairs) > LISTED:
        return f"each {what} has the expected values of another {what}"
    owners, others = (" ".join(map(str, side)) for side in zip(*pairs, strict=True))
    return f"{what}s {owners} have the expected values of {what}s {others}"


def _changed(values: Values, wrong: Bools, surprise: Floats) -> Iterator[Relation]:
    """The expected value, less or more or with other bits."""
    expected, actual = values.expected[wrong], values.actual[wrong]
    count, total, width = len(actual), float(surprise.sum()), values.act_w
    high = (1 << (width - 1)) - 1
    yield from _range(actual - expected, total)
    yield from _bits(expected, actual, total, width)
    if (actual == actual[0]).all() and count > 1:
        yield Relation("constant", f"each is {_constant(int(actual[0]), high)}", total - width)
    if np.isin(actual, (high, -high - 1)).all() and not (actual == actual[0]).all():
        yield Relation("saturated", f"each is {high:,} or {-high - 1:,}", total - count)
    for name, text, holds in (
        ("negated", "each has the wrong sign", actual == -expected),
        ("half", "each is half of what it should be", np.abs(2 * actual - expected) <= 1),
        ("double", "each is twice what it should be", np.abs(actual - 2 * expected) <= 1),
    ):
        if holds.all():
            yield Relation(name, text, total - 2 - count * (name != "negated"))


def _constant(value: int, high: int) -> str:
    return f"{value:,}" + {high: ", the highest value", -high - 1: ", the lowest value"}.get(
        value, ""
    )


def _range(difference: Ints, total: float) -> Iterator[Relation]:
    """Always as much too high or too low, or by so many LSB at most."""
    count, low, high = len(difference), int(difference.min()), int(difference.max())
    named = 2 * math.log2(max(abs(low), abs(high)) + 1) + 1
    if low == high:
        text = f"each is {abs(low):,} LSB too {'high' if low > 0 else 'low'}"
        yield Relation("constant difference", text, total - named)
        return
    side = "too high" if low > 0 else "too low" if high < 0 else ""
    least, most = sorted((abs(low), abs(high))) if side else (1, max(abs(low), abs(high)))
    ways = most - least + 1 if side else 2 * most
    if not side and most == 1:
        text = "each is 1 LSB too high or too low"
    elif side:
        text = f"each is {least:,} to {most:,} LSB {side}"
    else:
        text = f"each is off by at most {most:,} LSB"
    yield Relation("difference", text, total - 2 * named - count * math.log2(ways))
    if side:
        yield Relation("side", f"each is {side}", count - 1.0)


def _bits(expected: Ints, actual: Ints, total: float, width: int) -> Iterator[Relation]:
    """The same bits wrong in each, or all wrong ones within a few."""
    mask = (1 << width) - 1
    flipped = (expected ^ actual) & mask
    count, union = len(flipped), int(np.bitwise_or.reduce(flipped))
    low, high = (union & -union).bit_length() - 1, union.bit_length() - 1
    if (flipped == flipped[0]).all() and count > 1:
        wrong = [str(bit) for bit in range(width) if union >> bit & 1]
        text = (
            f"bit {wrong[0]} is wrong" if len(wrong) == 1 else f"bits {' '.join(wrong)} are wrong"
        )
        if len(wrong) == 1 and len(set((actual >> low & 1).tolist())) == 1:
            held = int(actual[0]) >> low & 1
            text = f"bit {low} is {held} instead of {1 - held}"
        bits = total - len(wrong) * math.log2(width)
        yield Relation("bit" if len(wrong) == 1 else "bits", f"in each {text}", bits)
    elif high - low + 1 <= width // 2:
        spent = 2 * math.log2(width) + count * (high - low + 1)
        yield Relation("bits", f"only bits {low} to {high} are wrong", total - spent)
