"""Runs a job once more, alone or among the jobs around it, and follows one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from golden.config import InputError
from tb.cosim import cocotb_test
from tb.cosim.failure import Failure, read_results
from tb.debug.probe.events import Probe
from tb.debug.probe.reader import PROBE_FILE, read_probe
from tb.debug.probe.watch import Watch
from tb.debug.replay_job import Neighbours, ReplayJob, remove
from tb.duts.conv_pe.job_record import JobRecord
from tb.toolchain import build, logs
from tb.toolchain.build import Build
from tb.toolchain.waves import Wave

SURROUNDINGS: Final = (Neighbours(), Neighbours(before=1), Neighbours(behind=1), Neighbours(3, 2))
"""Jobs that a failure may need around it: the PE holds three at a time, and a trace of more."""
PLACE: Final = ("kind", "layer", "channel", "row", "column", "expected")
"""What two failures have in common that are one, whatever the cycle and the wrong value."""
MODULE: Final = cocotb_test.__name__


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What a replay has made."""

    folder: Path
    record: JobRecord
    """The job's, as it is numbered there."""
    neighbours: Neighbours
    """Jobs that ran ahead of it and behind it."""
    result: dict[str, Any]
    """The job's line of ``results.jsonl``; empty where the simulation ended before it."""
    failure: Failure | None
    watch: Watch
    """The value that was followed."""
    probe: Probe
    """What it recorded of that value."""

    @property
    def cycles(self) -> tuple[int, int]:
        """Clocks of the job's start and end; where it has no end, of the simulation's."""
        last = max((counts.cycle for counts in self.probe.counts), default=0)
        if not any(self.result.get("counters", {}).values()):
            return self.result.get("start_cycle", 0), last
        return self.result["start_cycle"], self.result["end_cycle"]


def replay(
    job: ReplayJob,
    made: Build,
    folder: Path,
    neighbours: Neighbours,
    watch: Watch,
    seed: int,
    wave: Wave | None = None,
) -> Replay:
    """Run the job among so many others.

    Parameters
    ----------
    made : Build
        Compiled with waves, and so with the probe.
    folder : Path
        Taken for the run; what is there is removed.
    watch : Watch
        What to follow.

    Raises
    ------
    InputError
        The simulation did not begin, or a signal from outside ended it.
    """
    remove(folder)
    record = job.write(folder, neighbours)
    build.run(made, MODULE, folder, seed=seed, plusargs=watch.plusargs(), wave=wave)
    logs.check_not_ended(folder)
    results = read_results(job.results(folder))
    if not results or not (folder / PROBE_FILE).is_file():
        raise InputError(f"the replay: {logs.ended_early(folder, len(results), 1)}")
    result = results[neighbours.before] if len(results) > neighbours.before else {}
    known = result["verdict"]["failure"] if result else None
    failure = None if known is None else Failure(**known)
    probe = read_probe(folder / PROBE_FILE)
    return Replay(folder, record, neighbours, result, failure, watch, probe)


def same(one: Failure | None, other: Failure | None) -> bool:
    """Whether two runs failed alike: in the same way at the same place.

    The wrong value itself may differ: a design that reads what it should not finds there
    what ran before.
    """
    if one is None or other is None:
        return one is other
    return all(getattr(one, name) == getattr(other, name) for name in PLACE)
