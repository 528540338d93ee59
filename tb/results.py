"""From the simulator's results, one a job, to the report's layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tb.jobs import JobRecord
from tb.report import Failure, LayerReport, Stalls


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer's figures so far.

    Parameters
    ----------
    report : LayerReport
    done, jobs : int
        Jobs that have ended, and all of them.
    """

    report: LayerReport
    done: int
    jobs: int


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results of the jobs that have ended, oldest first; none where no file is yet."""
    if not path.is_file():
        return []
    lines = path.read_text().split("\n")
    # Behind the last newline stands nothing, or a line that is still being written.
    return [json.loads(line) for line in lines[:-1]]


def first_failure(results: Sequence[dict[str, Any]]) -> Failure | None:
    """The first job's failure, if any has one."""
    for result in results:
        failure = result["verdict"]["failure"]
        if failure is not None:
            return Failure(**failure)
    return None


def layer_progress(
    records: Sequence[JobRecord], results: Sequence[dict[str, Any]]
) -> list[LayerProgress]:
    """Every layer's sums, in the order of the jobs.

    A layer's cycles and seconds run from its first job's start to the next layer's
    first start, so that the sum over the layers is the whole; the last ends with its
    last job.
    """
    names = list(dict.fromkeys(record.layer for record in records))
    first = {name: next(r.number for r in records if r.layer == name) for name in names}
    begun = {result["number"]: result for result in results}
    progress = []
    for position, name in enumerate(names):
        mine = [record for record in records if record.layer == name]
        done = [result for result in results if result["layer"] == name]
        after = names[position + 1] if position + 1 < len(names) else None
        follower = begun.get(first[after]) if after is not None else None
        report = _layer_report(name, mine, done, follower)
        progress.append(LayerProgress(report, len(done), len(mine)))
    return progress


def _layer_report(
    name: str,
    records: Sequence[JobRecord],
    results: Sequence[dict[str, Any]],
    follower: dict[str, Any] | None,
) -> LayerReport:
    expected = sum(record.tile.values for record in records)
    if not results:
        return LayerReport(name=name, kind="conv", values_expected=expected)
    # A job that ended early did some of its products; nobody knows how many.
    ran = {
        result["number"]
        for result in results
        if result["verdict"]["values_compared"] == result["verdict"]["values_expected"]
    }
    verdicts = [result["verdict"] for result in results]

    def counted(counter: str) -> int:
        return sum(result["counters"][counter] for result in results)

    def elapsed(clock: str, start: str, end: str) -> float:
        last = follower[f"{clock}{start}"] if follower else results[-1][f"{clock}{end}"]
        return float(last - results[0][f"{clock}{start}"])

    cycles = follower["start_cycle"] if follower else results[-1]["end_cycle"]
    cycles -= results[0]["start_cycle"]
    named = counted("cycles") - counted("stall_other")
    return LayerReport(
        name=name,
        kind="conv",
        macs=sum(record.macs for record in records if record.number in ran),
        macs_on_zero_weights=sum(r.macs_on_zero_weights for r in records if r.number in ran),
        values_expected=expected,
        values_compared=sum(verdict["values_compared"] for verdict in verdicts),
        mismatches=sum(verdict["mismatches"] for verdict in verdicts),
        cycles=cycles,
        mac_cycles=counted("mac_cycles"),
        stalls=Stalls(
            input=counted("stall_input"),
            weights=counted("stall_weights"),
            drain=counted("stall_drain"),
            # The gaps between jobs are nobody else's either.
            other=cycles - named,
        ),
        sim_seconds=elapsed("wall_", "start", "end"),
        sim_cpu_seconds=elapsed("cpu_", "start", "end"),
    )
