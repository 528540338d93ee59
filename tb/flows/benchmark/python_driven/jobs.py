"""Jobs whose every beat Python moves: their folder, their simulation, what it took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from golden.config import PEConfig
from golden.dataflow.lowering import lower_input
from golden.graph.image_size import sides
from golden.graph.layers import IMAGE
from tb.duts.conv_pe.job_record import JobRecord, write_job, write_jobs
from tb.flows.benchmark.python_driven import cocotb_python
from tb.flows.benchmark.python_driven.cocotb_python import DRIVEN, Driven
from tb.flows.benchmark.record import MeasureError, SimRun, Timing
from tb.flows.sim.frame_writer import job_of
from tb.flows.sim.frames import pictures
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import Picture, Prepared, prepare, run_reference
from tb.toolchain import build, logs
from tb.toolchain.simulators import find_simulator

TOP: Final = "port_top"
SIMULATOR: Final = "verilator, beats from Python"


def time_tiles(options: SimOptions, folder: Path) -> SimRun:
    """Run sampled tiles of the network, the same as ``make sim`` takes, with beats from Python.

    Parameters
    ----------
    options : SimOptions
        Choose the tiles. Verilator simulates them, whatever simulator they are cut for.
    folder : Path
        Made; takes the jobs.

    Raises
    ------
    MeasureError
        A value was wrong, or the simulation ended early.
    """
    prepared = prepare(options, lambda text: None)
    picture = run_reference(prepared, options, pictures(options, lambda text: None).paths[0])
    folder.mkdir(parents=True)
    records = write_tiles(folder, prepared, picture)
    driven = drive(folder, prepared.config, records, cocotb_python.__name__, options.verilator)
    made = {name for planned in prepared.jobs for name in planned.fused.outputs}
    macs = sum(record.macs for record in records)
    timing = Timing(len(made), macs, driven.cycles, driven.cpu_seconds, driven.wall_seconds)
    lanes = prepared.config.p_ic, prepared.config.p_oc
    return SimRun(SIMULATOR, lanes, options.mode, sides(options.size)[0], timing)


def write_tiles(folder: Path, prepared: Prepared, picture: Picture) -> list[JobRecord]:
    """Write a folder of the prepared jobs, with the reference model's inputs and outputs."""
    records = []
    for number, planned in enumerate(prepared.jobs):
        fused, tensors = planned.fused, picture.tensors
        read = tensors[fused.source]
        if fused.source == IMAGE:
            node = next(layer for layer in prepared.network.convs() if layer.source == IMAGE)
            read = lower_input(node, read)
        job = job_of(planned, planned.window.of(read))
        record = write_job(
            folder,
            number,
            job,
            planned.output.of(tensors[fused.outputs[-1]]),
            prepared.config,
            activated=planned.tile.of(tensors[fused.outputs[0]]),
        )
        records.append(replace(record, macs=planned.macs))
    return records


def drive(
    folder: Path, config: PEConfig, records: Sequence[JobRecord], module: str, verilator: str
) -> Driven:
    """Simulate a folder's jobs on the open ports with the cocotb test `module`.

    Raises
    ------
    MeasureError
        The test failed or did not end.
    """
    write_jobs(folder, config, records)
    made = build.build(find_simulator("verilator", verilator), config, top=TOP)
    results = build.run(made, module, folder)
    if not build.has_passed(results) or not (folder / DRIVEN).is_file():
        raise MeasureError(f"{module}: {logs.words(folder)} ({logs.see(folder)})")
    return Driven(**json.loads((folder / DRIVEN).read_text()))
