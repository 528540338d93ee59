"""Judges what a job was given to: its settings, the moment, and the status it ended with."""

from __future__ import annotations

from typing import Final

from tb.debug.localization.finding import Finding, Followed, shown
from tb.debug.localization.stage_counts import flow_of
from tb.debug.probe.events import Counts
from tb.duts.conv_pe.job_record import NEVER, JobRecord
from tb.duts.conv_pe.pipeline_steps import Step
from tb.duts.conv_pe.registers import Register, StatusCode

TOLD: Final = ("in_size", "out_size", "channels", "kernel", "post", "pool")
"""Registers of the descriptor that the array works with."""
_WORKS: Final = (
    ("stream", "wgt_taking", "the weight loader is given", "still takes the stream of"),
    ("run", "sequencing", "the array is given", "still computes"),
)
"""Who takes a job at an event, and the field of the state that says it is not through."""


def judge_control(followed: Followed, record: JobRecord) -> Finding | None:
    """A job given on too early, with other settings than its descriptor's, or a status."""
    found = _too_early(followed)
    if found is not None:
        return found
    ends = followed.probe.marks("end")
    runs = followed.probe.settings
    if len(runs) > followed.before:
        held = runs[followed.before]
        for name, want in {**_registers(record), **followed.job.settings()}.items():
            if held.figures[name] != want:
                text = f"the array works with {name} {shown(held.figures[name])}, not {want}"
                return Finding(Step.CONTROL, held.cycle, text)
        for name, want in followed.job.ports().items():
            if held.ports and held.ports[name] != want:
                module, port = name.split(".")
                text = f"port {port} of {module} is {shown(held.ports[name])}, not {want}, "
                return Finding(Step.CONTROL, held.cycle, f"{text}as the array takes the job")
    status = ends[followed.before].status if len(ends) > followed.before else 0
    if not status:
        return None
    return _status(followed, record, ends[followed.before])


def _too_early(followed: Followed) -> Finding | None:
    """The array or the weight loader is given a job while it works for the one before.

    Up to the job behind the followed one, which may so spoil it.
    """
    for event, field, given, works in _WORKS:
        for number, mark in enumerate(followed.probe.marks(event)[: followed.before + 2]):
            if mark.waits(field):
                which = {0: "this job", 1: "the job behind it"}.get(number - followed.before)
                text = f"{given} {which or 'a job before it'} while it {works} the one before"
                return Finding(Step.CONTROL, mark.cycle, text)
    return None


def _registers(record: JobRecord) -> dict[str, int]:
    return {name: record.registers[Register[name.upper()]] for name in TOLD}


def _status(followed: Followed, record: JobRecord, end: Counts) -> Finding | None:
    """Whose fault a status is."""
    try:
        status = StatusCode(end.status)
    except ValueError:
        return Finding(Step.CONTROL, end.cycle, f"the job ended with status {end.status}")
    text = f"the job ended with {status.name}"
    if status < StatusCode.ACT_EARLY:
        return Finding(Step.CONTROL, end.cycle, f"{text}: a legal descriptor was refused")
    flow = {entry.name: entry for entry in flow_of(followed, record)}
    if status is StatusCode.WATCHDOG:
        return None
    acts = status in (StatusCode.ACT_EARLY, StatusCode.ACT_LATE)
    step = Step.INPUT if acts else Step.WEIGHTS
    entry = flow["input beats taken" if acts else "weight beats taken"]
    if acts and record.act_drop != NEVER:
        return Finding(step, end.cycle, f"{text}: the bench lost beat {record.act_drop} on purpose")
    if entry.seen != entry.expected:
        text += f": {entry.seen} of {entry.expected} beats were taken"
        return Finding(step, end.cycle, text)
    text += f" although all {entry.expected} beats came: other counts than the descriptor's"
    return Finding(Step.CONTROL, end.cycle, text, certain=False)
