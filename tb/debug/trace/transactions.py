"""A stage's transactions: when, of which job, where in the tensors, and which values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from golden.config import PEConfig
from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints, Wave

Row = Cell | list[Cell]
"""A cell of a table: one value, or one for each lane."""


@dataclass(frozen=True, slots=True)
class Value:
    """A column that is read where it is wanted alone."""

    read: Callable[[Ints], list[Row]]
    """From numbers of transactions to a cell each."""
    frac: str = ""
    """Whose fraction bits it has: ``input``, ``weight``, ``sum``, ``output``; or none."""

    def only(self, chosen: Ints) -> Value:
        """The column of some transactions, by number."""
        return replace(self, read=lambda numbers: self.read(chosen[numbers]))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a stage's transactions are found in."""

    wave: Wave
    config: PEConfig
    lane: int = 0
    """Output lane, for stages of which one lane is shown."""
    channels: Mapping[int, int] = field(default_factory=dict)
    """Output channels of jobs by number, as far as the bench knows them."""


@dataclass(frozen=True, slots=True, eq=False)
class Transactions:
    """What one stage did."""

    stage: str
    cycle: Ints
    """(n,)."""
    job: Ints
    """Number since reset, `UNKNOWN` where the wave begins too late to know, (n,)."""
    places: Mapping[str, Ints]
    """Coordinates and counters, `UNKNOWN` likewise, (n,)."""
    values: Mapping[str, Value] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.cycle)

    def rows(self, chosen: Ints) -> list[dict[str, Row]]:
        """Some transactions in full, by number."""
        columns: dict[str, list[Row]] = {"cycle": [*self.cycle[chosen].tolist()]}
        for name, place in self.places.items():
            found = place[chosen].tolist()
            columns[name] = [None if cell == UNKNOWN else cell for cell in found]
        for name, value in self.values.items():
            columns[name] = value.read(chosen)
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def known(function: Callable[..., Ints], *values: Ints | int) -> Ints:
    """A function of integers, `UNKNOWN` where one of them is.

    >>> known(np.add, np.array([1, UNKNOWN]), 10).tolist() == [11, UNKNOWN]
    True
    """
    arrays = np.broadcast_arrays(*values)
    lost = np.any([array == UNKNOWN for array in arrays], axis=0)
    return np.where(lost, UNKNOWN, function(*(np.where(lost, 0, array) for array in arrays)))


def split(values: Ints, by: Ints) -> tuple[Ints, Ints]:
    """Quotient and rest, unknown where one of the two is, or the divisor is no divisor."""
    divisor = np.where(by <= 0, UNKNOWN, by)
    quotient = known(lambda value, one: value // np.maximum(one, 1), values, divisor)
    return quotient, known(lambda value, one: value % np.maximum(one, 1), values, divisor)


def pick(values: Ints, at: Ints) -> Ints:
    """Values at some edges, `UNKNOWN` where the edge's number is negative."""
    found: Ints = np.where(at < 0, UNKNOWN, values[np.maximum(at, 0)])
    return found


def lanes(
    wave: Wave,
    name: str,
    at: Ints,
    count: int,
    bits: int,
    frac: str = "",
    first: int = 0,
    stride: int = 0,
) -> Value:
    """A column with the lanes of a word at some edges.

    They have `bits` each, from bit `first` on, one every `stride` bits: side by side without.
    """
    lows = [first + number * (stride or bits) for number in range(count)]

    def read(chosen: Ints) -> list[Row]:
        columns = [wave.slices(name, at[chosen], low, bits) for low in lows]
        return [list(row) for row in zip(*columns, strict=True)]

    return Value(read, frac)


def one(wave: Wave, name: str, at: Ints, frac: str = "", low: int = 0, bits: int = 0) -> Value:
    """A column with one signed number, part of a signal or all of it."""

    def read(chosen: Ints) -> list[Row]:
        return [*wave.slices(name, at[chosen], low, bits or wave.width(name))]

    return Value(read, frac)
