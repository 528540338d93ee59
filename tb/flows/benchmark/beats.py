"""What a beat of a stream costs, by what moves it: plain Python, published models, HDL players.

All three run the same job, which is made of beats more than of arithmetic: 900 beats of 64
bytes go in, of which one pass each reads a quarter. The figures hold the simulation of
that array too, which is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Final

import numpy as np

from golden.config import Activation, PEConfig
from golden.dataflow.tile import Job, whole_job
from golden.graph.layers import ConvLayer
from tb.cosim import cocotb_test
from tb.cosim.failure import read_results
from tb.duts.conv_pe.job_record import JobRecord, Stalls
from tb.flows.benchmark.python_driven import cocotb_python
from tb.flows.benchmark.python_driven.jobs import drive
from tb.flows.benchmark.record import Beat, MeasureError
from tb.flows.fuzz.cases import Case, run_cases, write_cases
from tb.toolchain import build
from tb.toolchain.simulators import find_simulator

ARRAY: Final = PEConfig(32, 2, tile_pixels=64, input_words=1024)
"""Beats of 64 bytes, and few products to simulate."""
SIDE: Final = 15
INPUT_GROUPS: Final = 4
REPEATS: Final = {"python": 4, "cocotbext-axi": 1, "player": 100}
"""Jobs that are timed together: more of them where they are short."""
AXI_MODULE: Final = "tb.flows.benchmark.python_driven.cocotb_axi"


def beat_job() -> Job:
    """A 1x1 convolution that skips every other row and column, on random full-scale data."""
    draw = np.random.default_rng(1)
    inputs = ARRAY.p_ic * INPUT_GROUPS
    layer = ConvLayer(
        name="beats",
        source="random",
        weight=draw.integers(-(1 << 15), 1 << 15, (ARRAY.p_oc, inputs, 1, 1)).astype(np.int16),
        bias=draw.integers(-(1 << 20), 1 << 20, ARRAY.p_oc),
        stride=2,
        shift=20,
        activation=Activation.LEAKY,
    )
    tensor = draw.integers(-(1 << 15), 1 << 15, (inputs, SIDE, SIDE)).astype(np.int16)
    return whole_job(layer, tensor)


def beat_costs(folder: Path, print_line: Callable[[str], None], verilator: str) -> Beat:
    """Measure all three.

    Parameters
    ----------
    folder : Path
        Takes the jobs.
    print_line : callable
        Takes a line on what was left out.
    verilator : str
        A Verilator of the user's, or nothing.

    Raises
    ------
    MeasureError
        A value was wrong.
    """
    models: float | None = None
    if util.find_spec("cocotbext") is None or util.find_spec("cocotbext.axi") is None:
        print_line(
            "cocotbext-axi is not installed (a dependency of the tests): its beats are not timed"
        )
    else:
        models = _driven_us(folder, "cocotbext-axi", AXI_MODULE, verilator)
    return Beat(
        python_driver_us=_driven_us(folder, "python", cocotb_python.__name__, verilator),
        cocotbext_axi_us=models,
        player_us=_player_us(folder, verilator),
    )


def _driven_us(base: Path, name: str, module: str, verilator: str) -> float:
    folder, records = _write(base, name)
    driven = drive(folder, ARRAY, records, module, verilator)
    return driven.cpu_seconds / driven.beats * 1e6


def _player_us(base: Path, verilator: str) -> float:
    folder, records = _write(base, "player")
    made = build.build(find_simulator("verilator", verilator), ARRAY)
    outcome = run_cases(made, folder, len(records))
    if outcome.first is not None:
        failure = outcome.failures[outcome.first]
        raise MeasureError(f"player: {failure.message if failure else 'no result'}")
    results = read_results(folder / cocotb_test.RESULTS)
    seconds = results[-1]["cpu_end"] - results[0]["cpu_start"]
    beats = sum(record.act_beats + record.wgt_beats + record.out_beats for record in records)
    return float(seconds / beats * 1e6)


def _write(base: Path, name: str) -> tuple[Path, list[JobRecord]]:
    """A folder of equal jobs with the reference model's values."""
    folder = base / name
    case = Case(beat_job(), Stalls())
    return folder, write_cases(folder, ARRAY, [case] * REPEATS[name])
