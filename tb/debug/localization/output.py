"""Checks a value's way from its finished sum to the output stream, read by read."""

from __future__ import annotations

from collections.abc import Iterator

from tb.debug.localization import explanations, memories, output_explanations
from tb.debug.localization.array import overwritten
from tb.debug.localization.contributions import Value, Window
from tb.debug.localization.watched import Culprit, WatchedValue, differences, shown
from tb.debug.probe.events import Figure, Read
from tb.duts.conv_pe.pipeline_steps import Step


def output_culprits(watched: WatchedValue) -> Iterator[Culprit]:
    """Steps between the drain and the output that went wrong, the first one first."""
    yield from _begun(watched)
    yield from _readout_settings(watched)
    reads = {read.number: read for read in watched.probe.reads}
    for window in watched.windows:
        values: list[Figure] = []
        for index, value in enumerate(window.values):
            read = reads.get(window.first_read + index)
            if read is None:
                yield from _lost_read(watched, window.first_read + index)
                return
            yield from _read(watched, window, index, value, read)
            yield from _value(watched, read)
            yield from _window(window, index, read)
            if read.highest_cycle is None:
                return
            values.append(read.value)
            yield from _leaves(watched, window, index, read, values)


def order_step(watched: WatchedValue) -> Step:
    """What a fault in the order of the reads is called."""
    return Step.DRAIN if watched.job.readout.size == 1 else Step.POOL


def _begun(watched: WatchedValue) -> Iterator[Culprit]:
    """The drain begins behind the group's last sum, and keeps the bank until its last read."""
    marks = (watched.probe.begun, watched.probe.finished, watched.probe.drained)
    begun, finished, drained = map(watched.mark, marks)
    if begun is None:
        return
    if finished is None or begun.cycle <= finished.cycle:
        text = f"the drain begins with group {watched.group} before its last sum is written"
        yield Culprit(Step.DRAIN, begun.cycle, text)
    for opened in watched.probe.opened:
        again = opened.group > watched.number and opened.bank == begun.bank
        if again and (drained is None or opened.cycle < drained.cycle):
            other = opened.group - watched.first_group
            text = f"group {other} takes bank {shown(opened.bank)} in cycle {opened.cycle}, "
            text += f"before group {watched.group} was read out of it"
            given = (opened.bank_free or 0) >> (opened.bank or 0) & 1
            yield Culprit(Step.DRAIN if given else Step.SEQUENCER, opened.cycle, text)


def _readout_settings(watched: WatchedValue) -> Iterator[Culprit]:
    """The readout goes by the settings of the bank's own job, from its first read to its last."""
    wanted = watched.job.readout_settings()
    for held in watched.probe.readouts:
        if held.group != watched.number:
            continue
        settings = ((name, wanted[name], have) for name, have in held.figures.items())
        for name, want, have in differences(settings):
            text = f"the readout reads group {watched.group} with {name} {shown(have)}, not {want}"
            hints = explanations.readout_setting(watched, name, have)
            yield Culprit(Step.DRAIN, held.cycle, text, hints)


def _lost_read(watched: WatchedValue, index: int) -> Iterator[Culprit]:
    """A read that never came, although the group was drained."""
    mark = watched.mark(watched.probe.drained)
    if mark is not None:
        total = sum(map(len, watched.job.windows()))
        text = f"the drain ends after {shown(mark.count)} reads of the group, not {total}: "
        yield Culprit(order_step(watched), mark.cycle, text + f"read {index} never comes")


def _read(
    watched: WatchedValue, window: Window, index: int, value: Value, read: Read
) -> Iterator[Culprit]:
    """The drain's side: which pixel of which bank, with which settings, and what came."""
    job, step = watched.job, order_step(watched)
    pixel = value.row * job.out_width + value.column
    last = len(window.values) - 1
    reads = sum(map(len, job.windows()))
    clipped = len(window.values) < job.readout.size**2
    bank = None if watched.opened is None else watched.opened.bank
    wanted = (
        ((Step.DRAIN, "bank"), bank, read.bank),
        ((step, "pixel"), pixel, read.pixel),
        ((Step.DRAIN, "settings POST"), job.post & 0xFFFF, read.post),
        ((Step.DRAIN, "settings POOL"), job.pool & 0xFFFF, read.pool),
        ((Step.POOL, "mark of a window's first pixel"), int(index == 0), read.window_first),
        ((Step.POOL, "mark of a window's last pixel"), int(index == last), read.window_last),
        ((Step.POOL, "mark of a clipped window"), int(clipped), read.clipped),
        ((step, "mark of the last read"), int(read.number == reads - 1), read.last),
    )
    for (guilty, name), want, have in differences(wanted):
        text = f"read {read.number} of the group: {name} is {shown(have)}, not {want}"
        yield Culprit(guilty, read.cycle, text, _asked(watched, read, name))
    if read.sums_cycle is None:
        return
    if read.word_bank != read.bank:
        text = f"read {read.number}: bank {shown(read.bank)} was asked for, the word is taken "
        text += f"from bank {shown(read.word_bank)}"
        yield Culprit(Step.DRAIN, read.sums_cycle, text)
    ours = pixel == watched.pixel
    total = watched.last_sum if ours else value.sum
    if read.sum != total:
        text = f"read {read.number}: the sum fetched is {shown(read.sum)}, not {shown(total)}"
        for other in watched.probe.others:
            if other.sum == read.sum and ours:
                yield overwritten(watched, other, text)
        text += memories.bank_read(memories.access(read), pixel, read.cycle)
        hints = explanations.fetched(value, read.sum)
        yield Culprit(Step.ACCUMULATOR, read.sums_cycle, text, hints, certain=ours)


