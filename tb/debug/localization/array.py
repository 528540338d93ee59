"""Judges a value's way from the tile memory to its finished sum, pass by pass.

Each step is judged on what the RTL itself handed to it, so that what only passes a wrong
figure on is not blamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from golden.arithmetic.fixed import CUT_BITS
from golden.config import PEConfig, ProductMode
from tb.debug.localization import suspects
from tb.debug.localization.contributions import Contribution
from tb.debug.localization.finding import Finding, Followed, differing, shown, wrapped
from tb.debug.probe.events import Beat, Figure, OtherSum, Pass, Vector
from tb.duts.conv_pe.pipeline_steps import Step

SLOT: Final = 32


def judge_array(followed: Followed) -> Finding | None:
    """The first step between the sequencer and the accumulator that went wrong, if one did."""
    found = _bank(followed)
    if found is not None:
        return found
    for number, (term, seen) in enumerate(followed.passes):
        for judge in _JUDGES:
            found = judge(followed, term, seen)
            if found is not None:
                return found
        if seen.add_cycle is None:
            return None
        found = _accumulator(followed, number)
        if found is not None:
            return found
    return _pass_count(followed)


def dot_width(config: PEConfig) -> int:
    """Bits of a lane's product sum, as ``compute_core`` has it."""
    grown = 32 + (config.p_ic - 1).bit_length() if config.mode is ProductMode.FULL else 32
    return min(grown, config.acc_w)


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


def _bank(followed: Followed) -> Finding | None:
    """Banks take turns from group to group."""
    opened = followed.opened
    if opened is None:
        return None
    earlier = [other for other in followed.probe.opened if other.group == followed.number - 1]
    cleared = [mark.cycle for mark in followed.probe.marks("clear")]
    if not earlier or any(earlier[0].cycle <= cycle < opened.cycle for cycle in cleared):
        return None
    if opened.bank == earlier[0].bank:
        text = f"group {followed.group} takes bank {shown(opened.bank)}, as the group before it"
        return Finding(Step.SEQUENCER, opened.cycle, f"{text}: banks take turns")
    return None


def _sequencer(followed: Followed, term: Contribution, seen: Pass) -> Finding | None:
    job = followed.job
    last = term.number == job.passes - 1 and followed.pixel == job.pixels - 1
    bank = None if followed.opened is None else followed.opened.bank
    wanted: tuple[tuple[str, Figure, Figure], ...] = (
        ("input group", 0 if job.own else term.in_group, seen.in_group),
        ("kernel row", term.ky, seen.ky),
        ("kernel column", term.kx, seen.kx),
        ("pixel", followed.pixel, seen.pixel),
        ("bank", bank, seen.bank),
        ("mark of the group's first pass", int(term.number == 0), seen.group_first),
        ("mark of the group's last pixel", int(last), seen.group_last),
    )
    for name, want, have in wanted:
        if want != have:
            text = f"{_where(term)}: the sequencer issues {name} {shown(have)}, not {want}"
            return Finding(Step.SEQUENCER, seen.cycle, text)
    if seen.outside != int(term.outside):
        pixel = f"input row {term.row} column {term.column}"
        lies = "lies in the padding" if term.outside else "is a pixel of the image"
        took = {0: "a pixel", 1: "padding"}.get(seen.outside or 0, "unknown")
        took = took if seen.outside is not None else "unknown"
        text = f"{_where(term)}: {pixel} {lies}, the sequencer issues it as {took}"
        return Finding(Step.SEQUENCER, seen.cycle, text)
    if not term.outside and seen.address != term.address:
        text = (
            f"{_where(term)}: the sequencer reads word {shown(seen.address)} of the tile memory, "
            f"not {term.address}"
        )
        hints = suspects.address(followed, term, seen.address)
        return Finding(Step.SEQUENCER, seen.cycle, text, suspects=hints)
    return None


