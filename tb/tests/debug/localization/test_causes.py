"""A cause that lies beside the followed value is told from what it does to the value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from golden.config import LeakyPlace, Slope
from golden.graph.conv_layer import ConvLayer
from tb.debug.localization.contributions import read_streams
from tb.debug.localization.localize import Localization
from tb.debug.probe.events import OtherSum, ReadoutSettings, Sample, Settings, Unknown
from tb.debug.probe.watch import watch_activated
from tb.duts.conv_pe.pipeline_steps import Step
from tb.tests.cosim.material import small_job
from tb.tests.debug.probed import perfect
from tb.tests.debug.probed_job import CONFIG, POOL, Change, ProbedJob, probed_job, written

SEQUENCING, WAITING_BANK, WAITING_WEIGHTS, TAKING = 1 << 3, 1 << 2, 1 << 1, 1 << 27


@pytest.fixture
def plain(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path)


@pytest.fixture
def pooled(tmp_path: Path) -> ProbedJob:
    return probed_job(tmp_path, POOL, (5, 2, 3))


def state(held: ProbedJob, event: str, bits: int) -> Localization:
    """Look with other bits of the state at the events of one kind."""
    return held.localize(
        counts=tuple(
            replace(counts, state=bits) if counts.event == event else counts
            for counts in held.probe.counts
        )
    )


def ports(held: ProbedJob, **changes: int | None) -> Localization:
    """Look with ports of the array or the drain changed; their names begin with ``compute_``."""
    told = {name.replace("_", ".", 1): value for name, value in changes.items()}
    figures = {**held.streams.descriptor.ports(), **told}
    seen = replace(held.probe.settings[0], ports=figures)
    return held.localize(settings=(seen,))


CONTROL: dict[str, tuple[Change, str]] = {
    "launched": (lambda c: state(c, "run", SEQUENCING), "the array is given this job while it"),
    "weights": (lambda c: state(c, "stream", TAKING), "the weight loader is given this job"),
    "padding": (lambda c: ports(c, compute_pad_top=0), "port pad_top of compute is 0, not 1"),
    "kernel": (lambda c: ports(c, compute_kw=5), "port kw of compute is 5, not 3"),
    "unknown": (lambda c: ports(c, compute_own=None), "port own of compute is unknown"),
    "drain": (lambda c: ports(c, drainer_width=5), "port width of drainer is 5, not 4"),
}


@pytest.mark.parametrize("name", CONTROL)
def test_a_job_that_is_given_on_wrong_is_a_fault_of_control(name: str, plain: ProbedJob) -> None:
    """Whatever the array makes of it."""
    change, words = CONTROL[name]
    spoilt = replace(plain, probe=replace(plain.probe, others=(OtherSum(3, 0, 0, 77),)))
    found = change(spoilt)
    assert (found.step, found.culprit.certain) == (Step.CONTROL, True)
    assert words in found.culprit.sentence
    assert ports(plain).step is None


def test_a_job_behind_that_is_launched_too_early_is_told(plain: ProbedJob) -> None:
    run = next(counts for counts in plain.probe.counts if counts.event == "run")
    early = replace(run, cycle=2_000, state=SEQUENCING)
    found = plain.localize(counts=(*plain.probe.counts[:-1], early, plain.probe.counts[-1]))
    assert (found.step, found.culprit.cycle) == (Step.CONTROL, 2_000)
    assert "given the job behind it while it still computes" in found.culprit.sentence


def overwritten(held: ProbedJob, other: OtherSum) -> Localization:
    passes = list(held.probe.passes)
    passes[4] = replace(passes[4], old=77)
    cycle = (passes[4].add_cycle or 0) - 1
    return held.localize(passes=tuple(passes), others=(replace(other, cycle=cycle),))


def test_a_pixel_by_a_wrong_number_is_told_from_a_sum_gone_astray(plain: ProbedJob) -> None:
    wrapped = overwritten(plain, OtherSum(0, 1, 3, 77, turn=11, issued=7))
    assert (wrapped.step, wrapped.culprit.certain) == (Step.SEQUENCER, True)
    assert "issued pixel 11 (row 2 column 3) as pixel 7" in wrapped.culprit.sentence
    astray = overwritten(plain, OtherSum(0, 1, 3, 77, turn=11, issued=11))
    assert astray.step is Step.ACCUMULATOR
    last = OtherSum(60_000, 1, 17, 77, turn=11, issued=7)
    reads = (replace(plain.probe.reads[0], sum=77),)
    assert plain.localize(reads=reads, others=(last,)).step is Step.SEQUENCER


def test_a_group_that_begins_anew_too_early_is_a_fault_of_the_sequencer(plain: ProbedJob) -> None:
    stuck = {"passes": 9, "opened": 1, "finished": 0, "drained": 0, "reads": 0, "values": 0}
    stuck |= {"entered": 0, "left": 0, "pixels": 108, "sums": 108}
    found = plain.totals(**stuck, state=WAITING_BANK | SEQUENCING)
    assert found.step is Step.SEQUENCER
    assert "after 9 of 18 passes" in found.culprit.sentence
    hungry = plain.totals(**stuck, state=WAITING_BANK | WAITING_WEIGHTS | SEQUENCING)
    assert hungry.step is Step.DRAIN
    ended = plain.totals(**{**stuck, "passes": 18}, state=WAITING_BANK | SEQUENCING)
    assert ended.step is Step.DRAIN


def test_a_word_of_the_other_bank_is_a_fault_of_the_drain(plain: ProbedJob) -> None:
    found = plain.reads(0, sum=4, word_bank=0)
    assert (found.step, found.culprit.certain) == (Step.DRAIN, True)
    assert "bank 1 was asked for, the word is taken from bank 0" in found.culprit.sentence


def test_a_walk_by_another_jobs_size_is_a_fault_of_the_drain(pooled: ProbedJob) -> None:
    job = pooled.streams.descriptor
    right = ReadoutSettings(50_000, 1, {**job.readout_settings()})
    assert pooled.localize(readouts=(right,)).step is None
    other = ReadoutSettings(50_003, 1, {**job.readout_settings(), "width": 7})
    ours = pooled.probe.settings[0]
    behind = Settings(49_000, {**ours.figures, "out_size": 5 << 16 | 7})
    found = pooled.localize(readouts=(right, other), settings=(ours, behind))
    assert (found.step, found.culprit.cycle) == (Step.DRAIN, 50_003)
    assert "reads group 1 with width 7, not 4" in found.culprit.sentence
    assert found.culprit.explanations == ("that of the job behind it",)
    assert pooled.localize(readouts=(replace(other, group=0),)).step is None


UNKNOWN: dict[int, Step] = {
    1: Step.REQUANTISER,
    2: Step.ACTIVATION,
    3: Step.POOL,
    4: Step.OUTPUT,
}


@pytest.mark.parametrize("stage", UNKNOWN)
def test_the_stage_that_makes_an_x_is_blamed(stage: int, plain: ProbedJob) -> None:
    """The simulation stops at the first X: the followed value may never come so far."""
    later = tuple(Unknown(90 + number, number) for number in range(stage, 5))
    found = plain.localize(unknowns=later, reads=(), drained=(), beats=())
    assert (found.step, found.culprit.cycle) == (UNKNOWN[stage], 90 + stage)
    fetched = plain.localize(unknowns=(Unknown(80, 0), *later), reads=(), drained=(), beats=())
    assert fetched.step is None


def followed(folder: Path, negative: bool, **layer: object) -> ProbedJob:
    """A value behind the shift that has nothing to be clipped."""
    job, _ = small_job(CONFIG, 5, 6, seed=7)
    changed: ConvLayer = replace(job.layer, shift=20, **layer)  # type: ignore[arg-type]
    job = replace(job, layer=changed)
    record = written(job, folder)
    for place in ((c, y, x) for c in range(6) for y in range(3) for x in range(4)):
        watch = watch_activated(record, CONFIG, *place)
        streams = read_streams(folder, record, CONFIG)
        held = ProbedJob(folder, record, watch, streams, perfect(streams, record, watch))
        rounded = held.probe.reads[0].rounded or 0
        if (rounded < 0) is negative and abs(rounded) > 100:
            return held
    raise AssertionError("no such value in the job")


@pytest.mark.parametrize("slope", Slope)
def test_a_slope_on_a_positive_value_is_no_saturation(slope: Slope, tmp_path: Path) -> None:
    held = followed(tmp_path, negative=False, slope=slope)
    x = held.probe.reads[0].rounded or 0
    found = held.reads(0, value=x >> 3 if slope is Slope.EIGHTH else x * 13 >> 7)
    assert found.step is Step.ACTIVATION
    assert found.culprit.explanations == ("the slope is applied to a positive value",)
    assert held.reads(0, value=x - 1).step is Step.ACTIVATION
    assert held.reads(0, value=32_767).step is Step.SATURATION


def test_an_activation_in_both_places_is_no_saturation(tmp_path: Path) -> None:
    held = followed(tmp_path, negative=True, place=LeakyPlace.BEFORE_REQUANT)
    x = held.probe.reads[0].rounded or 0
    found = held.reads(0, value=x >> 3)
    assert found.step is Step.ACTIVATION
    assert found.culprit.explanations == ("the activation is applied once more behind the shift",)
    assert held.reads(0, value=-32_768).step is Step.SATURATION


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("shift", [2, 4])
def test_a_wrong_slope_before_the_shift_is_no_shift(
    shift: int, positive: bool, tmp_path: Path
) -> None:
    """For one negative sum a slope of 1/4 and a shift by one less are the same.

    Several are told apart even without a positive one: the rounding constant stays.
    """
    held = followed(tmp_path, negative=True, place=LeakyPlace.BEFORE_REQUANT)
    arithmetic, total = held.streams.descriptor.arithmetic, held.probe.reads[0].sum or 0

    def sloped(x: int) -> int:
        return ((x >> shift if x < 0 else x) + arithmetic.half) >> arithmetic.shift

    others = (-total, total // 2, 3_000_000) if positive else range(total, 0, -total // 99)
    sums = (total, *others)
    read = replace(held.probe.reads[0], rounded=sloped(total))
    samples = tuple(Sample(60_000, x, sloped(x), None) for x in sums)
    found = held.localize(reads=(read,), samples=samples)
    assert found.step is Step.ACTIVATION
    assert found.culprit.explanations == (f"a leaky slope of 1/{1 << shift} is applied",)
    moved = arithmetic.shift + shift - 3
    wrong = tuple(replace(s, rounded=arithmetic.activated(s.sum or 0) >> moved) for s in samples)
    read = replace(read, rounded=wrong[0].rounded)
    assert held.localize(reads=(read,), samples=wrong).step is Step.REQUANTISER
