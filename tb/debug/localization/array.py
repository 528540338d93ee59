"""Checks a value's way from the tile memory to its finished sum, pass by pass.

Each step is held against what the RTL itself handed to it, so that what only passes a wrong
figure on is not blamed.
"""

from __future__ import annotations

from collections.abc import Iterator

from golden.arithmetic.fixed import CUT_BITS
from golden.config import PEConfig, ProductMode
from tb.debug.localization import explanations, memories
from tb.debug.localization.contributions import Contribution
from tb.debug.localization.descriptor import dot_width
from tb.debug.localization.watched import (
    Culprit,
    WatchedValue,
    differences,
    differing,
    shown,
    wrapped,
)
from tb.debug.probe.events import Beat, Figure, OtherSum, Pass, Vector
from tb.duts.conv_pe.pipeline_steps import Step


def array_culprits(watched: WatchedValue) -> Iterator[Culprit]:
    """Steps between the sequencer and the accumulator that went wrong, the first one first."""
    yield from _bank(watched)
    for number, (term, held) in enumerate(watched.passes):
        for check in (_sequencer, _input, _weights, _operands, _dot):
            yield from check(watched, term, held)
        if held.add_cycle is None:
            return
        yield from _accumulator(watched, number)
    yield from _pass_count(watched)


def product_sum(act: Vector, weight: Vector, config: PEConfig) -> Figure:
    """What an array makes of its own operands; None with an unknown one."""
    total = 0
    for a, w in zip(act, weight, strict=True):
        if a is None or w is None:
            return None
        product = a * w
        if config.mode is not ProductMode.FULL:
            half = 1 << (CUT_BITS - 1) if config.mode is ProductMode.CUT_ROUND else 0
            product = wrapped((product + half) >> CUT_BITS, 16)
        total += product
    return wrapped(total, dot_width(config))


def _where(term: Contribution) -> str:
    return f"pass {term.number} (input group {term.in_group}, tap {term.ky},{term.kx})"


def _bank(watched: WatchedValue) -> Iterator[Culprit]:
    """Banks take turns from group to group."""
    opened = watched.opened
    earlier = [other for other in watched.probe.opened if other.group == watched.number - 1]
    if opened is None or not earlier or opened.bank != earlier[0].bank:
        return
    cleared = [mark.cycle for mark in watched.probe.marks("clear")]
    if not any(earlier[0].cycle <= cycle < opened.cycle for cycle in cleared):
        text = f"group {watched.group} takes bank {shown(opened.bank)}, as the group before it"
        yield Culprit(Step.SEQUENCER, opened.cycle, f"{text}: banks take turns")


def _sequencer(watched: WatchedValue, term: Contribution, held: Pass) -> Iterator[Culprit]:
    job = watched.job
    last = term.number == job.passes - 1 and watched.pixel == job.pixels - 1
    wanted = (
        ("input group", 0 if job.own else term.in_group, held.in_group),
        ("kernel row", term.ky, held.ky),
        ("kernel column", term.kx, held.kx),
        ("pixel", watched.pixel, held.pixel),
        ("bank", None if watched.opened is None else watched.opened.bank, held.bank),
        ("mark of the group's first pass", int(term.number == 0), held.group_first),
        ("mark of the group's last pixel", int(last), held.group_last),
    )
    for name, want, have in differences(wanted):
        text = f"{_where(term)}: the sequencer issues {name} {shown(have)}, not {want}"
        yield Culprit(Step.SEQUENCER, held.cycle, text)
    if held.outside != int(term.outside):
        pixel = f"input row {term.row} column {term.column}"
        lies = "lies in the padding" if term.outside else "is a pixel of the image"
        took = {0: "a pixel", 1: "padding"}.get(-1 if held.outside is None else held.outside)
        text = f"{_where(term)}: {pixel} {lies}, the sequencer issues it as {took or 'unknown'}"
        yield Culprit(Step.SEQUENCER, held.cycle, text)
    if not term.outside and held.address != term.address:
        text = f"{_where(term)}: the sequencer reads word {shown(held.address)} of the tile memory"
        hints = explanations.address(watched, term, held.address)
        yield Culprit(Step.SEQUENCER, held.cycle, f"{text}, not {term.address}", hints)