def _input(followed: Followed, term: Contribution, seen: Pass) -> Finding | None:
    if seen.word_cycle is None or term.outside or seen.word == term.activations:
        return None
    place = f"word {term.address} of the tile memory"
    fetches = followed.probe.marks("fetch")
    since = fetches[followed.before].cycle if len(fetches) > followed.before else 0
    writes = [
        write
        for write in followed.probe.writes
        if write.address == term.address and write.cycle < seen.cycle
    ]
    ours = [write for write in writes if write.cycle >= since]
    if not ours:
        return Finding(Step.INPUT, seen.word_cycle, f"{place} was never written by this job")
    if ours[-1].word != seen.word:
        lane = differing([w or 0 for w in ours[-1].word], seen.word)
        text = f"{place}: {lane}; that was written in cycle {ours[-1].cycle}"
        return Finding(Step.INPUT, seen.word_cycle, text)
    if any(write.word == term.activations for write in ours[:-1]):
        text = f"{place} was overwritten in cycle {ours[-1].cycle}, before its last use"
        return Finding(Step.INPUT, ours[-1].cycle, text)
    text = f"{place} was written with another word than the stream's: "
    hints = suspects.word(followed, ours[-1].word)
    lane = differing(term.activations, ours[-1].word)
    return Finding(Step.INPUT, ours[-1].cycle, text + lane, suspects=hints)


def _operands(followed: Followed, term: Contribution, seen: Pass) -> Finding | None:
    if seen.operands_cycle is None:
        return None
    if seen.word_outside != seen.outside:
        text = f"{_where(term)}: the padding's mark changes between stage 0 and 1"
        return Finding(Step.ARRAY, seen.word_cycle, text)
    wanted = (0,) * len(seen.act) if term.outside else seen.word
    if seen.act != wanted:
        known = [figure or 0 for figure in wanted]
        text = f"{_where(term)}: operand register: {differing(known, seen.act)}"
        hints = suspects.operand(followed, term, seen)
        return Finding(Step.ARRAY, seen.operands_cycle, text, suspects=hints)
    return None


def _weights(followed: Followed, term: Contribution, seen: Pass) -> Finding | None:
    if seen.operands_cycle is None or seen.weight == term.weights:
        return None
    hints = suspects.weights(followed, term, seen.weight)
    load = _beat(followed.probe.loads, followed, term)
    swap = _beat(followed.probe.swaps, followed, term)
    where = f"{_where(term)}: weights of lane {followed.lane}"
    if load is not None and load.data != term.weights:
        text = f"{where}: the shadow loads another beat: {differing(term.weights, load.data)}"
        return Finding(Step.WEIGHTS, load.cycle, text, suspects=hints)
    if swap is None:
        text = f"{where}: the shadow is not taken with the pass"
        return Finding(Step.WEIGHTS, seen.operands_cycle, text, suspects=hints)
    if swap.data != term.weights:
        fault = differing(term.weights, swap.data)
        text = f"{where}: the shadow that is taken is wrong: {fault}"
        return Finding(Step.WEIGHTS, swap.cycle, text, suspects=hints)
    text = f"{where}: the shadow was right, the register is not: "
    text += differing(term.weights, seen.weight)
    return Finding(Step.ARRAY, seen.operands_cycle, text, suspects=hints)


def _beat(beats: tuple[Beat, ...], followed: Followed, term: Contribution) -> Beat | None:
    for beat in beats:
        if beat.group == followed.number and beat.number == term.number:
            return beat
    return None


def _dot(followed: Followed, term: Contribution, seen: Pass) -> Finding | None:
    if seen.add_cycle is None:
        return None
    wanted = product_sum(seen.act, seen.weight, followed.job.config)
    if seen.dot != wanted or wanted is None:
        text = f"{_where(term)}: the lane's products add up to {shown(seen.dot)}, not "
        text += shown(wanted)
        hints = suspects.dot(seen, followed.job.config)
        return Finding(Step.ARRAY, seen.add_cycle, text, suspects=hints)
    return None


