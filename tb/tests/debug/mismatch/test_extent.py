"""Each pattern of wrong values is said in a sentence that is true; noise is called scattered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import PoolPad
from golden.reference.readout import PLAIN, Readout
from tb.debug.mismatch.divergence import compare
from tb.debug.mismatch.extent import Extent, extent
from tb.debug.mismatch.patterns import choice_bits
from tb.debug.mismatch.values import Values
from tb.tests.debug.recordings import CONFIG, Recorded, recorded

LEAST = 1 << 9
"""A change that no value takes for another of the tensor's."""


@pytest.fixture
def job(tmp_path: Path) -> Recorded:
    """A tile of 10 x 6 x 7 values from channel 16, row 4, column 8 on."""
    return recorded(tmp_path, at=(16, 4, 8))


def seen(job: Recorded) -> Values:
    return compare(job.folder, job.record, CONFIG).values


def of(job: Recorded, index: Any, change: int = LEAST) -> Extent:
    """The extent of a bit that is flipped wherever an index chooses."""

    def flip(values: Int16Array) -> None:
        values[index] ^= change

    return extent(seen(job.output(flip)))


WHERE = [
    (np.s_[2::4], "lane", "in lane 2", 84),
    (np.s_[4:8], "output group", "in output group 1", 168),
    (np.s_[5], "channel", "in channel 21", 42),
    (np.s_[:, 2], "row", "in row 6", 70),
    (np.s_[:, :, 3], "column", "in column 11", 60),
    (np.s_[:, 3, 2], "pixel", "in row 7 column 10", 10),
    (np.s_[:, 1:5:3], "few rows", "in rows 5 and 8", 140),
    (np.s_[:, :, 2:5], "range of columns", "in columns 10 to 12", 180),
    (np.s_[[1, 5]], "few channels", "in channels 17 and 21", 84),
    (np.s_[:, :, 1::2], "every second of the columns", "in odd columns", 180),
    (np.s_[:, ::2], "every second of the rows", "in even rows", 210),
    (np.s_[1::2], "every second of the channels", "in odd channels", 210),
]


@pytest.mark.parametrize(("index", "name", "text", "count"), WHERE, ids=[one[1] for one in WHERE])
def test_says_where_they_are(index: Any, name: str, text: str, count: int, job: Recorded) -> None:
    found = of(job, index)
    assert [pattern.name for pattern in found.patterns] == [name]
    assert found.sentence == (
        f"all {count} wrong values are {text}; all {count} values there are wrong; "
        "in each bit 9 is wrong"
    )
    assert (found.wrong, found.values, found.missing, found.surplus) == (count, 420, 0, 0)


EDGES = [
    (np.s_[:, 0], "padding top", "where the kernel reaches into the padding at the top", 70),
    (np.s_[:, -1], "padding bottom", "the padding at the bottom", 70),
    (np.s_[:, :, 0], "padding left", "the padding on the left", 60),
    (np.s_[:, :, -1], "padding right", "the padding on the right", 60),
    (np.s_[:, 0, 0], "upper left corner", "in the tile's upper left corner", 10),
    (np.s_[:, -1, -1], "lower right corner", "in the tile's lower right corner", 10),
]


@pytest.mark.parametrize(("index", "name", "text", "count"), EDGES, ids=[one[1] for one in EDGES])
def test_says_which_edge_it_is(index: Any, name: str, text: str, count: int, job: Recorded) -> None:
    found = of(job, index)
    # Where the tile is the whole picture, its edge and the padding's are the same values.
    same = {"padding top": "first row", "padding bottom": "last row"}
    same |= {"padding left": "first column", "padding right": "last column"}
    (pattern,) = found.patterns
    assert pattern.name in (name, same.get(name))
    assert (pattern.size, pattern.wrong) == (count, count)
    assert text in pattern.text or "in the tile's" in pattern.text