def _input(watched: WatchedValue, term: Contribution, held: Pass) -> Iterator[Culprit]:
    if held.word_cycle is None or term.outside or held.word == term.activations:
        return
    place = f"word {term.address} of the tile memory"
    fetches = watched.probe.marks("fetch")
    since = fetches[watched.before].cycle if len(fetches) > watched.before else 0
    ours = [
        write
        for write in watched.probe.writes
        if write.address == term.address and since <= write.cycle < held.cycle
    ]
    if not ours:
        yield Culprit(Step.INPUT, held.word_cycle, f"{place} was never written by this job")
        return
    last = ours[-1]
    if last.word != held.word:
        lane = differing([w or 0 for w in last.word], held.word)
        text = f"{place} was written in cycle {last.cycle}; the read of cycle {held.cycle} gives "
        text += f"another word: {lane}{memories.at_the_ports(held)}"
        hints = memories.tile_read(watched, held, last)
        yield Culprit(Step.INPUT, held.word_cycle, text, hints)
    if any(write.word == term.activations for write in ours[:-1]):
        text = f"{place} was overwritten in cycle {last.cycle}, before its last use"
        yield Culprit(Step.INPUT, last.cycle, text)
    text = f"{place} was written with another word than the stream's: "
    text += differing(term.activations, last.word)
    yield Culprit(Step.INPUT, last.cycle, text, explanations.word(watched, last.word))


def _operands(watched: WatchedValue, term: Contribution, held: Pass) -> Iterator[Culprit]:
    if held.operands_cycle is None:
        return
    if held.word_outside != held.outside:
        text = f"{_where(term)}: the padding's mark changes between stage 0 and 1"
        yield Culprit(Step.ARRAY, held.word_cycle, text)
    wanted = (0,) * len(held.act) if term.outside else held.word
    if held.act != wanted:
        known = [figure or 0 for figure in wanted]
        text = f"{_where(term)}: operand register: {differing(known, held.act)}"
        hints = explanations.operand(watched, term, held)
        yield Culprit(Step.ARRAY, held.operands_cycle, text, hints)


def _weights(watched: WatchedValue, term: Contribution, held: Pass) -> Iterator[Culprit]:
    if held.operands_cycle is None or held.weight == term.weights:
        return
    hints = explanations.weights(watched, term, held.weight)
    load = _beat(watched.probe.loads, watched, term)
    swap = _beat(watched.probe.swaps, watched, term)
    where = f"{_where(term)}: weights of lane {watched.lane}"
    if load is not None and load.data != term.weights:
        text = f"{where}: the shadow loads another beat: {differing(term.weights, load.data)}"
        yield Culprit(Step.WEIGHTS, load.cycle, text, hints)
    if swap is None:
        text = f"{where}: the shadow is not taken with the pass"
        yield Culprit(Step.WEIGHTS, held.operands_cycle, text, hints)
    elif swap.data != term.weights:
        text = f"{where}: the shadow that is taken is wrong: {differing(term.weights, swap.data)}"
        yield Culprit(Step.WEIGHTS, swap.cycle, text, hints)
    text = f"{where}: the shadow was right, the register is not: "
    text += differing(term.weights, held.weight)
    yield Culprit(Step.ARRAY, held.operands_cycle, text, hints)


def _beat(beats: tuple[Beat, ...], watched: WatchedValue, term: Contribution) -> Beat | None:
    place = watched.number, term.number
    return next((beat for beat in beats if (beat.group, beat.number) == place), None)


def _dot(watched: WatchedValue, term: Contribution, held: Pass) -> Iterator[Culprit]:
    if held.add_cycle is None:
        return
    wanted = product_sum(held.act, held.weight, watched.job.config)
    if held.dot != wanted or wanted is None:
        text = f"{_where(term)}: the lane's products add up to {shown(held.dot)}, not "
        hints = explanations.dot(held, watched.job.config)
        yield Culprit(Step.ARRAY, held.add_cycle, text + shown(wanted), hints)


