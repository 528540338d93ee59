"""Which of a stage's transactions are shown, as a table that a log can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from rich.table import Table

from golden.config import ConfigError
from tb.console import plain_table
from tb.debug.trace.traced_job import differs
from tb.debug.trace.transactions import Row, Transactions
from tb.debug.trace.wave_file import Flags, Ints

COUNT: Final = 20
"""Transactions shown unless asked otherwise."""
UNKNOWN_CELL: Final = "?"
DIFFERS: Final = " <-"


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a stage's transactions.

    Raises
    ------
    ConfigError
        Choices that contradict each other.
    """

    first: int | None = None
    last: int | None = None
    """Cycles."""
    around: int | None = None
    """Cycle that the shown ones lie next to."""
    count: int = COUNT
    """At most so many; 0 for all."""
    channel: int | None = None
    row: int | None = None
    column: int | None = None
    """Output value that they belong to."""

    def __post_init__(self) -> None:
        if self.around is not None and (self.first is not None or self.last is not None):
            raise ConfigError("give --around, or --first and --last, not both")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ConfigError(f"--first {self.first} is behind --last {self.last}")

    def matching(self, found: Transactions, lanes: int) -> Ints:
        """Numbers of all transactions asked for; each covers `lanes` channels from its own on."""
        cycle = found.cycle
        wanted: Flags = np.ones(len(found), np.bool_)
        if self.first is not None:
            wanted &= cycle >= self.first
        if self.last is not None:
            wanted &= cycle <= self.last
        for name, value in (("row", self.row), ("column", self.column)):
            if value is not None:
                wanted &= self._place(found, name) == value
        if self.channel is not None:
            channel = self._place(found, "channel")
            wanted &= (channel <= self.channel) & (self.channel < channel + lanes)
        chosen: Ints = np.flatnonzero(wanted)
        return chosen

    def _place(self, found: Transactions, name: str) -> Ints:
        if name not in found.places:
            raise ConfigError(f"--{name}: transactions of {found.stage} have none")
        return found.places[name]

    def shown(self, found: Transactions, matching: Ints) -> Ints:
        """Those of the matching ones that fit in the table: the first, or the nearest."""
        if not self.count or len(matching) <= self.count:
            return matching
        if self.around is None:
            return matching[: self.count]
        middle = int(np.searchsorted(found.cycle[matching], self.around))
        begin = min(max(middle - self.count // 2, 0), len(matching) - self.count)
        return matching[begin : begin + self.count]


def transaction_table(
    title: str, found: Transactions, rows: Sequence[Mapping[str, Row]], fracs: Mapping[str, int]
) -> Table:
    """A transaction a row; kinds of value that have fraction bits are shown as real numbers."""
    table = plain_table(title, *rows[0]) if rows else plain_table(title, "cycle")
    kinds = {name: fracs.get(value.frac) for name, value in found.values.items()}
    for row in rows:
        texts = {}
        for name, cell in row.items():
            cells = cell if isinstance(cell, list) else [cell]
            texts[name] = " ".join(_number(each, kinds.get(name)) for each in cells)
        if differs(row):
            texts["golden"] += DIFFERS
        table.add_row(*texts.values())
    return table


def _number(cell: Row, frac: int | None) -> str:
    if cell is None:
        return UNKNOWN_CELL
    if isinstance(cell, int) and frac is not None:
        return f"{cell / 2**frac:.6g}"
    return str(cell)


def stage_table(title: str, stages: Sequence[tuple[str, str, Transactions]]) -> Table:
    """A stage a row: how many transactions, from when to when."""
    table = plain_table(title, "stage", "transactions", "first cycle", "last cycle", "one is")
    for name, about, found in stages:
        ends = (str(found.cycle[0]), str(found.cycle[-1])) if len(found) else ("", "")
        table.add_row(name, f"{len(found):,}", *ends, about)
    table.columns[-1].justify = "left"
    return table
