"""Where the wrong values of a job are: the claim that says it in the fewest bits.

A claim is a set of values, such as lane 2 or the last column. To name the wrong ones of
n values takes log2 C(n, wrong) bits; with a claim it takes the claim's own bits and those
of the choice inside it, which is few if most values there are wrong. The claim that saves
the most is made, if it saves enough not to be chance; two or three together where that
saves more. So a claim that holds by accident loses, without a rule for each case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tb.debug.mismatch.values import OUTPUT, SIDES, Bools, Ints, Values

LEAST_BITS: Final = 12.0
"""A claim that saves fewer holds by chance in more than one of 4,096 cases."""
LEAST_GAIN: Final = 1.1
"""A further claim makes the share of wrong values at least so many times larger."""
MOST: Final = 3
NEARLY: Final = 0.9
"""A claim may leave out a tenth of the wrong values, and then says so ..."""
CLEARLY: Final = 1.25
"""... if it saves so many times the bits of those that hold for all."""
FEW: Final = 4
"""Channels, rows or columns that are named one by one, at most."""
FAMILY_BITS: Final = 5.0
"""To say which family a claim is of."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A set of values that holds all wrong ones, or nearly all."""

    name: str
    """Its family: ``lane``, ``channel``, ``last column``, ..."""
    text: str
    """Behind "the wrong values are"."""
    inside: int
    """Values in the set."""
    wrong_inside: int
    """Those of them that are wrong."""


@dataclass(frozen=True, slots=True)
class Family:
    """Claims of one kind that exclude one another."""

    name: str
    key: Ints
    """Which claim each value belongs to; -1 for none, (n,)."""
    label: Callable[[int], str]
    """A claim's text."""
    bits: float
    """To say which claim of the family it is."""


def claims(values: Values, wrong: Bools) -> tuple[Claim, ...]:
    """The claims that together say best where the wrong values are; none where nothing does.

    Parameters
    ----------
    values : Values
        Each once.
    wrong : ndarray of bool, (n,)
    """
    exact, saved = _chain(values, wrong, 1.0)
    nearly, more = _chain(values, wrong, NEARLY)
    return nearly if more > CLEARLY * saved else exact


def _chain(values: Values, wrong: Bools, share: float) -> tuple[tuple[Claim, ...], float]:
    """Claims, each within the one before it, and the bits that they save.

    Only the first may leave out some of the wrong values; then there is no second.
    """
    made: list[Claim] = []
    total, whole = 0.0, True
    while whole and len(made) < MOST:
        best = _best(values, wrong, 1.0 if made else share)
        if best is None:
            break
        family, choice, saved = best
        inside = family.key == choice
        if int(inside.sum()) * LEAST_GAIN > len(wrong):
            break
        total, whole = total + saved, not wrong[~inside].any()
        values, wrong = values.at(inside), wrong[inside]
        made.append(Claim(family.name, family.label(choice), len(wrong), int(wrong.sum())))
    return tuple(made), total


def _best(values: Values, wrong: Bools, share: float) -> tuple[Family, int, float] | None:
    """The family and the claim of it that save the most bits, of those that hold for a share."""
    total, count = len(wrong), int(wrong.sum())
    without, most = choice_bits(total, count), LEAST_BITS
    found = None
    for family in families(values, wrong):
        keys = family.key[wrong]
        hits = np.bincount(keys[keys >= 0], minlength=1)
        choice, right = int(hits.argmax()), int(hits.max())
        if right < share * count or right == 0:
            continue
        inside = int((family.key == choice).sum())
        spent = FAMILY_BITS + family.bits + choice_bits(inside, right)
        if right < count:
            spent += math.log2(count) + choice_bits(total - inside, count - right)
        if without - spent > most:
            most, found = without - spent, (family, choice, without - spent)
    return found


def choice_bits(total: int, chosen: int) -> float:
    """Bits that it takes to say which `chosen` of `total` things are meant.

    >>> round(choice_bits(16, 1), 3), round(choice_bits(4, 2), 3), choice_bits(5, 5)
    (4.0, 2.585, 0.0)
    """
    ways = math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
    return max(ways, 0.0) / math.log(2)


def families(values: Values, wrong: Bools) -> Iterator[Family]:
    """Every kind of claim about these values; some are drawn around the wrong ones."""
    yield from _indices(values)
    yield from _edges(values)
    yield from _padding(values)
    yield from _parities(values)
    yield from _sizes(values, wrong)
    yield from _order(values, wrong)
    yield from _spans(values, wrong)


def _yes(name: str, mask: Bools, text: str, bits: float = 0.0) -> Family:
    """A family of one claim."""
    return Family(name, mask.astype(np.int64) - 1, lambda _: text, bits)


