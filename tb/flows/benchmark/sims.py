"""Frames and tiles through ``make sim``, timed by what its reports say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from tb.console import EXIT_INTERRUPTED
from tb.flows.benchmark.record import MeasureError, SimRun, Timing
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions

WIDTH = 120
"""Columns of what a run says in its log."""


def time_sim(options: SimOptions, folder: Path) -> SimRun:
    """Simulate as ``make sim`` does and take the figures of its report.

    Parameters
    ----------
    options : SimOptions
    folder : Path
        Takes the run, its report, and what it says, in ``sim.log``.

    Raises
    ------
    MeasureError
        The run is red: then it is not timed.
    KeyboardInterrupt
        The run was interrupted.
    """
    folder.mkdir(parents=True)
    with (folder / "sim.log").open("w", encoding="utf-8") as log:
        code = simulate(options, Console(file=log, width=WIDTH), folder)
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    report = json.loads((folder / "report.json").read_text())
    if code or not report["passed"]:
        failure = report["failure"]
        raise MeasureError(
            f"{failure['kind']}: {failure['message']}; repeat it with: {report['command']}"
        )
    return _figures(report, options)


def _figures(report: dict[str, Any], options: SimOptions) -> SimRun:
    """The run that a green report tells of."""
    total = report["total"]
    timing = Timing(
        layers=sum(layer["values_compared"] > 0 for layer in report["layers"]),
        macs=total["macs"],
        cycles=total["cycles"],
        cpu_seconds=total["sim_cpu_seconds"],
        wall_seconds=total["sim_seconds"],
    )
    lanes = report["array"][0], report["array"][1]
    return SimRun(report["simulator"], lanes, report["mode"], options.size, timing)
