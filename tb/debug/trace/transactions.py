"""One stage's transactions: when, of which job, where in the tensors, and which values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints, Wave

Row = Cell | list[Cell]
"""A cell of a table: one value, or one for each lane."""


@dataclass(frozen=True, slots=True)
class Value:
    """A column that is read where it is wanted alone.

    Parameters
    ----------
    read : callable
        From numbers of transactions to a cell each.
    frac : str
        Whose fraction bits it has: ``input``, ``weight``, ``sum``, ``output``; or none.
    """

    read: Callable[[Ints], list[Row]]
    frac: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Transactions:
    """What one stage did.

    Parameters
    ----------
    stage : str
    cycle : ndarray of int64, (n,)
    job : ndarray of int64, (n,)
        Number since reset, `UNKNOWN` where the wave begins too late to tell.
    places : dict of str to ndarray of int64, (n,)
        Coordinates and counters, `UNKNOWN` likewise.
    values : dict of str to Value
    """

    stage: str
    cycle: Ints
    job: Ints
    places: Mapping[str, Ints]
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


def plus(values: Ints, offset: Ints | int) -> Ints:
    """A sum in which what is unknown stays so.

    >>> plus(np.array([1, UNKNOWN]), 10).tolist() == [11, UNKNOWN]
    True
    """
    other = np.broadcast_to(np.asarray(offset, np.int64), values.shape)
    lost = (values == UNKNOWN) | (other == UNKNOWN)
    return np.where(lost, UNKNOWN, np.where(lost, 0, values) + np.where(lost, 0, other))


def times(values: Ints, factor: Ints | int) -> Ints:
    """A product in which what is unknown stays so."""
    other = np.broadcast_to(np.asarray(factor, np.int64), values.shape)
    lost = (values == UNKNOWN) | (other == UNKNOWN)
    return np.where(lost, UNKNOWN, np.where(lost, 0, values) * np.where(lost, 0, other))


def split(values: Ints, by: Ints) -> tuple[Ints, Ints]:
    """Quotient and rest, unknown where one of the two is, or the divisor is no divisor."""
    lost = (values == UNKNOWN) | (by == UNKNOWN) | (by <= 0)
    quotient, rest = np.divmod(np.where(lost, 0, values), np.where(lost, 1, by))
    return np.where(lost, UNKNOWN, quotient), np.where(lost, UNKNOWN, rest)


def pick(values: Ints, at: Ints) -> Ints:
    """Values at some edges, `UNKNOWN` where the edge's number is negative."""
    found: Ints = np.where(at < 0, UNKNOWN, values[np.maximum(at, 0)])
    return found


def lanes(wave: Wave, name: str, at: Ints, count: int, bits: int, frac: str = "") -> Value:
    """A column with the lanes of a word, of `bits` each, at some edges."""

    def read(chosen: Ints) -> list[Row]:
        columns = [wave.slices(name, at[chosen], n * bits, bits) for n in range(count)]
        return [list(row) for row in zip(*columns, strict=True)]

    return Value(read, frac)


def one(wave: Wave, name: str, at: Ints, frac: str = "", low: int = 0, bits: int = 0) -> Value:
    """A column with one signed number, part of a signal or all of it."""

    def read(chosen: Ints) -> list[Row]:
        return [*wave.slices(name, at[chosen], low, bits or wave.width(name))]

    return Value(read, frac)