def _indices(values: Values) -> Iterator[Family]:
    """One lane, output group, channel, row, column or pixel."""
    tile = values.tile
    channels, rows, columns = tile.last_channel - tile.first_channel, tile.height, tile.width
    groups = -(-channels // values.lanes)

    def row(index: int) -> str:
        return f"in row {tile.row + index}"

    def column(index: int) -> str:
        return f"in column {tile.column + index}"

    def pixel(index: int) -> str:
        y, x = divmod(index, columns)
        return f"in row {tile.row + y} column {tile.column + x}"

    def channel(index: int) -> str:
        return f"in channel {tile.first_channel + index}"

    yield Family("lane", values.lane, lambda index: f"in lane {index}", math.log2(values.lanes))
    yield Family(
        "output group", values.group, lambda index: f"in output group {index}", math.log2(groups)
    )
    yield Family("channel", values.channel, channel, math.log2(channels))
    yield Family("row", values.row, row, math.log2(rows))
    yield Family("column", values.column, column, math.log2(columns))
    yield Family("pixel", values.row * columns + values.column, pixel, math.log2(rows * columns))


def _edges(values: Values) -> Iterator[Family]:
    """First and last row and column, the whole border, the corners."""
    tile = values.tile
    top, bottom = values.row == 0, values.row == tile.height - 1
    left, right = values.column == 0, values.column == tile.width - 1
    sides = (("row", "first", top), ("row", "last", bottom))
    for axis, which, mask in (*sides, ("column", "first", left), ("column", "last", right)):
        start = tile.row if axis == "row" else tile.column
        last = (tile.height if axis == "row" else tile.width) - 1
        number = start if which == "first" else start + last
        yield _yes(f"{which} {axis}", mask, f"in the tile's {which} {axis}, {axis} {number}")
    yield _yes("border", top | bottom | left | right, "on the tile's border")
    yield _yes("corners", (top | bottom) & (left | right), "in the tile's corners")
    for name, mask in (
        ("upper left", top & left),
        ("upper right", top & right),
        ("lower left", bottom & left),
        ("lower right", bottom & right),
    ):
        yield _yes(f"{name} corner", mask, f"in the tile's {name} corner")


def _padding(values: Values) -> Iterator[Family]:
    """Where the kernel, or the pool's window, reaches over the picture's edge."""
    pooled = values.place == OUTPUT and values.activated is not None
    what = "the pool's window" if pooled else "the kernel"
    for bit, side in enumerate(SIDES):
        at = {"top": "at the top", "bottom": "at the bottom"}.get(side, f"on the {side}")
        mask = (values.padded >> bit & 1).astype(bool)
        yield _yes(f"padding {side}", mask, f"where {what} reaches into the padding {at}")
    yield _yes("padding", values.padded > 0, f"where {what} reaches into the padding")


def _parities(values: Values) -> Iterator[Family]:
    """Every second row, column, channel or lane, by its number in the tile."""
    tile = values.tile
    for axis, index, start in (
        ("rows", values.row, tile.row),
        ("columns", values.column, tile.column),
        ("channels", values.channel, tile.first_channel),
    ):
        parity = (index + start) % 2
        yield Family(f"every second of the {axis}", parity, _parity(axis), 1.0)


def _parity(axis: str) -> Callable[[int], str]:
    return lambda index: f"in {('even', 'odd')[index]} {axis}"


def _sizes(values: Values, wrong: Bools) -> Iterator[Family]:
    """What golden expects there: its sign, its limits, its size."""
    expected, high = values.expected, (1 << (values.act_w - 1)) - 1
    size = np.abs(expected)
    yield _yes("negative", expected < 0, "where the expected value is negative")
    yield _yes("positive", expected > 0, "where the expected value is positive")
    yield _yes("zero", expected == 0, "where the expected value is 0")
    yield _yes("not zero", expected != 0, "where the expected value is not 0")
    yield _yes("highest", expected == high, f"where the expected value is {high:,}, the highest")
    low = -high - 1
    yield _yes("lowest", expected == low, f"where the expected value is {low:,}, the lowest")
    both = (expected == low) | (expected == high)
    yield _yes("saturated", both, "where the expected value is saturated")
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


def _spans(values: Values, wrong: Bools) -> Iterator[Family]:
    """A range of, or a few, channels, lanes, groups, rows or columns."""
    tile = values.tile
    for axis, index, start in (
        ("lanes", values.lane, 0),
        ("output groups", values.group, 0),
        ("channels", values.channel, tile.first_channel),
        ("rows", values.row, tile.row),
        ("columns", values.column, tile.column),
    ):
        hit = np.unique(index[wrong])
        bits = math.log2(max(int(index.max()), 1) + 1)
        low, high = int(hit[0]), int(hit[-1])
        span = f"in {axis} {start + low} to {start + high}"
        yield _yes(f"range of {axis}", (index >= low) & (index <= high), span, 2 * bits)
        if 2 <= len(hit) <= FEW:
            text = f"in {axis} {_listed([str(start + int(number)) for number in hit], 'and')}"
            yield _yes(f"few {axis}", np.isin(index, hit), text, len(hit) * bits)


def _listed(words: Sequence[str], last: str) -> str:
    """Words with commas, the last one behind ``and`` or ``or``."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
