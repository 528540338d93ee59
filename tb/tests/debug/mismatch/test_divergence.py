"""The first wrong value is named with its place, its bits, its cycles and its reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.config import InputError, PoolPad
from golden.reference.readout import PLAIN, Readout
from tb.cosim.scoreboard import compare_files, time_ns
from tb.debug.mismatch.divergence import Divergence, compare
from tb.debug.mismatch.extent import extent
from tb.duts.conv_pe.registers import StatusCode
from tb.tests.debug.recordings import CONFIG, START, Change, Recorded, recorded

POOL = Readout(2, 2)
STRIDE_1 = Readout(2, 1, True, True, PoolPad.ZERO)
UPSAMPLE = Readout(upsample=True)
READOUTS = [PLAIN, POOL, STRIDE_1, Readout(3, 2), UPSAMPLE]


def first(job: Recorded) -> Divergence:
    found = compare(job.folder, job.record, CONFIG, conv="conv9", node="pool9").divergence
    assert found is not None
    return found


def xor(channel: int, row: int, column: int, mask: int) -> Change:
    def change(values: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        values[channel, row, column] ^= mask

    return change


@pytest.mark.parametrize("readout", READOUTS)
def test_nothing_is_found_where_every_value_is_right(readout: Readout, tmp_path: Path) -> None:
    job = recorded(tmp_path, readout).output().tap()
    compared = compare(tmp_path, job.record, CONFIG)
    assert compared.divergence is None
    assert compared.values.place == "output"
    assert not compared.values.wrong.any()


def test_a_plain_value_is_named_in_full(tmp_path: Path) -> None:
    job = recorded(tmp_path, at=(32, 10, 20)).output(xor(6, 2, 3, 0b101 << 3))
    found, value = first(job), int(job.expected[6, 2, 3])
    beat = 42 + 2 * 7 + 3
    assert (found.kind, found.place, found.node, found.job) == ("mismatch", "output", "pool9", 5)
    assert (found.channel, found.row, found.column) == (38, 12, 23)
    assert (found.group, found.lane, found.pixel) == (1, 2, 17)
    assert (found.expected, found.actual) == (value, value ^ 0b101000)
    assert found.difference == (value ^ 0b101000) - value
    assert found.wrong_bits == (3, 5)
    assert found.expected_bits == format(value & 0xFFFF, "016b")
    assert found.actual_bits == format((value ^ 0b101000) & 0xFFFF, "016b")
    assert (found.cycle, found.left_cycle, found.cycle_before) == (START + beat,) * 2 + (
        START + beat - 1,
    )
    assert found.time_ns == time_ns(START + beat)
    assert (found.first_read, found.last_read) == (17, 17)
    assert (found.wrong, found.values, found.missing, found.surplus) == (1, 420, 0, 0)
    assert found.sentence() == (
        f"pool9: channel 38 row 12 column 23: expected {value}, actual {value ^ 0b101000} "
        f"({found.difference:+d} LSB), left the PE in cycle {START + beat}"
    )
    assert "bits 3 5" in "\n".join(found.lines())
    assert json.loads(json.dumps(found.as_json()))["tile"]["row"] == 10


def test_the_activation_comes_before_the_output(tmp_path: Path) -> None:
    """Even where the wrong output left earlier than the wrong activation was made."""
    job = recorded(tmp_path, POOL).output(lambda values: values.__setitem__((0, 0, 0), 77))

    def later(beats: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        beats[36 + 13, 2] += 1

    found = first(job.tap(later))
    assert (found.place, found.node) == ("activation", "conv9")
    # Read 13 is the second of the window of output pixel 3, the first of the second row.
    assert (found.channel, found.row, found.column, found.pixel) == (6, 2, 1, 15)
    assert (found.first_read, found.last_read) == (12, 15)
    assert found.cycle == START // 2 + 49
    assert found.left_cycle == START + 9 + 3
    assert found.cycle_before == START // 2 + 48
    assert (found.difference, found.wrong, found.values) == (1, 1, 360)
    assert "activated in cycle" in found.sentence()
    assert f"left the PE in cycle {START + 12}" in found.lines()[-1]


def test_a_wrong_maximum_follows_the_pixel_that_should_have_won(tmp_path: Path) -> None:
    job = recorded(tmp_path, POOL).tap()
    found = first(job.output(xor(5, 1, 2, 1)))
    window = job.activated[5, 2:4, 4:6].reshape(-1)
    assert found.place == "output"
    assert (found.first_read, found.last_read) == (20, 23)
    assert found.pixel == (16, 17, 23, 24)[int(window.argmax())] - 16 + 2 * 7 + 4
    assert found.left_cycle == found.cycle


def test_every_copy_of_an_upsampled_pixel_is_named(tmp_path: Path) -> None:
    job = recorded(tmp_path, UPSAMPLE, output=(2, 3)).tap()
    found = first(job.output(xor(0, 3, 4, 1)))
    assert (found.row, found.column, found.pixel) == (3, 4, 5)
    assert (found.first_read, found.last_read) == (2 * 6 + 4, 3 * 6 + 5)


def test_a_pixel_that_is_read_often_counts_once(tmp_path: Path) -> None:
    job = recorded(tmp_path, STRIDE_1).output()
    order = STRIDE_1.order(6, 7)

    def pixel(beats: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        beats[np.flatnonzero(order == 16), 0] += 1

    assert (order == 16).sum() == 4
    found = first(job.tap(pixel))
    assert (found.wrong, found.values, found.row, found.column) == (1, 420, 2, 2)

    def third_read(beats: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        beats[np.flatnonzero(order == 16)[2], 0] += 1

    assert first(job.tap(third_read)).wrong == 1


@pytest.mark.parametrize("readout", READOUTS)
def test_the_reads_of_an_output_make_it(readout: Readout) -> None:
    values = np.random.default_rng(2).integers(1, 99, (1, 6, 7)).astype(np.int16)
    order, windows = readout.order(6, 7), readout.windows(6, 7)
    expected = readout.apply(values).reshape(-1)
    assert np.array_equal(np.unique(windows), np.arange(len(expected)))
    for pixel, value in enumerate(expected):
        assert values.reshape(-1)[order[windows == pixel]].max() == value


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_the_scoreboard_names_the_same_value(readout: Readout, seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    job = recorded(tmp_path, readout, at=(4, 2, 6), seed=seed)

    def some(values: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        values.reshape(-1)[draw.integers(values.size, size=5)] ^= 1 << int(draw.integers(16))

    job.output(some).tap(some if seed % 2 else lambda values: None)
    verdict = compare_files(tmp_path, job.record, StatusCode.NONE, CONFIG)
    failure, found = verdict.failure, compare(tmp_path, job.record, CONFIG).divergence
    assert failure is not None and found is not None
    for name in ("kind", "layer", "channel", "row", "column", "expected", "actual", "time_ns"):
        assert getattr(found, name) == getattr(failure, name), name


@pytest.mark.parametrize("beats", [0, 1, 43, 125])
def test_the_first_missing_value_is_named(beats: int, tmp_path: Path) -> None:
    job = recorded(tmp_path).output(order=range(beats))
    found = first(job)
    group, pixel = divmod(beats, 42)
    assert (found.kind, found.actual, found.cycle, found.difference) == ("shortage",) + (None,) * 3
    assert (found.channel, found.row, found.column) == (4 * group, *divmod(pixel, 7))
    assert (found.pixel, found.first_read) == (pixel, pixel)
    assert found.expected == job.expected[4 * group, pixel // 7, pixel % 7]
    assert found.cycle_before == (START + beats - 1 if beats else None)
    lanes = np.array([4, 4, 2]).repeat(42)
    assert found.missing == found.wrong == lanes[beats:].sum()
    assert found.sentence().endswith(f"expected {found.expected}, nothing came")
    last = f"the beat before it left the PE in cycle {found.cycle_before}"
    assert (found.lines()[-1] == last) == (beats > 0)


def test_a_recording_that_was_cut_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    job = recorded(tmp_path, POOL).tap().output(xor(0, 0, 1, 4))
    for path in tmp_path.glob("*.tap"), tmp_path.glob("*.out"):
        (file,) = path
        file.write_bytes(file.read_bytes()[:-7])
    found = first(job)
    assert (found.kind, found.place) == ("shortage", "activation")
    assert (found.channel, found.row, found.column) == (8, 5, 5)
    for file in tmp_path.glob("*.out"):
        file.unlink()
    job.tap()
    assert first(job).kind == "shortage"
    assert first(job).place == "output"


def test_a_wrong_value_before_missing_ones_is_first(tmp_path: Path) -> None:
    job = recorded(tmp_path).output(xor(1, 0, 4, 8), order=range(30))
    found = first(job)
    assert (found.kind, found.channel, found.column) == ("mismatch", 1, 4)
    assert found.missing == 420 - 30 * 4


def test_a_value_too_many_is_named(tmp_path: Path) -> None:
    stray = recorded(tmp_path).output(stray=(84 + 9, 3))
    found = first(stray)
    assert (found.kind, found.lane, found.group) == ("surplus", 3, 2)
    assert (found.channel, found.row, found.column) == (None, 1, 2)
    assert (found.expected, found.actual, found.surplus, found.wrong) == (None, 0, 1, 0)
    beyond = recorded(tmp_path).output(order=[*range(126), 7])
    found = first(beyond)
    assert (found.kind, found.group, found.pixel, found.row) == ("surplus", None, None, None)
    assert found.actual == beyond.expected[0, 1, 0]
    assert (found.cycle, found.surplus) == (START + 126, 4)
    assert "behind the last value" in found.sentence()


@pytest.mark.parametrize(("beat", "kind"), [(100, "surplus"), (90, "mismatch"), (93, "mismatch")])
def test_what_comes_first_counts(beat: int, kind: str, tmp_path: Path) -> None:
    """A stray lane of beat 93 and a wrong value in lane 1."""
    row, column = divmod(beat - 84, 7)
    job = recorded(tmp_path).output(xor(9, row, column, 1), stray=(93, 3))
    assert first(job).kind == kind


def test_sides_of_padding_are_those_that_are_reached(tmp_path: Path) -> None:
    plain = compare(tmp_path, recorded(tmp_path).output().record, CONFIG).values
    expected = np.zeros((6, 7), int)
    expected[0] |= 1
    expected[-1] |= 2
    expected[:, 0] |= 4
    expected[:, -1] |= 8
    assert np.array_equal(plain.padded[plain.channel == 3], expected.reshape(-1))
    readout = Readout(3, 2, pad_bottom=True)
    pooled = compare(tmp_path, recorded(tmp_path, readout).tap().output().record, CONFIG).values
    assert np.array_equal(pooled.padded[pooled.channel == 3], [0] * 6 + [2] * 3)


def test_missing_expected_values_are_named(tmp_path: Path) -> None:
    job = recorded(tmp_path).output()
    other = replace(job.record, tile=replace(job.record.tile, height=3))
    with pytest.raises(InputError, match=r"shape \(10, 6, 7\), but the job makes \(10, 3, 7\)"):
        compare(tmp_path, other, CONFIG)
    (tmp_path / "job_00003.expected.npy").unlink()
    with pytest.raises(InputError, match=r"job_00003\.expected\.npy: the job's expected values"):
        compare(tmp_path, job.record, CONFIG)


def test_what_may_be_an_x_is_not_taken_for_a_zero(tmp_path: Path) -> None:
    job = recorded(tmp_path)
    job.output(lambda values: values[:, 2].__imul__(0))
    seen = compare(tmp_path, job.record, CONFIG, unknown=True)
    assert seen.divergence is not None and seen.divergence.unknown
    assert "actual 0 or unknown, since an X is recorded as 0, left" in seen.divergence.sentence()
    assert "or an X" in "\n".join(seen.divergence.lines())
    told = extent(seen.values).sentence
    assert told.endswith("an X or a Z is among them, recorded as 0")
    assert "each is" not in told
    assert "each is 0" in extent(compare(tmp_path, job.record, CONFIG).values).sentence
    job.output(xor(0, 0, 0, 1))
    found = compare(tmp_path, job.record, CONFIG, unknown=True).divergence
    assert found is not None and not found.unknown
