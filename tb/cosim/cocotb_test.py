"""cocotb test of the main job: runs every job of the working folder, single ones or frames.

Each job's result is appended to ``results.jsonl``, one JSON object a line, as soon as
it is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.triggers import Event

from golden.config import PEConfig
from tb.cosim.driver import Driver
from tb.cosim.sequencer import JobSequence, Sequencer
from tb.cosim.sequences import FolderSequence, FrameSequence
from tb.duts.conv_pe.frame_record import RESULTS, SCHEDULE, read_schedule
from tb.duts.conv_pe.job_record import read_jobs

__all__ = ["RESULTS", "equals_the_golden_model_in_every_value"]


@cocotb.test()
async def equals_the_golden_model_in_every_value(dut: HierarchyObject) -> None:
    """Every job ends in time with status NONE and every value as expected."""
    config, sequence = _sequence(Path.cwd())
    driver = Driver(dut, config)
    await driver.reset()
    await driver.check_build()
    sequencer = Sequencer(driver, sequence, Event, _log)
    starting = cocotb.start_soon(sequencer.start_jobs())
    await sequencer.collect_results()
    starting.cancel()
    assert not sequencer.failures, sequencer.failures[0].message


def _sequence(folder: Path) -> tuple[PEConfig, JobSequence]:
    if (folder / SCHEDULE).is_file():
        frames = read_schedule(folder)
        return frames.config, FrameSequence(folder, frames)
    config, records = read_jobs(folder)
    return config, FolderSequence(folder, config, records)


def _log(result: dict[str, Any]) -> None:
    """One line a job in the simulator's log."""
    verdict = result["verdict"]
    cocotb.log.info(
        "job %d of %s: %d values, %d mismatches, %d cycles, status %s",
        result["number"],
        result["layer"],
        verdict["values_compared"],
        verdict["mismatches"],
        result["end_cycle"] - result["start_cycle"],
        result["status"],
    )
