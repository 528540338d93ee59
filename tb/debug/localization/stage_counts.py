"""How much went through each stage for a job, and how much was to go."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from tb.debug.localization.watched import WatchedValue
from tb.debug.probe.events import Counts
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.pipeline_steps import Step


@dataclass(frozen=True, slots=True)
class StageCount:
    """What went through one stage for the job."""

    step: Step
    name: str
    """What is counted."""
    expected: int
    seen: int

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of it."""
        return {**asdict(self), "step": self.step.value}


def stage_counts(watched: WatchedValue, record: JobRecord) -> tuple[StageCount, ...]:
    """The counts of a job, whatever ran before it and behind it."""
    probe, job = watched.probe, watched.job
    if not probe.counts:
        return ()
    groups, all_passes = job.out_groups, job.out_groups * job.passes
    reads = groups * sum(map(len, job.windows()))
    drains = Step.DRAIN if job.readout.size == 1 else Step.POOL
    counted = _counted(watched)
    entries = (
        (Step.INPUT, "input beats taken", record.act_beats, counted.acts),
        (Step.WEIGHTS, "weight beats taken", record.wgt_beats, counted.wgts),
        (Step.WEIGHTS, "bias beats stored", groups * job.bias_beats, counted.biases),
        (Step.WEIGHTS, "weight beats stored", all_passes * job.config.p_oc, counted.loads),
        (Step.SEQUENCER, "groups begun", groups, counted.opened),
        (Step.SEQUENCER, "passes begun", all_passes, counted.passes),
        (Step.SEQUENCER, "pixels issued", all_passes * job.pixels, counted.pixels),
        (Step.ACCUMULATOR, "sums written", all_passes * job.pixels, counted.sums),
        (Step.ACCUMULATOR, "groups finished", groups, counted.finished),
        (drains, "sums read", reads, counted.reads),
        (Step.DRAIN, "groups drained", groups, counted.drained),
        (Step.ACTIVATION, "values made", reads, counted.values),
        (drains, "beats into the output's buffer", record.out_beats, counted.entered),
        (Step.OUTPUT, "beats out of it", record.out_beats, counted.left),
    )
    return tuple(StageCount(*entry) for entry in entries)


def _counted(watched: WatchedValue) -> Counts:
    """The job's own counts: from its events to those of the job behind it, if one ran."""
    probe, first, base = watched.probe, watched.first_group, beats_before(watched)
    last, ends = probe.counts[-1], probe.marks("end")
    end = first + watched.job.out_groups
    fetch, stream, run = (_since(watched, event) for event in ("fetch", "stream", "run"))
    finished = {mark.group: mark.count or 0 for mark in probe.finished}
    drained = {mark.group: mark.count or 0 for mark in probe.drained}
    sums, entered, left = last.sums, last.entered, last.left
    if len(probe.marks("start")) > watched.before + 1:
        sums = finished.get(end - 1, sums)
        if len(ends) > watched.before:
            entered = left = ends[watched.before].left
        reads = sum(count for group, count in drained.items() if first <= group < end)
        opened, values = run.opened, reads
        done, read_out = (sum(first <= group < end for group in one) for one in (finished, drained))
    else:
        earlier = sum(count for group, count in drained.items() if group < first)
        reads, values = last.reads - earlier, last.values - earlier
        opened, done, read_out = last.opened - first, last.finished - first, last.drained - first
    return replace(
        last,
        acts=fetch.acts,
        wgts=stream.wgts,
        biases=stream.biases,
        loads=stream.loads,
        passes=run.passes,
        pixels=run.pixels,
        sums=sums - finished.get(first - 1, 0),
        opened=opened,
        finished=done,
        drained=read_out,
        reads=reads,
        values=values,
        entered=entered - base,
        left=left - base,
    )


def beats_before(watched: WatchedValue) -> int:
    """Output beats that had left when the job before it ended."""
    ends = watched.probe.marks("end")
    return ends[watched.before - 1].left if 0 < watched.before <= len(ends) else 0


def _since(watched: WatchedValue, event: str) -> Counts:
    """Counts from this job's event to that of the next; zero where it never came."""
    marks = watched.probe.marks(event)
    last = watched.probe.counts[-1]
    here = marks[watched.before] if len(marks) > watched.before else last
    there = marks[watched.before + 1] if len(marks) > watched.before + 1 else last
    names = ("acts", "wgts", "biases", "loads", "passes", "pixels", "opened")
    return replace(there, **{name: getattr(there, name) - getattr(here, name) for name in names})
