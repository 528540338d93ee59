"""The live table of ``make sim``."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tb.flows.sim.report import LayerReport, utilisation

COLUMNS = ("layer", "output", "jobs", "MMAC", "cycles", "used", "compared", "wrong", "CPU s")
STALLS = ("input", "weights", "drain", "other")
CAUSES = ("compute", *STALLS)


def layer_table(
    title: str,
    rows: list[tuple[str, int, int, LayerReport | None]],
    array: tuple[int, int],
) -> Table:
    """The table so far; ``used`` is the utilisation, ``wrong`` the mismatches.

    Parameters
    ----------
    title : str
    rows : list of (output shape, jobs done, jobs, figures or None)
        One a layer; None where nothing has run yet, no jobs where it runs inside another's.
    array : tuple of int
        ``(P_IC, P_OC)``.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 0, 0, 0)
    _add_columns(table, COLUMNS)
    for shape, done, count, layer in rows:
        if layer is None:
            continue
        inside = not count
        share = utilisation(layer.macs, layer.cycles, array)
        style = "red" if layer.mismatches else ""
        table.add_row(
            layer.name,
            shape,
            "" if inside else str(count) if done == count else f"{done}/{count}",
            "" if inside else f"{layer.macs / 1e6:.1f}",
            "" if inside else f"{layer.cycles:,}",
            "" if share is None else f"{share:.1%}",
            f"{layer.values_compared:,}",
            f"{layer.mismatches:,}",
            "" if inside else f"{layer.sim_cpu_seconds:.2f}",
            style=style,
        )
    return table


def _add_columns(table: Table, names: Sequence[str]) -> None:
    """Figures whole and to the right; where there is no room for it a layer's name is folded."""
    for name in names:
        if name == "layer":
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)


def cycles_table(layers: Sequence[LayerReport], array: tuple[int, int]) -> Table:
    """Where the cycles of each layer and of all went, in shares of them."""
    table = Table(title="where the cycles go", title_justify="left", box=box.SIMPLE_HEAD)
    table.padding = (0, 0, 0, 0)
    _add_columns(table, ("layer", "cycles", "used", *CAUSES))
    for layer in layers:
        table.add_row(layer.name, *_shares([layer], array))
    if len(layers) > 1:
        table.add_section()
        table.add_row("all", *_shares(layers, array), style="bold")
    return table


def _shares(layers: Sequence[LayerReport], array: tuple[int, int]) -> list[str]:
    cycles = sum(layer.cycles for layer in layers)
    used = utilisation(sum(layer.macs for layer in layers), cycles, array)
    spent = (
        sum(layer.mac_cycles for layer in layers),
        *(sum(getattr(layer.stalls, cause) for layer in layers) for cause in STALLS),
    )
    return [f"{cycles:,}", f"{used or 0:.1%}", *(f"{part / cycles:.1%}" for part in spent)]