def test_tells_the_padding_from_the_edge_of_a_tile(tmp_path: Path) -> None:
    """Behind a pool only windows that are cut short touch padding."""
    job = recorded(tmp_path, Readout(2, 1, True, True, PoolPad.ZERO)).tap()

    def flip(values: Int16Array) -> None:
        values[:, -1, :] ^= LEAST
        values[:, :-1, -1] ^= LEAST

    found = extent(seen(job.output(flip)))
    assert found.patterns[0].text == "where the pool's window reaches into the padding"
    assert found.patterns[0].size == 10 * (7 + 5)


def test_a_border_and_its_corners(job: Recorded) -> None:
    border = np.ones((6, 7), bool)
    border[1:-1, 1:-1] = False
    assert of(job, np.s_[:, border]).patterns[0].name in ("border", "padding")
    corners = np.ix_(range(10), (0, 5), (0, 6))
    assert of(job, corners).patterns[0].text == "in the tile's corners"


SIZES: list[tuple[str, Callable[[Int16Array], object], str]] = [
    ("negative", lambda values: values < 0, "where the expected value is negative"),
    ("positive", lambda values: values > 0, "where the expected value is positive"),
    ("highest", lambda values: values == 32767, "where the expected value is 32,767, the highest"),
    ("lowest", lambda values: values == -32768, "where the expected value is -32,768, the lowest"),
    (
        "large",
        lambda values: abs(values.astype(int)) >= 5000,
        "where the expected value is at least 5,",
    ),
    (
        "small",
        lambda values: abs(values.astype(int)) < 900,
        "where the expected value is at most 8",
    ),
    ("expected parity", lambda values: values % 2 == 1, "where the expected value is odd"),
    ("zero", lambda values: values == 0, "where the expected value is 0"),
    (
        "few values",
        lambda values: (values == 0) | (values == 32767),
        "where the expected value is 0 or 32,767",
    ),
]


@pytest.mark.parametrize(("name", "choose", "text"), SIZES, ids=[one[0] for one in SIZES])
def test_says_what_was_expected_there(
    name: str, choose: Callable[[Int16Array], object], text: str, job: Recorded
) -> None:
    values = job.expected.reshape(-1)
    values[::8], values[1::8], values[2::8] = 0, 32767, -32768
    np.save(job.folder / "job_00003.expected.npy", job.expected)
    found = of(job, choose(job.expected))
    assert found.patterns[0].name == name
    assert found.patterns[0].text.startswith(text)
    assert found.patterns[0].size == found.wrong > 0


def test_says_that_saturated_values_are_wrong(job: Recorded) -> None:
    values = job.expected.reshape(-1)
    values[::16], values[5::16] = 32767, -32768
    np.save(job.folder / "job_00003.expected.npy", job.expected)
    found = of(job, np.abs(job.expected.astype(int)) >= 32767)
    assert found.patterns[0].text == "where the expected value is saturated"


def test_two_patterns_together(job: Recorded) -> None:
    found = of(job, np.s_[2::4, :, 3])
    assert {pattern.text for pattern in found.patterns} == {"in lane 2", "in column 11"}
    assert found.sentence.startswith("all 12 wrong values are in ")
    assert "all 12 values there are wrong" in found.sentence


def test_a_claim_that_nearly_holds_says_how_nearly(job: Recorded) -> None:
    index = np.zeros((10, 6, 7), bool)
    index[5] = True
    index[0, 0, 0] = index[8, 3, 3] = True
    found = of(job, index)
    assert found.sentence.startswith(
        "42 of the 44 wrong values are in channel 21, the other 2 elsewhere"
    )


def test_right_values_inside_a_claim_are_counted(job: Recorded) -> None:
    index = np.zeros((10, 6, 7), bool)
    index[5], index[5, 0, :3] = True, False
    assert "39 of the 42 values there are wrong" in of(job, index).sentence


def test_some_values_of_a_part_are_scattered_there(job: Recorded) -> None:
    index = np.zeros((10, 6, 7), bool)
    index[2::4] = np.random.default_rng(1).random((2, 6, 7)) < 0.3
    found = of(job, index)
    start = f"{found.wrong} of 420 values are wrong, scattered; all of them in lane 2"
    assert found.sentence.startswith(start)


