"""The localization names the first step whose inputs were right and whose output is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from tb.debug.localization.contributions import read_streams
from tb.debug.localization.localize import NOTHING
from tb.debug.localization.watched import wrapped
from tb.debug.probe.events import Counts, Mark, Opened, OtherSum, Pass, Read, Write
from tb.debug.probe.watch import watch_activated
from tb.duts.conv_pe.pipeline_steps import Step
from tb.tests.cosim.material import small_job
from tb.tests.debug.probed import perfect
from tb.tests.debug.probed_job import CONFIG, POOL, Change, ProbedJob, probed_job, written


@pytest.fixture
def plain(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path)


@pytest.fixture
def pooled(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path, POOL, (5, 2, 3))


@pytest.mark.parametrize("readout", [PLAIN, POOL, Readout(3, 1), Readout(upsample=True)])
def test_nothing_differs_in_a_job_without_a_fault(readout: Readout, tmp_path: Path) -> None:
    found = probed_job(tmp_path, readout, (5, 0, 0)).localize()
    assert (found.step, found.culprit.sentence, found.first_wrong) == (None, NOTHING, None)
    assert all(step.same for step in found.output_steps)
    assert all(entry.seen == entry.expected for entry in found.flow)


def other_word(held: Pass) -> tuple[int | None, ...]:
    return (*held.word[:-1], (held.word[-1] or 0) ^ 1)


ARRAY_FAULTS: dict[str, tuple[Change, Step, str]] = {
    "address": (lambda c: c.passes(4, address=9), Step.SEQUENCER, "reads word 9 of the tile"),
    "padding": (lambda c: c.passes(4, outside=1), Step.SEQUENCER, "issues it as padding"),
    "unknown padding": (lambda c: c.passes(2, outside=None), Step.SEQUENCER, "as unknown"),
    "tap order": (lambda c: c.passes(4, kx=2), Step.SEQUENCER, "kernel column 2, not 1"),
    "channel group": (lambda c: c.passes(9, in_group=0), Step.SEQUENCER, "input group 0, not 1"),
    "bank": (
        lambda c: c.localize(opened=(Opened(1, 0, 0, 3), Opened(2, 1, 0, 3))),
        Step.SEQUENCER,
        "banks take turns",
    ),
    "pass too few": (
        lambda c: c.localize(passes=c.probe.passes[:-1]),
        Step.SEQUENCER,
        "17 passes over this pixel, not 18",
    ),
    "memory": (
        lambda c: c.passes(4, word=other_word(c.probe.passes[4])),
        Step.INPUT,
        "was written in cycle",
    ),
    "word never written": (
        lambda c: c.localize(
            writes=(),
            passes=(*c.probe.passes[:4], replace(c.probe.passes[4], word=(1, 2, 3, 4))),
        ),
        Step.INPUT,
        "never written",
    ),
    "operand": (
        lambda c: c.passes(4, act=(*c.probe.passes[4].act[:3], 0)),
        Step.ARRAY,
        "input lane 3 holds 0",
    ),
    "register of weights": (
        lambda c: c.passes(4, weight=c.probe.passes[3].weight),
        Step.ARRAY,
        "the shadow was right",
    ),
    "products": (
        lambda c: c.passes(4, dot=(c.probe.passes[4].dot or 0) + 1),
        Step.ARRAY,
        "the lane's products add up to",
    ),
    "bias": (lambda c: c.passes(0, bias=4, old=4), Step.BIAS, "the bias register holds 4"),
    "not cleared": (lambda c: c.passes(0, old=4), Step.ACCUMULATOR, "starts from 4"),
    "carried": (lambda c: c.passes(4, old=4), Step.ACCUMULATOR, "goes on from 4"),
    "unknown sum": (lambda c: c.passes(4, sum=None), Step.ACCUMULATOR, "writes unknown"),
    "bank of the sum": (lambda c: c.passes(4, add_bank=0), Step.ACCUMULATOR, "bank or pixel"),
}


@pytest.mark.parametrize("name", ARRAY_FAULTS)
def test_a_fault_up_to_the_accumulator_is_named(name: str, plain: ProbedJob) -> None:
    change, step, words = ARRAY_FAULTS[name]
    found = change(plain)
    assert (found.step, found.culprit.certain) == (step, True)
    assert words in found.culprit.sentence
    assert found.culprit.cycle is not None


OUTPUT_FAULTS: dict[str, tuple[Change, Step, str]] = {
    "pixel": (lambda c: c.reads(0, pixel=3), Step.DRAIN, "pixel is 3, not 7"),
    "bank": (lambda c: c.reads(0, bank=0), Step.DRAIN, "bank is 0, not 1"),
    "settings": (lambda c: c.reads(0, post=3), Step.DRAIN, "settings POST is 3"),
    "early": (
        lambda c: c.localize(begun=(Mark(5, 1, 1, 1),)),
        Step.DRAIN,
        "before its last sum is written",
    ),
    "bank taken": (
        lambda c: c.localize(opened=(*c.probe.opened, Opened(50_101, 3, 1, 2))),
        Step.DRAIN,
        "before group 1 was read out",
    ),
    "bank stolen": (
        lambda c: c.localize(opened=(*c.probe.opened, Opened(50_101, 3, 1, 0))),
        Step.SEQUENCER,
        "before group 1 was read out",
    ),
    "sum": (lambda c: c.reads(0, sum=1), Step.ACCUMULATOR, "the sum fetched is 1"),
    "half": (lambda c: c.reads(0, half=0), Step.REQUANTISER, "rounding constant is 0"),
    "rounded": (
        lambda c: c.reads(0, rounded=(c.probe.reads[0].rounded or 0) + 1),
        Step.REQUANTISER,
        "behind the shift by 16",
    ),
    "activation": (
        lambda c: c.reads(0, value=c.probe.reads[0].rounded),
        Step.ACTIVATION,
        "becomes value",
    ),
    "lane": (lambda c: c.reads(0, out=0), Step.OUTPUT, "the output has 0"),
    "keep": (lambda c: c.reads(0, keep=0), Step.OUTPUT, "TKEEP of the lane is 0"),
    "not sent": (lambda c: c.reads(0, emitted=0), Step.OUTPUT, "not handed to the output"),
    "buffer": (
        lambda c: c.localize(beats=(replace(c.probe.beats[0], value=7),)),
        Step.OUTPUT,
        "leaves with 7",
    ),
    "lost read": (
        lambda c: c.localize(reads=(), drained=(Mark(9, 1, None, 11),)),
        Step.DRAIN,
        "11 reads of the group, not 12",
    ),
}


@pytest.mark.parametrize("name", OUTPUT_FAULTS)
def test_a_fault_behind_the_accumulator_is_named(name: str, plain: ProbedJob) -> None:
    change, step, words = OUTPUT_FAULTS[name]
    found = change(plain)
    assert (found.step, found.culprit.certain) == (step, True)
    assert words in found.culprit.sentence


POOL_FAULTS: dict[str, tuple[Change, str]] = {
    "order": (lambda c: c.reads(0, pixel=3), "pixel is 3"),
    "first": (lambda c: c.reads(0, value_first=0), "window's first value is 0"),
    "padding": (lambda c: c.reads(0, value_floor=0), "zeros of the padding is 0"),
    "clipped": (lambda c: c.reads(0, clipped=0), "clipped window is 0"),
    "maximum": (lambda c: c.reads(0, highest=(1, 30_000, 1, 1)), "is 30000, not"),
}


@pytest.mark.parametrize("name", POOL_FAULTS)
def test_a_fault_of_a_pool_is_named(name: str, pooled: ProbedJob) -> None:
    change, words = POOL_FAULTS[name]
    found = change(pooled)
    assert found.step is Step.POOL
    assert words in found.culprit.sentence


def test_saturation_is_told_from_activation(tmp_path: Path) -> None:
    job, _ = small_job(CONFIG, 5, 6, seed=7)
    job = replace(job, layer=replace(job.layer, shift=12))
    record = written(job, tmp_path)
    sums = spec.conv_accumulate(job.input, job.layer) + job.layer.bias[:, None, None]
    channel, row, column = (int(i) for i in np.argwhere(sums >> 12 > 40_000)[0])
    watch = watch_activated(record, CONFIG, channel, row, column)
    streams = read_streams(tmp_path, record, CONFIG)
    clipped = ProbedJob(tmp_path, record, watch, streams, perfect(streams, record, watch))
    rounded = clipped.probe.reads[0].rounded or 0
    found = clipped.reads(0, value=int(np.where((w := wrapped(rounded, 16)) < 0, w >> 3, w)))
    assert found.step is Step.SATURATION
    assert found.culprit.explanations == ("saturation is missing: the value wraps",)


def test_weights_are_judged_from_the_stream_to_the_lane(plain: ProbedJob) -> None:
    late = plain.probe.passes[3].weight
    held = [replace(beat, data=late) if beat.number == 4 else beat for beat in plain.probe.swaps]
    passes = list(plain.probe.passes)
    passes[4] = replace(passes[4], weight=late)
    stale = plain.localize(passes=tuple(passes), swaps=tuple(held))
    assert stale.step is Step.WEIGHTS
    assert "the shadow that is taken" in stale.culprit.sentence
    assert "weights of the pass before" in stale.culprit.explanations[0]
    wrong = plain.localize(passes=tuple(passes), loads=tuple(held), swaps=tuple(held))
    assert wrong.step is Step.WEIGHTS
    assert "loads another beat" in wrong.culprit.sentence


def test_a_word_that_is_overwritten_is_told_from_one_that_came_wrong(plain: ProbedJob) -> None:
    place = plain.streams.descriptor.in_base + 7 * 2
    seen = next(p for p in plain.probe.passes if p.address == place and not p.outside)
    assert seen.number > 0
    changed = tuple(
        replace(p, word=(1, 2, 3, 4)) if p.number == seen.number else p for p in plain.probe.passes
    )
    later = Write(500, place, (1, 2, 3, 4))
    found = plain.localize(passes=changed, writes=(*plain.probe.writes, later))
    assert (found.step, found.culprit.cycle) == (Step.INPUT, 500)
    assert "overwritten in cycle 500" in found.culprit.sentence
    word = tuple(plain.streams.words[3].tolist())
    shifted = tuple(
        replace(write, word=word) if write.address == place else write
        for write in plain.probe.writes
    )
    changed = tuple(
        replace(p, word=word) if p.number == seen.number else p for p in plain.probe.passes
    )
    found = plain.localize(passes=changed, writes=shifted)
    assert found.step is Step.INPUT
    assert "that is beat 3 of the stream" in found.culprit.explanations[0]


def test_what_another_group_overwrites_is_blamed_on_it(plain: ProbedJob) -> None:
    passes = list(plain.probe.passes)
    passes[4] = replace(passes[4], old=77)
    other = OtherSum((passes[4].add_cycle or 0) - 1, 3, 2, 77)
    found = plain.localize(passes=tuple(passes), others=(other,))
    assert found.step is Step.ACCUMULATOR
    assert "by pass 2 of group 3" in found.culprit.sentence


def test_a_consequence_is_never_blamed(plain: ProbedJob) -> None:
    """One operand wrong, and all that follows from it right: the array is to blame alone."""
    passes, reads = list(plain.probe.passes), list(plain.probe.reads)
    first = passes[4]
    extra = first.weight[0] or 0
    act = ((first.act[0] or 0) + 1, *first.act[1:])
    for number, held in enumerate(passes):
        if number == 4:
            held = replace(held, act=act, dot=(held.dot or 0) + extra)
        if number > 4:
            held = replace(held, old=(held.old or 0) + extra)
        if number >= 4:
            held = replace(held, sum=(held.sum or 0) + extra)
        passes[number] = held
    reads[0] = consequence(plain, reads[0], extra)
    found = plain.localize(passes=tuple(passes), reads=tuple(reads))
    assert (found.step, found.first_wrong) == (Step.ARRAY, 4)
    assert [row.term.number for row in found.passes if row.wrong] == list(range(4, 18))
    assert "<- operands, products, sum" in found.text(3)


def consequence(held: ProbedJob, read: Read, extra: int) -> Read:
    arithmetic = held.streams.descriptor.arithmetic
    total = (read.sum or 0) + extra
    rounded = arithmetic.rounded(total)
    value = arithmetic.value(rounded)
    return replace(read, sum=total, rounded=rounded, value=value, out=value)


FLOWS: dict[str, tuple[Change, Step, str]] = {
    "surplus": (lambda c: c.totals(passes=40), Step.SEQUENCER, "passes begun: 40, 36 expected"),
    "buffer": (lambda c: c.totals(left=23), Step.OUTPUT, "never leave it"),
    "drain": (lambda c: c.totals(drained=1, left=12, entered=12), Step.DRAIN, "not read out"),
    "refused": (lambda c: c.totals(status=6), Step.CONTROL, "a legal descriptor was refused"),
    "short": (lambda c: c.totals(status=0x10, acts=5), Step.INPUT, "5 of 24 beats were taken"),
    "weights": (lambda c: c.totals(status=0x12, wgts=9), Step.WEIGHTS, "9 of 152 beats"),
}


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_lost_or_too_much_is_found_by_counting(name: str, plain: ProbedJob) -> None:
    change, step, words = FLOWS[name]
    found = change(plain)
    assert found.step is step
    assert words in found.culprit.sentence


def test_a_beat_lost_on_purpose_is_told_as_such(plain: ProbedJob) -> None:
    injected = replace(plain, record=replace(plain.record, act_drop=3))
    found = injected.totals(status=0x10, acts=23)
    assert found.step is Step.INPUT
    assert "the bench lost beat 3 on purpose" in found.culprit.sentence


def test_a_wrong_expected_value_is_told_from_a_wrong_design(plain: ProbedJob) -> None:
    path = plain.folder / f"{plain.record.stem}.expected.npy"
    expected = np.load(path)
    expected[5, 1, 3] ^= 4
    np.save(path, expected)
    found = plain.localize()
    assert found.step is None
    assert f"the bench's file holds {expected[5, 1, 3]}" in found.culprit.sentence


def test_settings_of_another_job_are_recognised(plain: ProbedJob) -> None:
    other = {**plain.probe.settings[0].figures, "post": 3}
    seen = (plain.probe.settings[0], replace(plain.probe.settings[0], figures=other))
    reads = (replace(plain.probe.reads[0], post=3),)
    found = plain.localize(settings=seen, reads=reads)
    assert (found.step, found.culprit.explanations) == (Step.DRAIN, ("those of the job behind it",))
    beside = plain.reads(0, pixel=8).culprit.explanations
    assert beside == (
        "the pixel of the read behind it",
        "that is row 2 column 0 of the tile",
    )


def test_a_broken_rule_is_blamed_on_its_port(plain: ProbedJob) -> None:
    """The bench stops there: what is short then is no hang."""
    text = "rule broken on m_axis_out at 3985000 ps: valid is held: TVALID fell unanswered\n"
    (plain.folder / "checker.txt").write_text(text)
    found = plain.totals(left=5, entered=6, drained=1, reads=13)
    assert (found.step, found.culprit.cycle, found.culprit.certain) == (Step.OUTPUT, 398, False)
    assert found.culprit.sentence == text.strip()


def test_a_hang_is_blamed_on_the_stage_that_does_not_move(plain: ProbedJob) -> None:
    """The array waits for weights, a beat stands there, and the loader does not take it."""
    stuck = {"waiting_weights": 1, "wgt_valid": 1, "sequencing": 1}
    state = sum(1 << low for low in (1, 17, 3))
    counts = list(plain.probe.counts[:-1])
    last = replace(plain.probe.counts[-1], event="gave_up", state=state, passes=1, pixels=12)
    last = replace(last, opened=0, finished=0, drained=0, reads=0, values=0)
    last = replace(last, entered=0, left=0, loads=4, wgts=8, sums=12)
    assert all(last.waits(name) == value for name, value in stuck.items())
    gone: dict[str, tuple[object, ...]] = {
        name: () for name in ("passes", "opened", "reads", "beats", "begun", "finished", "drained")
    }
    found = plain.localize(counts=(*counts, last), **gone)
    assert (found.step, found.culprit.certain) == (Step.WEIGHTS, False)
    assert "the loader takes no beat" in found.culprit.sentence
    nothing = plain.localize(counts=(), settings=(), **gone)
    assert nothing.step is Step.CONTROL


def test_the_array_with_another_jobs_settings_is_a_fault_of_control(plain: ProbedJob) -> None:
    figures = {**plain.probe.settings[0].figures, "origin": 5}
    found = plain.localize(settings=(replace(plain.probe.settings[0], figures=figures),))
    assert found.step is Step.CONTROL
    assert "origin 5" in found.culprit.sentence


def test_table_shows_the_lines_around_the_first_difference(plain: ProbedJob) -> None:
    found = plain.passes(9, dot=1)
    lines = found.text(5).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["7", "8", "9", "10", "11"]
    assert lines[3].endswith("<- products")
    assert "13 further contributions" in lines[6]
    assert len(found.text().splitlines()) > 18
    assert plain.localize().text().count("differs") == 0


def test_a_localization_is_plain_figures_in_json(plain: ProbedJob) -> None:
    assert isinstance(plain.probe.counts[0], Counts)
    whole = json.loads(json.dumps(plain.reads(0, half=0).as_json()))
    assert list(whole) == [
        *("step", "cycle", "sentence", "certain", "suspects", "rows", "output_steps", "flow")
    ]
    assert whole["step"] == "requantiser" and whole["suspects"]
    assert list(whole["rows"][0]) == [
        *("number", "in_group", "ky", "kx", "row", "column", "outside", "cycle", "products"),
        *("figures", "wrong"),
    ]
    assert list(whole["rows"][0]["figures"][0]) == ["name", "golden", "rtl"]
    assert list(whole["output_steps"][0]) == [
        *("step", "name", "read", "cycle", "golden", "rtl", "same")
    ]
    assert list(whole["flow"][0]) == ["step", "name", "expected", "seen"]
