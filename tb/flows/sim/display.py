"""What ``make sim`` shows: the live table, where the cycles go, and the last lines."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from tb.choices import parse_clock
from tb.console import TitledTable, echo, last_lines, shown
from tb.duts.conv_pe.frame_record import frame_folder
from tb.flows.sim.report import LayerReport, Report, utilisation
from tb.flows.sim.run_state import RunState

COLUMNS: Final = ("layer", "output", "jobs", "MMAC", "cycles", "used", "compared", "wrong", "CPU s")
STALLS: Final = ("input", "weights", "drain", "other")
GPU: Final = "the source measured 20 to 25 ms an image on a GPU of the class of a 2070 Ti"
MEASURED: Final = ("yolov3-tiny", 416)
"""Network and size that this is of."""
FRAMES_SHOWN: Final = 20


def live_table(run: RunState) -> Table:
    """The layers so far; ``used`` is the utilisation, ``wrong`` the mismatches."""
    assert run.prepared is not None and run.simulator is not None
    config, network = run.prepared.config, run.prepared.network
    title = (
        f"{run.options.network.title}, {config.array} PE, "
        f"{run.simulator.name} {run.simulator.version}, {config.mode.value}, {run.options.format}"
    )
    if run.prepared.quantized.numerics:
        title += f", {run.prepared.quantized.numerics}"
    if run.options.images is not None:
        title += f"\n{run.where()}"
    shapes = network.shapes()
    table = _table(title, COLUMNS)
    for entry in run.progress():
        layer, jobs = entry.report, entry.jobs
        if not layer.values_compared and not entry.done:
            continue
        share = utilisation(layer.macs, layer.cycles, run.array)
        cells = [
            str(jobs) if entry.done == jobs else f"{entry.done}/{jobs}",
            f"{layer.macs / 1e6:.1f}",
            f"{layer.cycles:,}",
            "" if share is None else f"{share:.1%}",
            f"{layer.values_compared:,}",
            f"{layer.mismatches:,}",
            f"{layer.sim_cpu_seconds:.2f}",
        ]
        if not jobs:  # another layer's jobs make it
            cells = ["" if number in (0, 1, 2, 6) else cell for number, cell in enumerate(cells)]
        shape = "x".join(map(str, shapes.get(layer.name, ())))
        table.add_row(layer.name, shape, *cells, style="red" if layer.mismatches else "")
    return table


def cycles_table(layers: Sequence[LayerReport], array: tuple[int, int]) -> Table:
    """Where the cycles of each layer and of all went, in shares of them."""
    table = _table("where the cycles go", ("layer", "cycles", "used", "compute", *STALLS), "")
    for layer in layers:
        table.add_row(layer.name, *_shares([layer], array))
    if len(layers) > 1:
        table.add_section()
        table.add_row("all", *_shares(layers, array), style="bold")
    return table


def _table(title: str, columns: Sequence[str], title_style: str = "bold") -> Table:
    """Figures whole and to the right; where there is no room for it a layer's name is folded."""
    table = TitledTable(
        title=title, title_justify="left", title_style=title_style, box=box.SIMPLE_HEAD
    )
    table.padding = (0, 0, 0, 0)
    table.add_column(columns[0], overflow="fold")
    for name in columns[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _shares(layers: Sequence[LayerReport], array: tuple[int, int]) -> list[str]:
    cycles = sum(layer.cycles for layer in layers)
    used = utilisation(sum(layer.macs for layer in layers), cycles, array)
    spent = (
        sum(layer.mac_cycles for layer in layers),
        *(sum(getattr(layer.stalls, cause) for layer in layers) for cause in STALLS),
    )
    return [f"{cycles:,}", f"{used or 0:.1%}", *(f"{part / cycles:.1%}" for part in spent)]


def show_verdict(final: Report, run: RunState, base: Path, console: Console) -> None:
    """Print what came out of a run."""
    total, failure = final.total, final.first_failure
    where = shown(base / final.run / "report.json")
    _show_outputs(final, run, base, console)
    if run.prepared is not None and run.prepared.quantized.note:
        echo(console, run.prepared.quantized.note)
    if run.unreadable:
        count = f"{len(run.unreadable)} of {len(run.unreadable) + len(run.pictures)}"
        names = ", ".join(run.unreadable)
        echo(console, f"skipped {count} pictures, which cannot be read: {names}")
    if failure is None:
        if final.scope == "frame":
            echo(console, latency(final, run))
        zeros = sum(layer.macs_on_zero_weights for layer in final.layers)
        on_zeros = f" ({zeros / 1e6:.1f} of them on embedded zeros)" if zeros else ""
        frames = f"{len(final.frames)} frames, " if final.frames and run.options.images else ""
        plural = "s" if len(final.layers) > 1 else ""
        console.print("PASSED  ", style="bold green", end="")
        echo(
            console,
            f"{frames}{len(final.layers)} layer{plural}, {total.macs / 1e6:,.1f} MMAC{on_zeros}, "
            f"{total.values_compared:,} values compared, 0 mismatches, "
            f"{(total.macs_per_second or 0.0) / 1e6:.3g} million MAC/s, "
            f"{total.wall_seconds:.0f} s  ({where})",
        )
    for text in () if run.diagnosis is None else run.diagnosis.lines():
        echo(console, text)
    if failure is not None:
        guilty = "" if run.diagnosis is None else run.diagnosis.guilty
        message = f"{failure.kind}: {failure.message}  ({where})"
        last_lines(console, message, guilty, failure.replay or "")


def latency(final: Report, run: RunState) -> str:
    """How long a frame takes at the clock asked for, and how long on a measured GPU."""
    cycles = final.total.cycles / max(len(run.frames), 1)
    seconds = cycles / parse_clock(run.options.clock)
    return (
        f"{cycles:,.0f} cycles a frame, {seconds * 1e3:.1f} ms or {1 / seconds:.1f} frames/s "
        f"at {run.options.clock}, {final.total.utilisation or 0.0:.1%} of the multipliers used"
        + (f"; {GPU}" if (run.options.net, run.options.size) == MEASURED else "")
    )


def _show_outputs(final: Report, run: RunState, base: Path, console: Console) -> None:
    """Print the decoded outputs, and put the last drawing where the next run's will be."""
    for frame in run.frames if run.decodes_output else ():
        if frame.text and len(run.frames) <= FRAMES_SHOWN:
            echo(console, f"{Path(frame.report.image).name}: {frame.text}")
    drawing = run.options.network.drawing
    last = frame_folder(base / final.run, len(run.finished) - 1) / drawing
    if run.finished and last.is_file():
        shutil.copy(last, base / drawing)
        echo(console, f"drawn in {shown(base / drawing)}")
    if run.options.images is not None and run.finished:
        seconds = sum(frame.report.seconds for frame in run.finished)
        echo(
            console,
            f"{len(run.finished)} frames in {seconds:.1f} s of simulation, "
            f"{len(run.finished) / seconds:.3f} frames/s",
        )