def test_beats_behind_a_gap(job: Recorded) -> None:
    gaps = [5, 17, 25, 60, 77, 99, 110]

    def spoil(values: Int16Array) -> None:
        for beat in gaps[1:]:
            group, pixel = divmod(beat, 42)
            values[4 * group : 4 * group + 4].reshape(-1, 42)[:, pixel] ^= LEAST

    found = extent(seen(job.output(spoil, gaps=gaps)))
    assert found.patterns[0].text == "right behind a gap in the stream"
    assert (found.patterns[0].wrong, found.patterns[0].size) == (20, 24)
    calm = extent(seen(job.output(spoil)))
    assert not any("gap" in pattern.text for pattern in calm.patterns)


def change(job: Recorded, make: Callable[[Int16Array], Int16Array]) -> Extent:
    """The extent where the whole tensor is made anew."""

    def put(values: Int16Array) -> None:
        values[:] = make(values.copy())

    return extent(seen(job.output(put)))


WHAT: list[tuple[str, Callable[[Int16Array], Int16Array], str]] = [
    ("one LSB", lambda v: v + 1, "each is 1 LSB too high"),
    ("many LSB", lambda v: v - 1024, "each is 1,024 LSB too low"),
    ("either way", lambda v: v + np.resize([1, -1], v.shape), "each is 1 LSB too high or too low"),
    ("a range", lambda v: v + np.resize([1, 2, 5], v.shape), "each is 1 to 5 LSB too high"),
    ("off", lambda v: v + np.resize([-7, 2, 5], v.shape), "each is off by at most 7 LSB"),
    ("bits", lambda v: v ^ 0x0402, "in each bits 1 10 are wrong"),
    ("low byte", lambda v: v ^ np.resize([1, 130, 96, 255], v.shape), "only bits 0 to 7 are wrong"),
    ("constant", lambda v: np.full_like(v, -77), "each is -77"),
    ("lowest", lambda v: np.full_like(v, -32768), "each is -32,768, the lowest value"),
    ("negated", lambda v: -v, "each has the wrong sign"),
    ("half", lambda v: v >> 1, "each is half of what it should be"),
    ("double", lambda v: v * 2, "each is twice what it should be"),
    ("swapped", lambda v: v[[0, 2, 1, 3, 4, 6, 5, 7, 8, 9]], "lanes 1 and 2 are exchanged"),
    (
        "one lane",
        lambda v: v[[0, 0, 2, 3, 4, 4, 6, 7, 8, 8]],
        "lane 1 has the expected values of lane 0",
    ),
    (
        "turned",
        lambda v: v[[1, 2, 3, 0, 5, 6, 7, 4, 8, 9]],
        "lanes 0 1 2 3 have the expected values of lanes 1 2 3 0",
    ),
    (
        "one group",
        lambda v: v[[0, 1, 2, 3, 0, 1, 2, 3, 8, 9]],
        "output group 1 has the expected values of output group 0",
    ),
    (
        "above",
        lambda v: v[:, [0, 0, 1, 2, 3, 4]],
        "each is the expected value of the pixel above it",
    ),
    ("right", lambda v: v[:, :, [1, 2, 3, 4, 5, 6, 6]], "the pixel to its right"),
]


@pytest.mark.parametrize(("name", "make", "text"), WHAT, ids=[one[0] for one in WHAT])
def test_says_what_they_are(
    name: str, make: Callable[[Int16Array], Int16Array], text: str, job: Recorded
) -> None:
    # Small enough that doubling or adding never wraps, and never 0.
    job.expected[:] = job.expected // 8 * 2 + 1
    np.save(job.folder / "job_00003.expected.npy", job.expected)
    found = change(job, make)
    assert found.relations[0].endswith(text)
    assert text in found.sentence


