"""The scoreboard turns red for every way in which an output can be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from golden.config import PEConfig
from golden.dataflow.tile import Tile
from tb.cosim.failure import Failure
from tb.cosim.scoreboard import Verdict, compare, in_stream_order, time_ns
from tb.duts.conv_pe.packing import Recording
from tb.duts.conv_pe.registers import StatusCode

CONFIG = PEConfig(4, 4, tile_pixels=64, input_words=512)
TILE = Tile(row=10, column=20, height=2, width=3, first_channel=8, last_channel=14)
EXPECTED = np.arange(36, dtype=np.int16).reshape(6, 2, 3)


def perfect() -> Recording:
    values, live = in_stream_order(EXPECTED, CONFIG)
    last = np.zeros(len(values), bool)
    last[-1] = True
    return Recording(values.copy(), live.copy(), last, np.zeros_like(last), np.arange(len(values)))


def verdict(recording: Recording, status: StatusCode = StatusCode.NONE) -> Verdict:
    return compare("conv9", TILE, EXPECTED, recording, status, CONFIG)


def failure(recording: Recording, status: StatusCode = StatusCode.NONE) -> Failure:
    found = verdict(recording, status).failure
    assert found is not None
    return found


def test_accepts_what_is_right() -> None:
    assert verdict(perfect()) == Verdict(36, 36, 0, None)


@pytest.mark.parametrize("beat", range(12))
def test_names_the_first_wrong_value_in_tensor_coordinates(beat: int) -> None:
    recording = perfect()
    recording.values[beat, 1] += 3
    recording.values[11, 1] += 3
    group, pixel = divmod(beat, 6)
    found = failure(recording)
    assert found.kind == "mismatch"
    assert (found.channel, found.row, found.column) == (
        8 + 4 * group + 1,
        10 + pixel // 3,
        20 + pixel % 3,
    )
    assert found.expected == EXPECTED[4 * group + 1, pixel // 3, pixel % 3]
    assert found.actual is not None and found.expected is not None
    assert found.actual - found.expected == (6 if beat == 11 else 3)
    assert found.time_ns == time_ns(beat)
    assert verdict(recording).mismatches == (1 if beat == 11 else 2)


def test_does_not_look_into_dead_lanes() -> None:
    recording = perfect()
    recording.values[-1, 3] = 99
    assert verdict(recording).failure is None


@pytest.mark.parametrize("beats", range(12))
def test_misses_every_beat_that_does_not_come(beats: int) -> None:
    whole = perfect()
    cut = Recording(*(getattr(whole, name)[:beats] for name in Recording.__slots__))
    found = failure(cut)
    assert found.kind == "shortage"
    group, pixel = divmod(beats, 6)
    assert (found.channel, found.row, found.column) == (
        8 + 4 * group,
        10 + pixel // 3,
        20 + pixel % 3,
    )
    assert verdict(cut).values_compared < 36


def test_misses_a_lane_that_is_not_kept() -> None:
    recording = perfect()
    recording.keep[2, 3] = False
    assert failure(recording).kind == "shortage"


def test_sees_a_beat_too_many_and_a_lane_too_many() -> None:
    whole = perfect()
    longer = Recording(*(np.concatenate([getattr(whole, n)] * 2) for n in Recording.__slots__))
    assert failure(longer).kind == "surplus"
    recording = perfect()
    recording.keep[-1, 3] = True
    assert failure(recording).kind == "surplus"


def test_wants_tlast_on_the_last_beat_alone() -> None:
    for wrong in ([], [3, 11], [0]):
        recording = perfect()
        recording.last[:] = False
        recording.last[wrong] = True
        assert failure(recording).kind == "surplus"


def test_believes_neither_a_bad_status_nor_tuser() -> None:
    assert failure(perfect(), StatusCode.WATCHDOG).kind == "status"
    recording = perfect()
    recording.user[-1] = True
    assert failure(recording).kind == "status"


def test_knows_no_tolerance() -> None:
    recording = perfect()
    wrong = recording.values.view(np.uint16)
    wrong[0, 0] ^= 1
    assert failure(replace(recording)).kind == "mismatch"
