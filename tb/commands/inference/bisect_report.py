"""Verdicts on layers: of those that the RTL ran, and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from golden.study.dumps.bisection import Difference, LayerVerdict, Verdict, fed_verdicts
from golden.study.dumps.comparison import LayerEquality
from tb.console import plain_table

if TYPE_CHECKING:
    from tb.flows.sim.isolated_layers import RtlLayers

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


def verdicts(run: RtlLayers) -> list[LayerVerdict]:
    """Tell right from wrong for every layer that was run, in data-flow order.

    Whole tensors are compared as such. Of a layer that was sampled, or of which a job has
    made no whole output, what the jobs' comparisons have found counts.
    """
    whole = {
        layer.name: layer for layer in fed_verdicts(run.network, run.actual, run.golden, run.makers)
    }
    return [whole[name] if name in whole else _counted(run, name) for name in run.made]


def _counted(run: RtlLayers, name: str) -> LayerVerdict:
    """A layer by what was counted in its jobs."""
    kind = run.network.node(name).kind
    values, wrong = run.compared(name)
    failures = [failure for _, failure in run.failures(name)]
    mine = next((failure for failure in failures if failure.layer == name), None)
    before = run.makers.get(name)
    first_of_all = mine or (failures[0] if failures else None)
    note = ""
    if first_of_all is not None and (first_of_all.kind != "mismatch" or not wrong):
        note = first_of_all.message.removeprefix(f"{name}: ")
    if before is not None and failures and run.failures(before):
        text = f"its jobs have failed with {before}"
        return LayerVerdict(name, kind, Verdict.CANNOT_SAY, values, wrong, note=text)
    if not failures:
        if not values:
            return LayerVerdict(name, kind, Verdict.ABSENT, note="its jobs did not end")
        return LayerVerdict(name, kind, Verdict.RIGHT, values)
    first = None
    if mine is not None and mine.channel is not None and mine.actual is not None:
        assert mine.row is not None and mine.column is not None and mine.expected is not None
        first = Difference(mine.channel, mine.row, mine.column, mine.expected, mine.actual)
    return LayerVerdict(name, kind, Verdict.OWN_FAULT, values, wrong, first, note=note)
