"""Lays waves out for GTKWave: a save file with the signals in groups along the data flow."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from pathlib import Path
from typing import IO, Final

from vcd.gtkw import GTKWColor, GTKWFlag, GTKWSave

from golden.config import PEConfig
from golden.files import whole_file
from tb.debug.gtkwave.signals import DUT, Group, groups
from tb.debug.gtkwave.translate import write_tables
from tb.duts.conv_pe.pipeline_steps import Step
from tb.toolchain import build
from tb.toolchain.waves import TICKS_A_CYCLE

HEADERS_MISSING: Final = "no FST headers: waves in VCD, far larger"
TRANSLATE: Final = "translate"
"""Folder with the names of states and codes."""
VISIBLE: Final = 30
"""Cycles that are visible at first, the marker in their middle."""
SIZE: Final = (1600, 900)
"""Of GTKWave's window, pixels."""
NAMES_WIDTH: Final = 420
"""Of its column of names, pixels."""
BESIDE: Final = 230
"""Of what else stands next to the waves, pixels."""
GUILTY: Final = GTKWColor.orange
_ZOOM_PIXELS: Final = 200
"""GTKWave's zoom is minus the base-2 logarithm of the time units on so many pixels."""
_OPEN_GROUPS: Final = ("clock", "output stream")
"""Open whatever is guilty: the markers are read there."""


def suffix(simulator: str) -> str:
    """Return the ending of the wave file: ``fst``, or ``vcd`` where FST cannot be written.

    Icarus brings its own FST writer; Verilator compiles one from system headers.
    """
    return "fst" if simulator == "icarus" or build.fst_headers() else "vcd"


def write_layout(
    layout: Path,
    wave: Path,
    config: PEConfig,
    *,
    lane: int = 0,
    marker_cycle: int | None = None,
    out_cycle: int | None = None,
    fracs: Mapping[str, int] | None = None,
    step: Step | None = None,
) -> None:
    """Write GTKWave's save file for a wave file, and its translate files next to it.

    GTKWave finds all of them, however the folder is named later, as long as they stay
    together.

    Parameters
    ----------
    layout : Path
        The translate files stand in `TRANSLATE` next to it.
    lane : int
        Lane of the array and of the output stages to show.
    marker_cycle : int, optional
        Where the marker stands, and what is visible at first.
    out_cycle : int, optional
        When the value left the PE: marker A.
    fracs : mapping of str to int, optional
        Fraction bits of ``input``, ``weight``, ``sum`` and ``output``: such signals are
        shown as real numbers. Integers without.
    step : Step, optional
        The groups of this step are open and in colour, the clock's and the output's open,
        the others closed. All are open without.
    """
    shown = groups(config, lane)
    names = {trace.names for group in shown for trace in group.traces if trace.names}
    tables = write_tables(layout.parent / TRANSLATE, names)
    with whole_file(layout) as scratch, scratch.open("w", encoding="utf-8") as file:
        save = GTKWSave(file)
        save.dumpfile(str(wave))
        save.savefile(str(layout))
        _view(file, save, marker_cycle, out_cycle)
        for group in shown:
            guilty = step in group.steps
            closed = step is not None and not guilty and group.title not in _OPEN_GROUPS
            with save.group(group.title, closed=closed):
                _write_group(file, save, group, guilty, tables, fracs or {})


def _view(file: IO[str], save: GTKWSave, marker: int | None, out: int | None) -> None:
    """Window, zoom and markers."""
    save.size(*SIZE)
    save.sst_expanded(False)
    save.signals_width(NAMES_WIDTH)
    save.treeopen(f"{DUT}.")
    shown_cycle = marker if marker is not None else out
    if shown_cycle is None:
        return
    ticks = VISIBLE * TICKS_A_CYCLE / (SIZE[0] - NAMES_WIDTH)
    middle = shown_cycle * TICKS_A_CYCLE  # shows what the clock edge of that cycle samples
    save.timestart(max(0, middle - VISIBLE // 2 * TICKS_A_CYCLE))
    leaves = -1 if out is None else out * TICKS_A_CYCLE
    zoom = -log2(ticks * _ZOOM_PIXELS)
    print(f"*{zoom:.6f} {middle} {leaves}", file=file)  # pyvcd's types refuse a marker A
    if out is not None:
        print("[markername] Aleaves", file=file)


def _write_group(
    file: IO[str],
    save: GTKWSave,
    group: Group,
    guilty: bool,
    tables: Mapping[str, Path],
    fracs: Mapping[str, int],
) -> None:
    for trace in group.traces:
        flags = GTKWFlag(0)
        if trace.scale is not None and trace.scale in fracs:
            flags = GTKWFlag.fpdecshift
            print(f"[fpshift_count] {fracs[trace.scale]}", file=file)  # pyvcd has no word for it
        save.trace(
            trace.label,
            color=GUILTY if guilty else None,
            datafmt=trace.format,
            extraflags=flags,
            translate_filter_file=str(tables[trace.names].absolute()) if trace.names else None,
        )
