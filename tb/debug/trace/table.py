"""Transactions as a table that a log can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table

from tb.console import plain_table
from tb.debug.trace.expected import differs
from tb.debug.trace.transactions import Row, Transactions

UNKNOWN_CELL: Final = "?"
DIFFERS: Final = " <-"


def transaction_table(
    title: str, found: Transactions, rows: Sequence[Mapping[str, Row]], fracs: Mapping[str, int]
) -> Table:
    """A transaction a row.

    Parameters
    ----------
    title : str
    found : Transactions
    rows : sequence of mapping
    fracs : mapping of str to int
        Fraction bits by kind of value: these are shown as real numbers.
    """
    table = plain_table(title, *rows[0]) if rows else plain_table(title, "cycle")
    for row in rows:
        texts = {name: _text(name, cell, found, fracs) for name, cell in row.items()}
        if differs(row):
            texts["golden"] += DIFFERS
        table.add_row(*texts.values())
    return table


def _text(name: str, cell: Row, found: Transactions, fracs: Mapping[str, int]) -> str:
    kind = found.values[name].frac if name in found.values else ""
    if isinstance(cell, list):
        return " ".join(_number(each, fracs.get(kind)) for each in cell)
    return _number(cell, fracs.get(kind))


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
