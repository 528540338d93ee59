"""What went through each stage for a job, beside what was to go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tb.debug.localization.finding import Followed
from tb.debug.probe.events import Counts
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.pipeline_steps import Step


@dataclass(frozen=True, slots=True)
class Flow:
    """What went through one stage for the job.

    Parameters
    ----------
    step : Step
    name : str
        What is counted.
    expected, seen : int
    """

    step: Step
    name: str
    expected: int
    seen: int


def flow_of(followed: Followed, record: JobRecord) -> tuple[Flow, ...]:
    """The counts of a job, whatever ran before it and behind it."""
    probe, job = followed.probe, followed.job
    if not probe.counts:
        return ()
    groups, all_passes = job.out_groups, job.out_groups * job.passes
    reads = groups * sum(map(len, job.windows()))
    drains = Step.DRAIN if job.readout.size == 1 else Step.POOL
    seen = _seen(followed)
    entries = (
        (Step.INPUT, "input beats taken", record.act_beats, seen.acts),
        (Step.WEIGHTS, "weight beats taken", record.wgt_beats, seen.wgts),
        (Step.WEIGHTS, "bias beats stored", groups * job.bias_beats, seen.biases),
        (Step.WEIGHTS, "weight beats stored", all_passes * job.config.p_oc, seen.loads),
        (Step.SEQUENCER, "groups begun", groups, seen.opened),
        (Step.SEQUENCER, "passes begun", all_passes, seen.passes),
        (Step.SEQUENCER, "pixels issued", all_passes * job.pixels, seen.pixels),
        (Step.ACCUMULATOR, "sums written", all_passes * job.pixels, seen.sums),
        (Step.ACCUMULATOR, "groups finished", groups, seen.finished),
        (drains, "sums read", reads, seen.reads),
        (Step.DRAIN, "groups drained", groups, seen.drained),
        (Step.ACTIVATION, "values made", reads, seen.values),
        (drains, "beats into the output's buffer", record.out_beats, seen.entered),
        (Step.OUTPUT, "beats out of it", record.out_beats, seen.left),
    )
    return tuple(Flow(*entry) for entry in entries)


def _seen(followed: Followed) -> Counts:
    """The job's own counts: from its events to those of the job behind it, if one ran."""
    probe, first = followed.probe, followed.first_group
    last = probe.counts[-1]
    end = first + followed.job.out_groups
    fetch, stream, run = (_since(followed, event) for event in ("fetch", "stream", "run"))
    finished = {mark.group: mark.count or 0 for mark in probe.finished}
    drained = {mark.group: mark.count or 0 for mark in probe.drained}
    earlier = sum(count for group, count in drained.items() if group < first)
    sums = last.sums - finished.get(first - 1, 0)
    left = last.left - before_it(followed)
    entered = last.entered - before_it(followed)
    own = replace(
        last,
        acts=fetch.acts,
        wgts=stream.wgts,
        biases=stream.biases,
        loads=stream.loads,
        passes=run.passes,
        pixels=run.pixels,
        sums=sums,
        opened=last.opened - first,
        finished=last.finished - first,
        drained=last.drained - first,
        reads=last.reads - earlier,
        values=last.values - earlier,
        entered=entered,
        left=left,
    )
    if len(probe.marks("start")) <= followed.before + 1:
        return own
    reads = sum(count for group, count in drained.items() if first <= group < end)
    ends = probe.marks("end")
    if len(ends) > followed.before:
        entered = left = ends[followed.before].left - before_it(followed)
    if end - 1 in finished:
        sums = finished[end - 1] - finished.get(first - 1, 0)
    return replace(
        own,
        sums=sums,
        opened=run.opened,
        finished=sum(first <= group < end for group in finished),
        drained=sum(first <= group < end for group in drained),
        reads=reads,
        values=reads,
        entered=entered,
        left=left,
    )


def before_it(followed: Followed) -> int:
    """Output beats that had left when the job before it ended."""
    ends = followed.probe.marks("end")
    return ends[followed.before - 1].left if 0 < followed.before <= len(ends) else 0


def _since(followed: Followed, event: str) -> Counts:
    """Counts from this job's event to that of the next; zero where it never came."""
    marks = followed.probe.marks(event)
    last = followed.probe.counts[-1]
    here = marks[followed.before] if len(marks) > followed.before else last
    there = marks[followed.before + 1] if len(marks) > followed.before + 1 else last
    names = ("acts", "wgts", "biases", "loads", "passes", "pixels", "opened")
    return replace(there, **{name: getattr(there, name) - getattr(here, name) for name in names})
