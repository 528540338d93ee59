"""Where the wrong values of a job are: the pattern that says it in the fewest bits.

A pattern is a set of values, such as lane 2 or the last column. To name the wrong ones of
n values takes log2 C(n, wrong) bits; with a pattern it takes the pattern's own bits and those
of the choice within it, which is few if most values there are wrong. The pattern that saves
the most is reported, if it saves enough not to be chance; two or three together where that
saves more. So a pattern that holds by accident loses, without a rule for each case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tb.debug.mismatch.values import OUTPUT, SIDES, Bools, Ints, Values

LEAST_BITS: Final = 12.0
"""A pattern that saves fewer holds by chance in more than one of 4,096 cases."""
LEAST_GAIN: Final = 1.1
"""A further pattern makes the share of wrong values at least so many times larger."""
MOST: Final = 3
NEARLY: Final = 0.9
"""A pattern may leave out a tenth of the wrong values, and then says so ..."""
CLEARLY: Final = 1.25
"""... if it saves so many times the bits of those that hold for all."""
FEW: Final = 4
"""Channels, rows or columns that are named one by one, at most."""
FAMILY_BITS: Final = 5.0
"""To say which family a pattern is of."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A set of values that holds all wrong ones, or nearly all."""

    name: str
    """Its family: ``lane``, ``channel``, ``last column``, ..."""
    text: str
    """Behind "the wrong values are"."""
    size: int
    """Values in the set."""
    wrong: int
    """Those of them that are wrong."""


@dataclass(frozen=True, slots=True)
class Family:
    """Patterns of one kind that exclude one another."""

    name: str
    key: Ints
    """Which pattern each value belongs to; -1 for none, (n,)."""
    label: Callable[[int], str]
    """A pattern's text."""
    bits: float
    """To say which pattern of the family it is."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """A coordinate of the values: each one's number, the first one in the layer, how many."""

    name: str
    index: Ints
    first: int
    count: int


def patterns(values: Values, wrong: Bools) -> tuple[Pattern, ...]:
    """The patterns that together say best where the wrong values are; none where nothing does.

    Parameters
    ----------
    values : Values
        Each once.
    wrong : ndarray of bool, (n,)
    """
    exact, saved = _chain(values, wrong, 1.0)
    nearly, more = _chain(values, wrong, NEARLY)
    return nearly if more > CLEARLY * saved else exact


def _chain(values: Values, wrong: Bools, share: float) -> tuple[tuple[Pattern, ...], float]:
    """Patterns, each within the one before it, and the bits that they save.

    Only the first may leave out some of the wrong values; then there is no second.
    """
    found: list[Pattern] = []
    total, whole = 0.0, True
    while whole and len(found) < MOST:
        best = _best(values, wrong, 1.0 if found else share)
        if best is None:
            break
        family, choice, saved = best
        within = family.key == choice
        if int(within.sum()) * LEAST_GAIN > len(wrong):
            break
        total, whole = total + saved, not wrong[~within].any()
        values, wrong = values.at(within), wrong[within]
        found.append(Pattern(family.name, family.label(choice), len(wrong), int(wrong.sum())))
    return tuple(found), total


def _best(values: Values, wrong: Bools, share: float) -> tuple[Family, int, float] | None:
    """The family and the pattern of it that save the most bits, of those that hold for a share."""
    total, count = len(wrong), int(wrong.sum())
    without, most = choice_bits(total, count), LEAST_BITS
    found = None
    for family in families(values, wrong):
        keys = family.key[wrong]
        hits = np.bincount(keys[keys >= 0], minlength=1)
        choice, right = int(hits.argmax()), int(hits.max())
        if right < share * count or right == 0:
            continue
        size = int((family.key == choice).sum())
        spent = FAMILY_BITS + family.bits + choice_bits(size, right)
        if right < count:
            spent += math.log2(count) + choice_bits(total - size, count - right)
        if without - spent > most:
            most, found = without - spent, (family, choice, without - spent)
    return found


def choice_bits(total: int, chosen: int) -> float:
    """Bits that it takes to say which `chosen` of `total` things it is.

    >>> round(choice_bits(16, 1), 3), round(choice_bits(4, 2), 3), choice_bits(5, 5)
    (4.0, 2.585, 0.0)
    """
    ways = math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
    return max(ways, 0.0) / math.log(2)


