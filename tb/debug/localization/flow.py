"""Checks what went through the stages for a job: lost and surplus beats, X, hangs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tb.debug.localization.stage_counts import StageCount, beats_before
from tb.debug.localization.watched import Culprit, WatchedValue, shown
from tb.debug.probe.events import Counts
from tb.duts.conv_pe.pipeline_steps import Step

FETCH_CHECK: Final = 1
"""State of ``job_fetch`` in which the descriptor is checked."""
STAGES: Final = (
    (Step.REQUANTISER, "the rounded sum"),
    (Step.ACTIVATION, "the value"),
    (Step.POOL, "the maximum"),
    (Step.OUTPUT, "the output"),
)
"""What stands in each stage behind the sums, in the order of the data flow."""

CHECKER: Final = "checker.txt"
"""Where the bench's checkers leave their sentence."""
PORTS: Final = {
    "m_axis_out": Step.OUTPUT,
    "s_axis_act": Step.INPUT,
    "s_axis_wgt": Step.WEIGHTS,
}
"""Whose a stream is, by the name that its checker has."""
PERIOD_PS: Final = 10_000


def flow_culprits(
    watched: WatchedValue, flow: tuple[StageCount, ...], folder: Path
) -> Iterator[Culprit]:
    """The stage that made too much, broke a rule, or had what it needs and stopped."""
    if not watched.probe.counts:
        yield Culprit(Step.CONTROL, None, "the probe recorded nothing at all")
        return
    last = watched.probe.counts[-1]
    for entry in flow:
        if entry.seen > entry.expected:
            text = f"{entry.name}: {entry.seen}, {entry.expected} expected"
            yield Culprit(entry.step, last.cycle, text, certain=False)
    yield from _side_bands(watched, flow[-1].expected)
    yield from _unknown(watched)
    short = [entry for entry in flow if entry.seen < entry.expected]
    if short:
        yield from _rule(folder / CHECKER)
        step, text = _blocked(watched, flow, last)
        where = f"{short[0].name}: {short[0].seen} of {short[0].expected}"
        yield Culprit(step, last.cycle, f"{text} ({where})", certain=False)
    elif len(watched.probe.marks("end")) <= watched.before:
        yield Culprit(Step.CONTROL, last.cycle, "every beat has left, and the job does not end")


def _unknown(watched: WatchedValue) -> Iterator[Culprit]:
    """The stage behind the sums that made an X or a Z out of known figures, if one did."""
    first = min(watched.probe.unknowns, key=lambda one: (one.cycle, one.stage), default=None)
    if first is not None and first.stage:
        step, name = STAGES[first.stage - 1]
        text = f"{name} of a lane holds an X or a Z, and no stage before it did"
        yield Culprit(step, first.cycle, text)


def _rule(path: Path) -> Iterator[Culprit]:
    """The rule that a checker found broken, at the port where it stands."""
    text = path.read_text().strip() if path.is_file() else ""
    if text:
        step = next((step for port, step in PORTS.items() if port in text), Step.CONTROL)
        time = re.search(r" at (\d+) ps", text)
        cycle = int(time.group(1)) // PERIOD_PS if time is not None else None
        yield Culprit(step, cycle, text.split("\n")[0], certain=False)


def _side_bands(watched: WatchedValue, beats: int) -> Iterator[Culprit]:
    """TLAST on another beat than the job's last, or TKEEP of other lanes than its channels."""
    base = beats_before(watched)
    for beat in watched.probe.beats:
        number = beat.number - base
        if not 0 <= number < beats or beat.user:
            continue
        if beat.last != int(number == beats - 1):
            text = f"TLAST of output beat {number} is {shown(beat.last)}, of {beats} beats"
            yield Culprit(Step.OUTPUT, beat.cycle, text)
        keep = _keep(watched, number, beats)
        if beat.keep != keep:
            have = "unknown (X)" if beat.keep is None else f"{beat.keep:#x}"
            text = f"TKEEP of output beat {number} is {have}, not {keep:#x}"
            yield Culprit(Step.OUTPUT, beat.cycle, text)


def _keep(watched: WatchedValue, beat: int, beats: int) -> int:
    """TKEEP of an output beat: the bytes of the lanes that carry a channel."""
    job = watched.job
    group = beat * job.out_groups // beats
    lanes = min(job.out_channels - group * job.config.p_oc, job.config.p_oc)
    return (1 << lanes * job.config.act_w // 8) - 1


def _blocked(watched: WatchedValue, flow: tuple[StageCount, ...], last: Counts) -> tuple[Step, str]:
    """Which stage has what it needs and does not move."""
    short = {entry.name for entry in flow if entry.seen < entry.expected}
    if len(watched.probe.settings) <= watched.before:
        return _not_launched(watched, short, last)
    if last.waits("out_tvalid") and not last.waits("out_tready"):
        return Step.OUTPUT, "the output is not taken"
    if last.left < last.entered:
        return Step.OUTPUT, "beats entered the output's buffer that never leave it"
    if last.waits("out_valid") and not last.waits("skid_ready"):
        return Step.OUTPUT, "the output's buffer takes nothing"
    if last.drained < last.finished:
        if last.waits("reading"):
            return Step.DRAIN, "the drain stands on a pixel"
        return Step.DRAIN, "a finished group is not read out"
    if last.waits("waiting_bank"):
        begun = {entry.name: entry.seen for entry in flow}
        wanted = begun["groups begun"] * watched.job.passes
        if begun["passes begun"] < wanted and not last.waits("waiting_weights"):
            text = f"the sequencer begins a group anew after {begun['passes begun']} "
            return Step.SEQUENCER, f"{text}of {wanted} passes"
        return Step.DRAIN, "the array waits for a bank that is not handed back"
    if last.waits("waiting_weights"):
        if last.waits("wgt_valid"):
            return Step.WEIGHTS, "the array waits for weights, and the loader takes no beat"
        return Step.WEIGHTS, "the array waits for weights that do not come"
    if "pixels issued" in short and not last.waits("sequencing"):
        return Step.SEQUENCER, "the sequencer stopped before its last pass"
    for entry in flow:
        if entry.name in short and entry.step.place >= Step.SEQUENCER.place:
            return entry.step, "something is lost between here and the step before"
    return flow[0].step, "the stream was not taken to its end"


def _not_launched(watched: WatchedValue, short: set[str], last: Counts) -> tuple[Step, str]:
    """Why the array never took the job."""
    if len(watched.probe.marks("start")) <= watched.before:
        return Step.CONTROL, "the job was never started"
    if last.waits("fetch") == FETCH_CHECK:
        return Step.CONTROL, "the descriptor's check does not end"
    if "input beats taken" in short:
        if last.waits("act_valid") and last.waits("loading"):
            return Step.INPUT, "a beat of the input stands there and is not taken"
        return Step.INPUT, "the input stream dried up"
    if len(watched.probe.marks("stream")) <= watched.before:
        return Step.CONTROL, "the weight loader never begins with the job"
    return Step.CONTROL, "the job is loaded, and the array does not take it"
