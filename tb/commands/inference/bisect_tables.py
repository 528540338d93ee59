"""Tables of ``convpe bisect``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from golden.study.dumps.bisection import Difference, LayerVerdict, Verdict
from golden.study.dumps.comparison import LayerEquality
from tb.console import plain_table

PLACE = ("values", "wrong", "share", "(c, y, x)", "expected", "actual")


def verdict_table(title: str, layers: Sequence[LayerVerdict]) -> Table:
    """A layer a row, with its verdict."""
    table = plain_table(title, "layer", *PLACE, "verdict")
    table.columns[-1].justify = "left"
    for layer in layers:
        words = layer.verdict.value
        if layer.through:
            words += f", or {', '.join(layer.through)}'s"
        if layer.note:
            words = layer.note if layer.verdict is Verdict.ABSENT else f"{words}: {layer.note}"
        table.add_row(layer.name, *_cells(layer.values, layer.wrong, layer.first), words)
    return table


def equality_table(title: str, layers: Sequence[LayerEquality]) -> Table:
    """A layer a row: how much of it differs, and where it begins to."""
    table = plain_table(title, "layer", *PLACE)
    for layer in layers:
        table.add_row(layer.name, *_cells(layer.values, layer.wrong, layer.first))
    return table


def _cells(values: int, wrong: int, first: Difference | None) -> tuple[str, ...]:
    count = f"{values:,}" if values else ""
    if not wrong:
        return (count, "0" if values else "", "", "", "", "")
    share = f"{wrong / values:.2%}"
    if first is None:
        return (count, f"{wrong:,}", share, "", "", "")
    place = f"({first.channel}, {first.row}, {first.column})"
    return (count, f"{wrong:,}", share, place, _number(first.expected), _number(first.actual))


def _number(value: int | float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
