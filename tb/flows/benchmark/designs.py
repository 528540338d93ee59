"""Compiles every design before the first is timed, as many at once as there are cores.

The compiler spends most of its time on one large file, so that one design alone leaves
cores idle; and a compilation during a simulation would disturb it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import Final

from tb.choices import parse_array
from tb.flows.benchmark.python_driven.jobs import TOP
from tb.flows.benchmark.sim_runs import Measurement, Way
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import prepare
from tb.toolchain import build
from tb.toolchain.simulators import find_simulator

MOST: Final = 4
"""Designs compiled at once: each may take a gigabyte."""

Design = tuple[SimOptions, str, str]
"""What it is built for, the simulator, and the simulation top."""


def designs(planned: Sequence[Measurement]) -> list[Design]:
    """The designs that the measurements need, the largest first, each once."""
    found: dict[tuple[str, str, str, str], Design] = {}
    for entry in planned:
        options = entry.options
        simulator, top = options.sim, build.TOP
        if entry.way is Way.PYTHON:
            simulator, top = "verilator", TOP
        found.setdefault((options.lanes, options.mode, simulator, top), (options, simulator, top))
    return sorted(found.values(), key=lambda design: -_products(design[0]))


def _products(options: SimOptions) -> int:
    inputs, outputs = parse_array(options.lanes)
    return inputs * outputs


def compile_all(wanted: Sequence[Design], print_line: Callable[[str], None]) -> None:
    """Compile the designs that the cache lacks.

    An interruption ends the compilers at once.

    Parameters
    ----------
    wanted : sequence of Design
    print_line : callable
        Takes how far it is.

    Raises
    ------
    ToolError
        A compiler is missing or failed.
    """
    workers = min(os.cpu_count() or 1, MOST)
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
