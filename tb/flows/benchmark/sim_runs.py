"""The simulations that ``make bench`` times, their designs, the time of one ``make sim``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import prod
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from rich.console import Console

from golden.config import NumberFormat, ProductMode
from golden.graph.image_size import in_words, sides
from tb.choices import parse_array
from tb.console import EXIT_INTERRUPTED
from tb.flows.benchmark.python_driven.jobs import TOP as PORT_TOP
from tb.flows.benchmark.record import MeasureError, SimRun, Timing
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import prepare
from tb.toolchain import build
from tb.toolchain.simulators import find_simulator

FRAME_ARRAYS: Final = ("8x8", "16x16", "32x32")
TILE_ARRAYS: Final = ("4x4", "8x8")
SIZES: Final = (128, 224, 416)
SCALING_ARRAY: Final = "16x16"
"""Array on which time is taken against the image's size."""
TILES: Final = 1
"""Tiles of each layer, where beats are slow: in Icarus and from Python."""
LOG_WIDTH: Final = 120
"""Columns of what a run prints into its log."""
DESIGNS_AT_ONCE: Final = 4
"""Designs compiled at once: each may take a gigabyte."""


class Way(Enum):
    """How a simulation is run."""

    FRAME = "frame"
    ICARUS = "tiles under icarus"
    PYTHON = "tiles under verilator, beats from Python"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One simulation to be timed."""

    way: Way
    options: SimOptions
    listed: bool = True
    """Whether it is one of the runs, or only a point of the scaling."""
    scaling: bool = False
    """Whether it is a point of the scaling."""

    @property
    def title(self) -> str:
        """The measurement in words, for the lines that are shown."""
        options = self.options
        under = " under verilator" if self.way is Way.FRAME else ""
        size = f"{in_words(options.size)} " if self.way is Way.FRAME else ""
        return f"{size}{self.way.value}{under}, {options.lanes}, {options.mode}"

    @property
    def name(self) -> str:
        """Name of its folder."""
        options = self.options
        return f"{self.way.name.lower()}-{options.lanes}-{options.mode}-{options.size}"


def measurements(verilator: str = "") -> list[Measurement]:
    """Everything that is simulated: frames of each array and mode, sizes, tiles."""
    frames = [
        Measurement(
            Way.FRAME,
            SimOptions(array=array, mode=mode.value, format=_format(mode), verilator=verilator),
            scaling=array == SCALING_ARRAY and mode is ProductMode.FULL,
        )
        for array in FRAME_ARRAYS
        for mode in ProductMode
    ]
    default = SimOptions().size
    smaller = [
        Measurement(
            Way.FRAME,
            SimOptions(array=SCALING_ARRAY, size=size, verilator=verilator),
            listed=False,
            scaling=True,
        )
        for size in SIZES
        if size != default
    ]
    tiles = [
        Measurement(way, SimOptions(sim="icarus", array=array, tiles=TILES, verilator=verilator))
        for way in (Way.ICARUS, Way.PYTHON)
        for array in TILE_ARRAYS
    ]
    return [*frames, *smaller, *tiles]


def _format(mode: ProductMode) -> str:
    """The default number format, or the one that a mode needs."""
    format_ = NumberFormat.PER_LAYER if mode is ProductMode.FULL else NumberFormat.Q7_8
    return str(format_.value)


Design = tuple[SimOptions, str, str]
"""What it is built for, the simulator, and the simulation top."""


def designs(planned: Sequence[Measurement]) -> list[Design]:
    """The designs that the measurements need, the largest first, each once."""
    found: dict[tuple[str, str, str, str], Design] = {}
    for entry in planned:
        options = entry.options
        simulator, top = options.sim, build.TOP
        if entry.way is Way.PYTHON:
            simulator, top = "verilator", PORT_TOP
        found.setdefault((options.lanes, options.mode, simulator, top), (options, simulator, top))
    return sorted(found.values(), key=lambda design: -prod(parse_array(design[0].lanes)))


def compile_all(wanted: Sequence[Design], print_line: Callable[[str], None]) -> None:
    """Compile the designs that the cache lacks, as many at once as there are cores.

    The compiler spends most of its time on one large file, so that one design alone leaves
    cores idle; and a compilation during a simulation would disturb it. An
    interruption ends the compilers at once.

    Raises
    ------
    ToolError
        A compiler is missing or failed.
    """
    workers = min(os.cpu_count() or 1, DESIGNS_AT_ONCE)
    # The interruption of a terminal reaches all processes; one of them answers it.
    ignore = signal.SIGINT, signal.SIG_IGN
    with get_context("spawn").Pool(workers, signal.signal, ignore) as pool:
        for done, _ in enumerate(pool.imap_unordered(compile_one, wanted), start=1):
            print_line(f"compiling the designs: {done} of {len(wanted)}")


def compile_one(design: Design) -> None:
    """Compile one design, as its measurement will ask for it."""
    options, name, top = design
    config = prepare(options, lambda text: None).config
    build.build(find_simulator(name, options.verilator), config, top=top)


def time_sim(options: SimOptions, folder: Path) -> SimRun:
    """Simulate in a folder as ``make sim`` does, and take its report's figures; see ``sim.log``.

    Raises
    ------
    MeasureError
        The run is red: then it is not timed.
    KeyboardInterrupt
        The run was interrupted.
    """
    folder.mkdir(parents=True)
    with (folder / "sim.log").open("w", encoding="utf-8") as log:
        code = simulate(options, Console(file=log, width=LOG_WIDTH), folder)
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    report = json.loads((folder / "report.json").read_text())
    if code or not report["passed"]:
        failure = report["failure"]
        raise MeasureError(
            f"{failure['kind']}: {failure['message']}; repeat it with: {report['command']}"
        )
    total, lanes = report["total"], report["array"]
    timing = Timing(
        layers=sum(layer["values_compared"] > 0 for layer in report["layers"]),
        macs=total["macs"],
        cycles=total["cycles"],
        cpu_seconds=total["sim_cpu_seconds"],
        wall_seconds=total["sim_seconds"],
    )
    array = lanes[0], lanes[1]
    return SimRun(report["simulator"], array, report["mode"], sides(options.size)[0], timing)
