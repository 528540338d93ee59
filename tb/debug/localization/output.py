"""Judges a value's way from its finished sum to the output stream, read by read."""

from __future__ import annotations

from golden.config import LeakyPlace
from tb.debug.localization import suspects, suspects_output
from tb.debug.localization.array import overwritten
from tb.debug.localization.contributions import Value, Window
from tb.debug.localization.finding import Finding, Followed, shown
from tb.debug.probe.events import Figure, Read
from tb.duts.conv_pe.pipeline_steps import Step


def judge_output(followed: Followed) -> Finding | None:
    """The first step between the drain and the output that went wrong, if one did."""
    found = _begun(followed) or _walk(followed)
    if found is not None:
        return found
    seen = {read.number: read for read in followed.probe.reads}
    for window in followed.windows:
        held: list[Figure] = []
        for index, value in enumerate(window.values):
            read = seen.get(window.first_read + index)
            if read is None:
                return _lost_read(followed, window.first_read + index)
            found = _read(followed, window, index, value, read)
            if found is None:
                found = _value(followed, read)
            if found is None:
                found = _window(window, index, read)
            if found is None and read.highest_cycle is not None:
                held.append(read.value)
                found = _leaves(followed, window, index, read, held)
            if found is not None:
                return found
            if read.highest_cycle is None:
                return None
    return None


def walk_step(followed: Followed) -> Step:
    """What a fault in the order of the reads is called."""
    return Step.DRAIN if followed.job.readout.size == 1 else Step.POOL


def _begun(followed: Followed) -> Finding | None:
    """The drain begins behind the group's last sum, and keeps the bank until its last read."""
    begun = [mark for mark in followed.probe.begun if mark.group == followed.number]
    finished = [mark for mark in followed.probe.finished if mark.group == followed.number]
    drained = [mark for mark in followed.probe.drained if mark.group == followed.number]
    if not begun:
        return None
    if not finished or begun[0].cycle <= finished[0].cycle:
        text = f"the drain begins with group {followed.group} before its last sum is written"
        return Finding(Step.DRAIN, begun[0].cycle, text)
    for opened in followed.probe.opened:
        again = opened.group > followed.number and opened.bank == begun[0].bank
        if again and (not drained or opened.cycle < drained[0].cycle):
            other = opened.group - followed.first_group
            text = f"group {other} takes bank {shown(opened.bank)} in cycle {opened.cycle}, "
            text += f"before group {followed.group} was read out of it"
            given = (opened.bank_free or 0) >> (opened.bank or 0) & 1
            return Finding(Step.DRAIN if given else Step.SEQUENCER, opened.cycle, text)
    return None


def _walk(followed: Followed) -> Finding | None:
    """The readout goes by the settings of the bank's own job, from its first read to its last."""
    wanted = followed.job.readout_settings()
    for walk in followed.probe.readouts:
        for name, held in walk.figures.items():
            if walk.group == followed.number and held != wanted[name]:
                text = f"the readout reads group {followed.group} with {name} {shown(held)}, "
                hints = suspects.walk(followed, name, held)
                text += f"not {wanted[name]}"
                return Finding(Step.DRAIN, walk.cycle, text, suspects=hints)
    return None


def _lost_read(followed: Followed, index: int) -> Finding | None:
    """A read that never came, although the group was drained."""
    for mark in followed.probe.drained:
        if mark.group == followed.number:
            total = sum(map(len, followed.job.windows()))
            text = f"the drain ends after {shown(mark.count)} reads of the group, not {total}: "
            return Finding(walk_step(followed), mark.cycle, text + f"read {index} never comes")
    return None


def _read(
    followed: Followed, window: Window, index: int, value: Value, read: Read
) -> Finding | None:
    """The drain's side: which pixel of which bank, with which settings, and what came."""
    job = followed.job
    step = walk_step(followed)
    pixel = value.row * job.out_width + value.column
    bank = None if followed.opened is None else followed.opened.bank
    last = len(window.values) - 1
    reads = sum(map(len, job.windows()))
    clipped = len(window.values) < job.readout.size**2
    wanted: tuple[tuple[Step, str, Figure, Figure], ...] = (
        (Step.DRAIN, "bank", bank, read.bank),
        (step, "pixel", pixel, read.pixel),
        (Step.DRAIN, "settings POST", job.post & 0xFFFF, read.post),
        (Step.DRAIN, "settings POOL", job.pool & 0xFFFF, read.pool),
        (Step.POOL, "mark of a window's first pixel", int(index == 0), read.window_first),
        (Step.POOL, "mark of a window's last pixel", int(index == last), read.window_last),
        (Step.POOL, "mark of a clipped window", int(clipped), read.clipped),
        (step, "mark of the last read", int(read.number == reads - 1), read.last),
    )
    for guilty, name, want, have in wanted:
        if want != have:
            text = f"read {read.number} of the group: {name} is {shown(have)}, not {want}"
            hints = _asked(followed, read, name)
            return Finding(guilty, read.cycle, text, suspects=hints)
    if read.sums_cycle is None:
        return None
    if read.word_bank != read.bank:
        text = f"read {read.number}: bank {shown(read.bank)} was asked for, the word is taken "
        text += f"from bank {shown(read.word_bank)}"
        return Finding(Step.DRAIN, read.sums_cycle, text)
    ours = pixel == followed.pixel
    total = followed.last_sum if ours else value.sum
    if read.sum != total:
        text = f"read {read.number}: the sum fetched is {shown(read.sum)}, not {shown(total)}"
        others = [other for other in followed.probe.others if other.sum == read.sum and ours]
        if others:
            return overwritten(followed, others[0], text)
        hints = suspects.fetched(value, read.sum)
        return Finding(Step.ACCUMULATOR, read.sums_cycle, text, certain=ours, suspects=hints)
    return None


