"""The live table of ``make sim``."""

from __future__ import annotations

from rich import box
from rich.table import Table

from tb.report import LayerReport, utilisation

COLUMNS = ("layer", "output", "jobs", "MMAC", "cycles", "used", "compared", "wrong", "CPU s")


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
        One a layer; None where nothing has run yet.
    array : tuple of int
        ``(P_IC, P_OC)``.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "layer" else "right", no_wrap=True)
    for shape, done, count, layer in rows:
        if layer is None:
            continue
        share = utilisation(layer.macs, layer.cycles, array)
        style = "red" if layer.mismatches else ""
        table.add_row(
            layer.name,
            shape,
            f"{done}/{count}",
            f"{layer.macs / 1e6:.1f}",
            f"{layer.cycles:,}",
            "" if share is None else f"{share:.1%}",
            f"{layer.values_compared:,}",
            f"{layer.mismatches:,}",
            f"{layer.sim_cpu_seconds:.2f}",
            style=style,
        )
    return table