def _accumulator(watched: WatchedValue, number: int) -> Iterator[Culprit]:
    """The addition of one pass: what it starts from, where, and what it writes."""
    term, held = watched.passes[number]
    where = _where(term)
    if (held.first, held.add_bank, held.add_pixel) != (held.group_first, held.bank, held.pixel):
        text = f"{where}: first, bank or pixel change between the sequencer and the addition"
        yield Culprit(Step.ACCUMULATOR, held.add_cycle, text)
    if number == 0:
        yield from _bias(watched, held)
    else:
        yield from _carried(watched, watched.passes[number - 1][1], held, where)
    wanted = None
    if held.old is not None and held.dot is not None:
        wanted = wrapped(held.old + held.dot, watched.job.config.acc_w)
    if held.sum != wanted or wanted is None:
        text = f"{where}: the accumulator writes {shown(held.sum)}, not {shown(wanted)}"
        yield Culprit(Step.ACCUMULATOR, held.add_cycle, text, explanations.total(held))


def _bias(watched: WatchedValue, held: Pass) -> Iterator[Culprit]:
    bias = watched.value.bias
    if held.old == bias:
        return
    if held.bias == bias:
        text = f"the first pass starts from {shown(held.old)}, not from the bias {bias}"
        hints = explanations.start(watched, held)
        yield Culprit(Step.ACCUMULATOR, held.add_cycle, text, hints)
    taken = [take for take in watched.probe.takes if take.group == watched.number]
    text = f"the bias register holds {shown(held.bias)}, not {bias}"
    cycle = held.add_cycle
    if taken and taken[0].data != (bias,):
        text += f"; the shadow held {shown(taken[0].data[0])} when it was taken"
        cycle = taken[0].cycle
    yield Culprit(Step.BIAS, cycle, text, explanations.bias(watched, held.bias))


def _carried(watched: WatchedValue, before: Pass, held: Pass, where: str) -> Iterator[Culprit]:
    """A pass goes on from what the one before it wrote."""
    if held.old == before.sum:
        return
    for other in watched.probe.others:
        if other.sum == held.old and (before.add_cycle or 0) < other.cycle:
            yield overwritten(watched, other, where)
    text = f"{where}: goes on from {shown(held.old)}, but {shown(before.sum)} was written"
    if before.add_cycle is not None:
        text += f" in cycle {before.add_cycle}"
    access = memories.access_of_pass(held)
    text += memories.bank_read(access, held.pixel, held.operands_cycle)
    yield Culprit(Step.ACCUMULATOR, held.add_cycle, text, explanations.start(watched, held))


def overwritten(watched: WatchedValue, other: OtherSum, where: str) -> Culprit:
    """Who wrote over a sum: another pixel by its wrong number, or the accumulator astray."""
    text = (
        f"{where}: the sum was overwritten in cycle {other.cycle} by pass "
        f"{other.number} of group {other.group - watched.first_group}"
    )
    if other.turn is None or other.issued == other.turn:
        return Culprit(Step.ACCUMULATOR, other.cycle, text)
    row, column = divmod(other.turn, watched.job.out_width)
    text += f": the sequencer issued pixel {other.turn} (row {row} column {column}) "
    return Culprit(Step.SEQUENCER, other.cycle, f"{text}as pixel {shown(other.issued)}")


def _pass_count(watched: WatchedValue) -> Iterator[Culprit]:
    """As many passes as the reference model's, where the group came to its end."""
    came, wanted = len(watched.probe.passes), watched.job.passes
    finished = watched.mark(watched.probe.finished)
    if came > wanted or (finished is not None and came < wanted):
        last = watched.probe.passes[-1] if came else finished
        text = f"the group has {came} passes over this pixel, not {wanted}"
        yield Culprit(Step.SEQUENCER, None if last is None else last.cycle, text)