def _asked(watched: WatchedValue, read: Read, name: str) -> tuple[str, ...]:
    """What the drain asked for instead."""
    if name == "pixel":
        return explanations.pixel(watched, read.pixel, read.number)
    if name.startswith("settings"):
        held = read.post if name.endswith("POST") else read.pool
        return explanations.settings(watched, name.split()[-1].lower(), held)
    return ()


def _value(watched: WatchedValue, read: Read) -> Iterator[Culprit]:
    """The output arithmetic, each register from the one before it."""
    arithmetic = watched.job.arithmetic
    if read.round_cycle is None:
        return
    if read.stage_post not in (None, read.post):
        text = f"port read_post of output_stage is {shown(read.stage_post)}, the drain gives "
        text += f"{shown(read.post)}: that is a wire of conv_pe.v"
        yield Culprit(Step.CONTROL, read.cycle, text)
    wanted = (
        ("the rounding constant", arithmetic.half, read.half),
        ("the settings of the sum", read.post, read.word_post),
        ("the settings of the rounded sum", read.post, read.round_post),
    )
    for name, want, have in differences(wanted):
        text = f"{name} is {shown(have)}, not {shown(want)}"
        hints = output_explanations.half(arithmetic, have) if name.endswith("constant") else ()
        yield Culprit(Step.REQUANTISER, read.sums_cycle, text, hints)
    rounded = None if read.sum is None else arithmetic.rounded(read.sum)
    if read.rounded != rounded or rounded is None:
        made = [(one.sum, one.rounded) for one in watched.probe.samples]
        hints, step = output_explanations.rounded(arithmetic, (read.sum, read.rounded), made)
        text = f"sum {shown(read.sum)} becomes {shown(read.rounded)} behind the shift by "
        text += f"{arithmetic.shift}, not {shown(rounded)}"
        yield Culprit(step, read.round_cycle, text, hints)
    value = None if read.rounded is None else arithmetic.value(read.rounded)
    if read.value_cycle is not None and (read.value != value or value is None):
        made = [(one.rounded, one.value) for one in watched.probe.samples]
        hints, step = output_explanations.value(arithmetic, (read.rounded, read.value), made)
        text = f"{shown(read.rounded)} becomes value {shown(read.value)}, not {shown(value)}"
        yield Culprit(step, read.value_cycle, text, hints)


def _window(window: Window, index: int, read: Read) -> Iterator[Culprit]:
    """The window's marks that travel with the value."""
    if read.value_cycle is None:
        return
    last, floor = len(window.values) - 1, int(window.floor == 0)
    wanted = (
        ("mark of the window's first value", int(index == 0), read.value_first),
        ("mark that the window holds zeros of the padding", floor, read.value_floor),
        ("mark of the window's last value", int(index == last), read.value_emit),
    )
    for name, want, have in differences(wanted):
        text = f"value of read {read.number}: {name} is {shown(have)}, not {want}"
        yield Culprit(Step.POOL, read.value_cycle, text)


def _leaves(
    watched: WatchedValue, window: Window, index: int, read: Read, values: list[Figure]
) -> Iterator[Culprit]:
    """The maximum of the window's values, and the lane's part of the output beat."""
    known = [figure for figure in values if figure is not None]
    highest = read.highest[watched.lane] if read.highest else None
    if len(known) == len(values) and highest != (want := max(window.floor, *known)):
        text = f"the maximum of {len(values)} values is {shown(highest)}, not {want}"
        hints = output_explanations.maximum(window, known, highest)
        yield Culprit(Step.POOL, read.highest_cycle, text, hints)
    if index < len(window.values) - 1:
        return
    if read.out != highest:
        text = f"the lane's maximum is {shown(highest)}, the output has {shown(read.out)}"
        hints = output_explanations.other_lane(read.highest, read.out, watched.lane)
        yield Culprit(Step.OUTPUT, read.highest_cycle, text, hints)
    if read.emitted != 1:
        yield Culprit(Step.OUTPUT, read.highest_cycle, "the value is not handed to the output")
    beats = len(watched.job.windows()) * watched.job.out_groups
    marks = (
        ("TKEEP of the lane", int(watched.live), read.keep),
        ("the mark of the job's last beat", int(window.beat == beats - 1), read.last_beat),
    )
    for name, wanted, have in differences(marks):
        text = f"{name} is {shown(have)}, not {wanted}"
        yield Culprit(Step.OUTPUT, read.highest_cycle, text)
    for beat in watched.probe.beats:
        if beat.number == read.beat:
            leaving = (("value", read.out, beat.value), ("last", read.last_beat, beat.last))
            for name, entered, leaves in differences(leaving):
                text = f"beat {window.beat} entered the output's buffer with {name} "
                text += f"{shown(entered)} and leaves with {shown(leaves)}"
                yield Culprit(Step.OUTPUT, beat.cycle, text)
