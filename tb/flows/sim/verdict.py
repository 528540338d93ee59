"""The last lines of ``make sim``: what came out, and how fast it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from rich.console import Console

from tb.choices import parse_clock
from tb.duts.conv_pe.frame_record import frame_folder
from tb.flows.sim.report import Report
from tb.flows.sim.run_state import RunState

GPU: Final = "the source measured 20 to 25 ms an image on a GPU of the class of a 2070 Ti"
MEASURED: Final = ("yolov3-tiny", 416)
"""Network and size that this is of."""
FRAMES_SHOWN: Final = 20


def show_verdict(final: Report, run: RunState, base: Path, console: Console) -> None:
    """Print what came out of a run."""
    total, failure = final.total, final.first_failure
    where = shown(base / final.run / "report.json")
    _drawings(final, run, base, console)
    if run.prepared is not None and run.prepared.built.note:
        _line(run.prepared.built.note, console)
    if failure is not None:
        console.print(
            f"[bold red]FAILED[/]  {failure.kind}: ", end="", highlight=False, soft_wrap=True
        )
        _line(f"{failure.message}  ({where})", console)
        if run.diagnosis is not None:
            for text in run.diagnosis.lines():
                _line(text, console)
        if failure.replay:
            _line(f"replay: {failure.replay}", console)
        return
    if final.scope == "frame":
        _line(latency(final, run), console)
    zeros = sum(layer.macs_on_zero_weights for layer in final.layers)
    on_zeros = f" ({zeros / 1e6:.1f} of them on embedded zeros)" if zeros else ""
    frames = f"{len(final.frames)} frames, " if final.frames and run.options.images else ""
    plural = "s" if len(final.layers) > 1 else ""
    console.print(
        f"[bold green]PASSED[/]  {frames}{len(final.layers)} layer{plural}, "
        f"{total.macs / 1e6:,.1f} MMAC{on_zeros}, "
        f"{total.values_compared:,} values compared, 0 mismatches, "
        f"{(total.macs_per_second or 0.0) / 1e6:.3g} million MAC/s, "
        f"{total.wall_seconds:.0f} s  ({where})",
        highlight=False,
        soft_wrap=True,
    )
    if run.diagnosis is not None:
        for text in run.diagnosis.lines():
            _line(text, console)


def latency(final: Report, run: RunState) -> str:
    """How long a frame takes at the clock asked for, beside a measured GPU."""
    frames = max(len(run.frames), 1)
    cycles = final.total.cycles / frames
    seconds = cycles / parse_clock(run.options.clock)
    return (
        f"{cycles:,.0f} cycles a frame, {seconds * 1e3:.1f} ms or {1 / seconds:.1f} frames/s "
        f"at {run.options.clock}, {final.total.utilisation or 0.0:.1%} of the multipliers used"
        + (f"; {GPU}" if (run.options.net, run.options.size) == MEASURED else "")
    )


def _drawings(final: Report, run: RunState, base: Path, console: Console) -> None:
    """Say what was found, and put the last drawing where the next run's will be."""
    for frame in run.frames if run.decodes_output else ():
        if frame.text and len(run.frames) <= FRAMES_SHOWN:
            _line(f"{Path(frame.report.image).name}: {frame.text}", console)
    drawing = run.options.network.drawing
    last = frame_folder(base / final.run, len(run.finished) - 1) / drawing
    if run.finished and last.is_file():
        shutil.copy(last, base / drawing)
        _line(f"drawn in {shown(base / drawing)}", console)
    if run.options.images is not None and run.finished:
        seconds = sum(frame.report.seconds for frame in run.finished)
        _line(
            f"{len(run.finished)} frames in {seconds:.1f} s of simulation, "
            f"{len(run.finished) / seconds:.3f} frames/s",
            console,
        )


def shown(path: Path) -> str:
    """A path as the user would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def one_line(error: BaseException) -> str:
    """An error's text on one line, with the file where it names one."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{shown(Path(str(error.filename)))}: {error.strerror}"
    return " ".join(str(error).split())


def _line(text: str, console: Console) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
