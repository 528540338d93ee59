"""From the simulator's results, one a job, to the report's layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, Final

from tb.duts.conv_pe.frame_record import FrameJob, FrameSchedule
from tb.flows.sim.report import LayerReport, Stalls

SUMS: Final = (
    *("macs", "macs_on_zero_weights", "values_expected", "values_compared", "mismatches"),
    *("cycles", "mac_cycles", "sim_seconds", "sim_cpu_seconds"),
)
"""Figures of a layer that add up over frames, or over the layers of a block."""
MANY: Final = 40
"""Layers that are shown one by one; more of them by blocks."""


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer's figures so far, and how many of all its jobs are done."""

    report: LayerReport
    done: int
    jobs: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Where one layer, or frame, ends and the next begins.

    While a job's last values leave, the array multiplies for the next one. Those cycles
    lie before the job's end, but they are the next job's.
    """

    cycle: int
    """Clock of the end."""
    ahead: int
    """Cycles before it in which the array multiplied for what follows."""
    cpu: float
    wall: float
    """Seconds at the end."""

    def after(self, jobs: Sequence[FrameJob], results: Sequence[dict[str, Any]]) -> Edge:
        """The edge behind jobs that follow this one."""
        counted = sum(result["counters"]["mac_cycles"] for result in results)
        own = sum(job.record.mac_cycles for job in jobs[: len(results)])
        ahead = min(max(self.ahead + counted - own, 0), counted)
        last = results[-1]
        return Edge(last["end_cycle"], ahead, last["cpu_end"], last["wall_end"])


def layer_progress(
    frames: FrameSchedule,
    kinds: Mapping[str, str],
    results: Sequence[dict[str, Any]],
    before: Edge | None = None,
) -> list[LayerProgress]:
    """Every layer's sums over one frame, in data-flow order.

    A layer's cycles and seconds run from the end of the layer before, the first one's
    from its first job's start, to its own last job's end, so that their sum is the
    frame's. Cycles at a layer's end in which the array multiplied for the next one are
    the next one's. What another layer's jobs make has none.

    Parameters
    ----------
    kinds : mapping
        Kind of each layer of the network, in data-flow order.
    results : sequence of dict
        Of one frame, in order.
    before : Edge, optional
        Where the frame before ended.
    """
    expected, jobs = frames.expected(), frames.jobs
    found = {name: LayerProgress(LayerReport(name, kind), 0, 0) for name, kind in kinds.items()}
    edge = _first_edge(results, before)
    for name in dict.fromkeys(job.record.layer for job in jobs):
        mine = [job for job in jobs if job.record.layer == name]
        done = [result for result in results if result["layer"] == name]
        report = found[name].report
        if done:
            end = edge.after(mine, done)
            report, edge = _with_figures(report, mine, done, edge, end), end
        found[name] = LayerProgress(report, len(done), len(mine))
    return [
        replace(entry, report=_with_values(entry.report, expected[name], results))
        for name, entry in found.items()
        if name in expected
    ]


def _first_edge(results: Sequence[dict[str, Any]], before: Edge | None) -> Edge:
    """Where a frame begins: at its first start, or where the frame before has ended."""
    if not results:
        return before or Edge(0, 0, 0.0, 0.0)
    first = results[0]
    start = Edge(first["start_cycle"], 0, first["cpu_start"], first["wall_start"])
    return start if before is None or before.cycle < start.cycle else before


def frame_edge(
    frames: FrameSchedule, results: Sequence[dict[str, Any]], before: Edge | None = None
) -> Edge:
    """Where a frame that has been run ends."""
    return _first_edge(results, before).after(frames.jobs, results)


def _with_values(
    report: LayerReport, expected: int, results: Sequence[dict[str, Any]]
) -> LayerReport:
    """A layer with the values of it that were compared so far."""
    parts = [result["nodes"][report.name] for result in results if report.name in result["nodes"]]
    return replace(
        report,
        values_expected=expected,
        values_compared=sum(compared for _, compared, _ in parts),
        mismatches=sum(wrong for _, _, wrong in parts),
    )


def _with_figures(
    report: LayerReport,
    jobs: Sequence[FrameJob],
    results: Sequence[dict[str, Any]],
    begin: Edge,
    end: Edge,
) -> LayerReport:
    """A layer with products, cycles and seconds of the jobs that have ended."""
    # A job that ended early did some of its products; nobody knows how many.
    ran = {
        result["tile_number"]
        for result in results
        if result["verdict"]["values_compared"] == result["verdict"]["values_expected"]
    }
    records = [job.record for job in jobs if job.record.tile_number in ran]

    def counted(counter: str) -> int:
        return sum(result["counters"][counter] for result in results)

    elapsed = end.cycle - begin.cycle
    named = counted("cycles") - counted("stall_other")
    shift = begin.ahead - end.ahead
    return replace(
        report,
        macs=sum(record.macs for record in records),
        macs_on_zero_weights=sum(record.macs_on_zero_weights for record in records),
        cycles=elapsed + shift,
        mac_cycles=counted("mac_cycles") + shift,
        stalls=Stalls(
            input=counted("stall_input"),
            weights=counted("stall_weights"),
            drain=counted("stall_drain"),
            # The gaps between jobs are nobody else's either.
            other=elapsed - named,
        ),
        sim_seconds=end.wall - begin.wall,
        sim_cpu_seconds=end.cpu - begin.cpu,
    )


def in_blocks(layers: Sequence[LayerProgress], block: Callable[[str], str]) -> list[LayerProgress]:
    """Many layers added up by the blocks that they belong to; few are left alone.

    Parameters
    ----------
    layers : sequence of LayerProgress
        In data-flow order.
    block : callable
        Names a layer's block; empty for none.
    """
    if len(layers) <= MANY:
        return list(layers)
    found: dict[str, LayerProgress] = {}
    for entry in layers:
        name = block(entry.report.name) or entry.report.name
        mine = replace(entry, report=replace(entry.report, name=name))
        if (before := found.get(name)) is not None:
            report = _sum(before.report, mine.report)
            mine = LayerProgress(report, before.done + mine.done, before.jobs + mine.jobs)
        found[name] = mine
    return list(found.values())


def summed(frames: Sequence[Sequence[LayerReport]]) -> list[LayerReport]:
    """Several frames' layers, layer by layer."""
    return [
        reduce(_sum, (next(r for r in layers if r.name == first.name) for layers in frames))
        for first in (frames[0] if frames else ())
    ]


def _sum(one: LayerReport, other: LayerReport) -> LayerReport:
    """Two reports of one layer as one."""
    stalls = {
        field.name: getattr(one.stalls, field.name) + getattr(other.stalls, field.name)
        for field in fields(Stalls)
    }
    figures = {name: getattr(one, name) + getattr(other, name) for name in SUMS}
    return replace(one, stalls=Stalls(**stalls), **figures)