_JUDGES: Final[tuple[Callable[[Followed, Contribution, Pass], Finding | None], ...]] = (
    _sequencer,
    _input,
    _weights,
    _operands,
    _dot,
)


def _accumulator(followed: Followed, number: int) -> Finding | None:
    """The addition of one pass: what it starts from, where, and what it writes."""
    term, seen = followed.passes[number]
    where = _where(term)
    if (seen.first, seen.add_bank, seen.add_pixel) != (seen.group_first, seen.bank, seen.pixel):
        text = f"{where}: first, bank or pixel change between the sequencer and the addition"
        return Finding(Step.ACCUMULATOR, seen.add_cycle, text)
    if number == 0:
        found = _bias(followed, seen)
    else:
        found = _carried(followed, followed.passes[number - 1][1], seen, where)
    if found is not None:
        return found
    wanted = None
    if seen.old is not None and seen.dot is not None:
        wanted = wrapped(seen.old + seen.dot, followed.job.config.acc_w)
    if seen.sum != wanted or wanted is None:
        text = f"{where}: the accumulator writes {shown(seen.sum)}, not {shown(wanted)}"
        hints = suspects.total(seen)
        return Finding(Step.ACCUMULATOR, seen.add_cycle, text, suspects=hints)
    return None


def _bias(followed: Followed, seen: Pass) -> Finding | None:
    bias = followed.value.bias
    if seen.old == bias:
        return None
    if seen.bias == bias:
        text = f"the first pass starts from {shown(seen.old)}, not from the bias {bias}"
        return Finding(
            Step.ACCUMULATOR, seen.add_cycle, text, suspects=suspects.start(followed, seen)
        )
    taken = [take for take in followed.probe.takes if take.group == followed.number]
    text = f"the bias register holds {shown(seen.bias)}, not {bias}"
    cycle = seen.add_cycle
    if taken and taken[0].data != (bias,):
        text += f"; the shadow held {shown(taken[0].data[0])} when it was taken"
        cycle = taken[0].cycle
    hints = suspects.bias(followed, seen.bias)
    return Finding(Step.BIAS, cycle, text, suspects=hints)


def _carried(followed: Followed, before: Pass, seen: Pass, where: str) -> Finding | None:
    """A pass goes on from what the one before it wrote."""
    if seen.old == before.sum:
        return None
    for other in followed.probe.others:
        if other.sum == seen.old and (before.add_cycle or 0) < other.cycle:
            return overwritten(followed, other, where)
    text = f"{where}: goes on from {shown(seen.old)}, but {shown(before.sum)} was written"
    hints = suspects.start(followed, seen)
    return Finding(Step.ACCUMULATOR, seen.add_cycle, text, suspects=hints)


def overwritten(followed: Followed, other: OtherSum, where: str) -> Finding:
    """Who wrote over a sum: another pixel by its wrong number, or the accumulator astray."""
    text = (
        f"{where}: the sum was overwritten in cycle {other.cycle} by pass "
        f"{other.number} of group {other.group - followed.first_group}"
    )
    if other.turn is None or other.issued == other.turn:
        return Finding(Step.ACCUMULATOR, other.cycle, text)
    row, column = divmod(other.turn, followed.job.out_width)
    text += f": the sequencer issued pixel {other.turn} (row {row} column {column}) "
    return Finding(Step.SEQUENCER, other.cycle, f"{text}as pixel {shown(other.issued)}")


def _pass_count(followed: Followed) -> Finding | None:
    """So many passes as golden's, where the group came to its end."""
    came, wanted = len(followed.probe.passes), followed.job.passes
    finished = [mark for mark in followed.probe.finished if mark.group == followed.number]
    if came > wanted or (finished and came < wanted):
        cycle = followed.probe.passes[-1].cycle if came else finished[0].cycle
        text = f"the group has {came} passes over this pixel, not {wanted}"
        return Finding(Step.SEQUENCER, cycle, text)
    return None
