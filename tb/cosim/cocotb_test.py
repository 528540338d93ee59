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
from tb.cosim.driver import Bench
from tb.cosim.sequencer import Feed, Runner
from tb.cosim.sequences import FolderFeed, FrameFeed
from tb.duts.conv_pe.frame_record import LIST, RESULTS, read_frames
from tb.duts.conv_pe.job_record import read_list

__all__ = ["RESULTS", "equals_the_golden_model_in_every_value"]


@cocotb.test()
async def equals_the_golden_model_in_every_value(dut: HierarchyObject) -> None:
    """Every job ends in time with status NONE and every value as expected."""
    config, feed = _feed(Path.cwd())
    bench = Bench(dut, config)
    await bench.reset()
    await bench.check_build()
    runner = Runner(bench, feed, Event, _log)
    feeder = cocotb.start_soon(runner.feed())
    await runner.collect()
    feeder.cancel()
    assert not runner.failures, runner.failures[0].message


def _feed(folder: Path) -> tuple[PEConfig, Feed]:
    if (folder / LIST).is_file():
        frames = read_frames(folder)
        return frames.config, FrameFeed(folder, frames)
    config, records = read_list(folder)
    return config, FolderFeed(folder, config, records)


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