def _asked(followed: Followed, read: Read, name: str) -> tuple[str, ...]:
    """What the drain asked for instead."""
    if name == "pixel":
        return suspects.pixel(followed, read.pixel, read.number)
    if name.startswith("settings"):
        held = read.post if name.endswith("POST") else read.pool
        return suspects.settings(followed, name.split()[-1].lower(), held)
    return ()


def _value(followed: Followed, read: Read) -> Finding | None:
    """The output arithmetic, each register from the one before it."""
    arithmetic = followed.job.arithmetic
    if read.round_cycle is None:
        return None
    for name, want, have in (
        ("the rounding constant", arithmetic.half, read.half),
        ("the settings beside the sum", read.post, read.word_post),
        ("the settings beside the rounded sum", read.post, read.round_post),
    ):
        if want != have:
            text = f"{name} is {shown(have)}, not {shown(want)}"
            hints = suspects_output.half(arithmetic, have) if name.endswith("constant") else ()
            return Finding(Step.REQUANTISER, read.sums_cycle, text, suspects=hints)
    if read.sum is None or read.rounded != arithmetic.rounded(read.sum):
        want = None if read.sum is None else arithmetic.rounded(read.sum)
        early = arithmetic.place is LeakyPlace.BEFORE_REQUANT
        hints, activation = suspects_output.rounded(arithmetic, read.sum, read.rounded)
        step = Step.ACTIVATION if early and activation else Step.REQUANTISER
        text = f"sum {shown(read.sum)} becomes {shown(read.rounded)} behind the shift by "
        text += f"{arithmetic.shift}, not {shown(want)}"
        return Finding(step, read.round_cycle, text, suspects=hints)
    if read.value_cycle is None:
        return None
    want = None if read.rounded is None else arithmetic.value(read.rounded)
    if read.value != want or want is None:
        hints, step = suspects_output.value(arithmetic, read.rounded, read.value)
        text = f"{shown(read.rounded)} becomes value {shown(read.value)}, not {shown(want)}"
        return Finding(step, read.value_cycle, text, suspects=hints)
    return None


def _window(window: Window, index: int, read: Read) -> Finding | None:
    """The window's marks that travel with the value."""
    if read.value_cycle is None:
        return None
    last = len(window.values) - 1
    for name, want, have in (
        ("mark of the window's first value", int(index == 0), read.value_first),
        ("mark that the window holds zeros of the padding", _floor(window), read.value_floor),
        ("mark of the window's last value", int(index == last), read.value_emit),
    ):
        if want != have:
            text = f"value of read {read.number}: {name} is {shown(have)}, not {want}"
            return Finding(Step.POOL, read.value_cycle, text)
    return None


def _floor(window: Window) -> int:
    return int(window.floor == 0)


def _leaves(
    followed: Followed, window: Window, index: int, read: Read, held: list[Figure]
) -> Finding | None:
    """The maximum of the window's values, and the lane's part of the output beat."""
    known = [figure for figure in held if figure is not None]
    highest = read.highest[followed.lane] if read.highest else None
    if len(known) == len(held) and highest != (want := max(window.floor, *known)):
        text = f"the maximum of {len(held)} values is {shown(highest)}, not {want}"
        hints = suspects_output.maximum(window, known, highest)
        return Finding(Step.POOL, read.highest_cycle, text, suspects=hints)
    if index < len(window.values) - 1:
        return None
    if read.out != highest:
        text = f"the lane's maximum is {shown(highest)}, the output has {shown(read.out)}"
        hints = suspects_output.other_lane(read.highest, read.out, followed.lane)
        return Finding(Step.OUTPUT, read.highest_cycle, text, suspects=hints)
    if read.emitted != 1:
        return Finding(Step.OUTPUT, read.highest_cycle, "the value is not handed to the output")
    return _beat(followed, window, read)


def _beat(followed: Followed, window: Window, read: Read) -> Finding | None:
    job = followed.job
    beats = len(job.windows()) * job.out_groups
    marks: tuple[tuple[str, int, Figure], ...] = (
        ("TKEEP of the lane", int(followed.live), read.keep),
        ("the mark of the job's last beat", int(window.beat == beats - 1), read.last_beat),
    )
    for name, want, have in marks:
        if want != have:
            text = f"{name} is {shown(have)}, not {want}"
            return Finding(Step.OUTPUT, read.highest_cycle, text)
    for beat in followed.probe.beats:
        if beat.number != read.beat:
            continue
        for name, entered, leaves in (
            ("value", read.out, beat.value),
            ("last", read.last_beat, beat.last),
        ):
            if entered != leaves:
                text = f"beat {window.beat} entered the output's buffer with {name} "
                text += f"{shown(entered)} and leaves with {shown(leaves)}"
                return Finding(Step.OUTPUT, beat.cycle, text)
    return None