def families(values: Values, wrong: Bools) -> Iterator[Family]:
    """Every kind of pattern of these values; some are drawn around the wrong ones."""
    tile = values.tile
    channels = tile.last_channel - tile.first_channel
    axes = (
        _Axis("lane", values.lane, 0, values.lanes),
        _Axis("output group", values.group, 0, -(-channels // values.lanes)),
        _Axis("channel", values.channel, tile.first_channel, channels),
        _Axis("row", values.row, tile.row, tile.height),
        _Axis("column", values.column, tile.column, tile.width),
    )
    for axis in axes:
        yield Family(axis.name, axis.index, _numbered(axis), math.log2(axis.count))
    pixel = values.row * tile.width + values.column
    yield Family("pixel", pixel, _pixel(values), math.log2(tile.height * tile.width))
    yield from _edges(*axes[3:])
    yield from _padding(values)
    for axis in (*axes[3:], axes[2]):
        parity = (axis.index + axis.first) % 2
        yield Family(f"every second of the {axis.name}s", parity, _parity(f"{axis.name}s"), 1.0)
    yield from _sizes(values, wrong)
    yield from _order(values, wrong)
    for axis in axes:
        yield from _spans(axis, wrong)


def _numbered(axis: _Axis) -> Callable[[int], str]:
    return lambda index: f"in {axis.name} {axis.first + index}"


def _pixel(values: Values) -> Callable[[int], str]:
    tile = values.tile

    def label(index: int) -> str:
        y, x = divmod(index, tile.width)
        return f"in row {tile.row + y} column {tile.column + x}"

    return label


def _parity(axis: str) -> Callable[[int], str]:
    """Every second row, column or channel, by its number in the layer."""
    return lambda index: f"in {('even', 'odd')[index]} {axis}"


def _yes(name: str, mask: Bools, text: str, bits: float = 0.0) -> Family:
    """A family of one pattern."""
    return Family(name, mask.astype(np.int64) - 1, lambda _: text, bits)


def _edges(row: _Axis, column: _Axis) -> Iterator[Family]:
    """First and last row and column, the whole border, the corners."""
    for axis in (row, column):
        for which, edge in (("first", 0), ("last", axis.count - 1)):
            text = f"in the tile's {which} {axis.name}, {axis.name} {axis.first + edge}"
            yield _yes(f"{which} {axis.name}", axis.index == edge, text)
    top, bottom = row.index == 0, row.index == row.count - 1
    left, right = column.index == 0, column.index == column.count - 1
    yield _yes("border", top | bottom | left | right, "on the tile's border")
    yield _yes("corners", (top | bottom) & (left | right), "in the tile's corners")
    for upper, at_y in (("upper", top), ("lower", bottom)):
        for side, at_x in (("left", left), ("right", right)):
            name = f"{upper} {side} corner"
            yield _yes(name, at_y & at_x, f"in the tile's {name}")


def _padding(values: Values) -> Iterator[Family]:
    """Where the kernel, or the pool's window, reaches over the picture's edge."""
    pooled = values.place == OUTPUT and values.activated is not None
    what = "the pool's window" if pooled else "the kernel"
    for bit, side in enumerate(SIDES):
        at = {"top": "at the top", "bottom": "at the bottom"}.get(side, f"on the {side}")
        mask = (values.padded >> bit & 1).astype(bool)
        yield _yes(f"padding {side}", mask, f"where {what} reaches into the padding {at}")
    yield _yes("padding", values.padded > 0, f"where {what} reaches into the padding")


def _sizes(values: Values, wrong: Bools) -> Iterator[Family]:
    """What is expected there: its sign, its limits, its size."""
    expected, high = values.expected, (1 << (values.act_w - 1)) - 1
    size = np.abs(expected)
    low = -high - 1
    for name, mask, text in (
        ("negative", expected < 0, "negative"),
        ("positive", expected > 0, "positive"),
        ("zero", expected == 0, "0"),
        ("not zero", expected != 0, "not 0"),
        ("highest", expected == high, f"{high:,}, the highest"),
        ("lowest", expected == low, f"{low:,}, the lowest"),
        ("saturated", (expected == low) | (expected == high), "saturated"),
    ):
        yield _yes(name, mask, f"where the expected value is {text}")
    yield Family("expected parity", expected % 2, _expected_parity, 1.0)
    hit = np.unique(expected[wrong])
    if len(hit) <= FEW:
        text = f"where the expected value is {_listed([f'{value:,}' for value in hit], 'or')}"
        yield _yes("few values", np.isin(expected, hit), text, len(hit) * values.act_w)
    bound = int(size[wrong].min())
    text = f"where the expected value is at least {bound:,} in size"
    yield _yes("large", size >= bound, text, values.act_w)
    bound = int(size[wrong].max())
    text = f"where the expected value is at most {bound:,} in size"
    yield _yes("small", size <= bound, text, values.act_w)


def _expected_parity(index: int) -> str:
    return f"where the expected value is {('even', 'odd')[index]}"


def _order(values: Values, wrong: Bools) -> Iterator[Family]:
    """By the order in which the values came."""
    position = values.beat % values.beats
    yield _yes("first beat", position == 0, "in the first beat of their output group")
    yield _yes("last beat", position == values.beats - 1, "in the last beat of their output group")
    yield _yes("after a gap", values.stalled, "right behind a gap in the stream")
    bits = math.log2(max(int(values.beat.max()), 1))
    for name, mask, edge in (
        ("from one on", values.beat >= values.beat[wrong][0], 0),
        ("up to one", values.beat <= values.beat[wrong][-1], -1),
    ):
        place = values.at(wrong).at(np.array([edge]))
        pixel = f"row {values.tile.row + int(place.row[0])}"
        pixel += f" column {values.tile.column + int(place.column[0])}"
        group = f"output group {int(place.group[0])}"
        way = "from" if edge == 0 else "up to"
        yield _yes(name, mask, f"{way} {pixel} of {group}{' on' * (edge == 0)}", bits)


def _spans(axis: _Axis, wrong: Bools) -> Iterator[Family]:
    """A range of, or a few, channels, lanes, groups, rows or columns."""
    hit = np.unique(axis.index[wrong])
    bits = math.log2(max(int(axis.index.max()), 1) + 1)
    low, high = int(hit[0]), int(hit[-1])
    span = f"in {axis.name}s {axis.first + low} to {axis.first + high}"
    within = (axis.index >= low) & (axis.index <= high)
    yield _yes(f"range of {axis.name}s", within, span, 2 * bits)
    if 2 <= len(hit) <= FEW:
        listed = _listed([str(axis.first + int(number)) for number in hit], "and")
        few = np.isin(axis.index, hit)
        yield _yes(f"few {axis.name}s", few, f"in {axis.name}s {listed}", len(hit) * bits)


def _listed(words: Sequence[str], last: str) -> str:
    """Words with commas, the last one behind ``and`` or ``or``."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
