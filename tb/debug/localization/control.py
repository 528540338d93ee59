"""Checks what a job was started with: its settings, the moment, and the status it ended with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tb.debug.localization.copies import LOADERS, SEQUENCER, changed_ports, copy_culprits
from tb.debug.localization.stage_counts import stage_counts
from tb.debug.localization.watched import Culprit, WatchedValue, differences, shown
from tb.debug.probe.events import Counts
from tb.duts.conv_pe.job_record import NEVER, JobRecord
from tb.duts.conv_pe.pipeline_steps import Step
from tb.duts.conv_pe.registers import Register, StatusCode

HELD: Final = ("in_size", "out_size", "channels", "kernel", "post", "pool")
"""Registers of the descriptor that the array works with."""
_WORKS: Final = (
    ("stream", "wgt_taking", "the weight loader is given", "still takes the stream of"),
    ("run", "sequencing", "the array is given", "still computes"),
)
"""Who takes a job at an event, and the field of the state that says it is not through."""


def control_culprits(watched: WatchedValue, record: JobRecord) -> Iterator[Culprit]:
    """A job given on too early, with other settings than its descriptor's, or a status."""
    yield from _too_early(watched)
    yield from copy_culprits(watched, LOADERS)
    runs, ends = watched.probe.settings, watched.probe.marks("end")
    if len(runs) > watched.before:
        held = runs[watched.before]
        wanted = {name: record.registers[Register[name.upper()]] for name in HELD}
        wanted |= watched.job.settings()
        settings = ((name, want, held.figures[name]) for name, want in wanted.items())
        for name, want, have in differences(settings):
            text = f"the array works with {name} {shown(have)}, not {want}"
            yield Culprit(Step.CONTROL, held.cycle, text)
        ports = watched.job.ports() if held.ports else {}
        for name, want, have in differences((n, w, held.ports[n]) for n, w in ports.items()):
            module, port = name.split(".")
            text = f"port {port} of {module} is {shown(have)}, not {want}, "
            yield Culprit(Step.CONTROL, held.cycle, f"{text}as the array takes the job")
    yield from changed_ports(watched)
    yield from copy_culprits(watched, (SEQUENCER,))
    if len(ends) > watched.before and ends[watched.before].status:
        yield from _status(watched, record, ends[watched.before])


def _too_early(watched: WatchedValue) -> Iterator[Culprit]:
    """The array or the weight loader is given a job while it works for the one before.

    Up to the job behind the watched one, which may so spoil it.
    """
    for event, field, given, works in _WORKS:
        for number, mark in enumerate(watched.probe.marks(event)[: watched.before + 2]):
            if mark.waits(field):
                which = {0: "this job", 1: "the job behind it"}.get(number - watched.before)
                text = f"{given} {which or 'a job before it'} while it {works} the one before"
                yield Culprit(Step.CONTROL, mark.cycle, text)


def _status(watched: WatchedValue, record: JobRecord, end: Counts) -> Iterator[Culprit]:
    """The step at fault for a status."""
    try:
        status = StatusCode(end.status)
    except ValueError:
        yield Culprit(Step.CONTROL, end.cycle, f"the job ended with status {end.status}")
        return
    text = f"the job ended with {status.name}"
    if status < StatusCode.ACT_EARLY:
        yield Culprit(Step.CONTROL, end.cycle, f"{text}: a legal descriptor was refused")
    if status is StatusCode.WATCHDOG:
        return
    acts = status in (StatusCode.ACT_EARLY, StatusCode.ACT_LATE)
    step = Step.INPUT if acts else Step.WEIGHTS
    counted = {entry.name: entry for entry in stage_counts(watched, record)}
    entry = counted["input beats taken" if acts else "weight beats taken"]
    if acts and record.act_drop != NEVER:
        yield Culprit(step, end.cycle, f"{text}: the bench lost beat {record.act_drop} on purpose")
    if entry.seen != entry.expected:
        text += f": {entry.seen} of {entry.expected} beats were taken"
        yield Culprit(step, end.cycle, text)
    text += f" although all {entry.expected} beats came: "
    # Behind `copy_culprits`: where the loader's counts were recorded, it was given the right ones.
    if any(one.module == LOADERS[not acts] for one in watched.probe.given):
        loader = "act_loader" if acts else "weight_loader"
        text += f"{loader} was given the right counts and counts them wrongly"
    else:
        step, text = Step.CONTROL, f"{text}other counts than the descriptor's"
    yield Culprit(step, end.cycle, text, certain=False)