@pytest.mark.parametrize("beat", [0, 40, 100])
def test_a_lost_and_a_doubled_beat(beat: int, job: Recorded) -> None:
    order = list(range(126))
    lost = extent(seen(job.output(order=order[:beat] + order[beat + 1 :])))
    assert "every value stands one place early, as if a beat had been lost" in lost.sentence
    # Where the third group moves up into the second, two lanes more stay empty.
    assert lost.missing == (4 if beat < 84 else 2)
    assert f"{lost.missing} values did not come" in lost.sentence
    twice = extent(seen(job.output(order=order[: beat + 1] + order[beat:])))
    assert "every value stands one place late, as if a beat had come twice" in twice.sentence
    assert "2 values came behind the last one expected" in twice.sentence
    assert ("2 values came in lanes that carry no channel" in twice.sentence) == (beat < 84)


def test_missing_and_stray_values(job: Recorded) -> None:
    found = extent(seen(job.output(order=range(84))))
    assert found.sentence.startswith("all 84 missing values are in output group 2")
    assert found.missing == 84
    stray = extent(seen(job.output(stray=(90, 3))))
    assert stray.sentence == "1 value came in lanes that carry no channel"
    assert extent(seen(job.output(stray=(125, 2)))).sentence == stray.sentence
    beyond = extent(seen(job.output(order=[*range(126), 7])))
    assert beyond.sentence == "4 values came behind the last one expected"
    assert extent(seen(job.output(order=[]))).sentence == "all 420 values are missing"


@pytest.mark.parametrize("readout", [PLAIN, Readout(2, 1, True, True), Readout(upsample=True)])
@pytest.mark.parametrize("seed", range(12))
def test_noise_is_called_scattered(readout: Readout, seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    job = recorded(tmp_path, readout, seed=seed).tap()
    share = (0.005, 0.02, 0.1, 0.3)[seed % 4]

    def spoil(values: Int16Array) -> None:
        wrong = draw.random(values.shape) < share
        values[wrong] = draw.integers(-32768, 32768, wrong.sum())

    found = extent(seen(job.output(spoil)))
    if found.wrong > 1:
        assert "scattered" in found.sentence
    assert (found.patterns, found.relations) == ((), ())


def test_one_value_is_no_pattern(job: Recorded) -> None:
    found = of(job, np.s_[5, 5, 6], 1)
    assert found.sentence == "one of 420 values is wrong"
    assert found.spread == "channel 21, row 9, column 14"
    assert (found.patterns, found.relations) == ((), ())


def test_a_green_job_has_no_extent(job: Recorded) -> None:
    found = extent(seen(job.output()))
    assert (found.sentence, found.spread, found.wrong) == ("every value is right", "", 0)


def test_the_spread_has_runs_of_numbers(job: Recorded) -> None:
    found = of(job, np.ix_((0, 1, 2, 7), range(6), (0, 2, 4, 6)))
    assert found.spread == "channels 16-18 23, rows 4-9, columns 8 10 12 14"
    assert json.loads(json.dumps(found.as_json()))["place"] == "output"


@pytest.mark.parametrize("seed", range(20))
def test_a_claim_is_true_whatever_is_wrong(seed: int, tmp_path: Path) -> None:
    """Random boxes of wrong values: what the claims count is so."""
    draw = np.random.default_rng(seed)
    job = recorded(tmp_path, seed=seed)
    low = [int(draw.integers(size)) for size in (10, 6, 7)]
    box = tuple(slice(start, start + int(draw.integers(1, 7))) for start in low)
    found = of(job, box)
    size = job.expected[box].size
    assert found.wrong == size
    inside = [pattern.size for pattern in found.patterns]
    assert inside == sorted(inside, reverse=True)
    assert all(pattern.wrong == size for pattern in found.patterns)
    if size > 12:
        assert found.patterns


def test_bits_of_a_choice_are_those_of_its_count() -> None:
    assert choice_bits(420, 0) == choice_bits(420, 420) == 0.0
    assert choice_bits(1 << 20, 1) == pytest.approx(20)
