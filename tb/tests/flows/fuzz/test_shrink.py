"""The shrinker finds the smallest job that still fails, whatever makes it fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from golden.config import Activation, LeakyPlace
from golden.dataflow.tile import fits, input_words
from golden.reference import spec
from golden.reference.bounds import check_layer
from golden.reference.readout import PLAIN
from golden.stimulus.random_jobs import mode_of
from tb.cosim.failure import Failure
from tb.duts.conv_pe.job_record import Stalls
from tb.flows.fuzz.cases import Case, random_case
from tb.flows.fuzz.shrink import shrink, size
from tb.tests.configs import TINY

FAILURE = Failure("mismatch", "a value differs", channel=0, row=0, column=0)


def smallest(fails: Callable[[Case], bool]) -> list[Case]:
    """Shrink the first random case that `fails`, and return the smallest of three seeds' cases."""
    found = []
    for seed in range(300):
        config = TINY[mode_of(seed)]
        case = random_case(seed, config)
        if not fails(case):
            continue

        def trial(cases: Sequence[Case]) -> list[Failure | None]:
            for smaller in cases:
                layer, job = smaller.job.layer, smaller.job
                check_layer(layer, config.acc_w)  # noqa: B023
                assert fits(layer, job.tile, job.input_shape, config)  # noqa: B023
                outputs = spec.conv(job.input, layer).shape
                tile = job.tile
                assert outputs == (tile.last_channel, tile.height, tile.width)
                job.readout.shape(tile.height, tile.width)
                words = input_words(layer, job.input_shape, config)  # noqa: B023
                assert smaller.in_base + words <= config.input_words  # noqa: B023
            return [FAILURE if fails(smaller) else None for smaller in cases]

        history = shrink(case, FAILURE, config, trial)
        sizes = [size(step) for step, _ in history]
        assert sizes == sorted(set(sizes), reverse=True)
        found.append(history[-1][0])
        if len(found) == 3:
            return found
    pytest.fail("fewer than three of 300 random jobs have what is looked for")


def test_a_fault_of_every_job_shrinks_to_one_product() -> None:
    for case in smallest(lambda case: True):
        assert case.job.macs == case.job.input.size == 1
        assert case.stalls == Stalls()
        assert case.in_base == 0
        assert case.job.readout is PLAIN
        assert not case.job.own_channels
        assert case.job.layer.activation is Activation.LINEAR
        assert case.job.layer.shift == 0
        assert not case.job.input.any()


def test_what_the_fault_needs_is_kept() -> None:
    for case in smallest(lambda case: case.job.layer.padding.left > 0):
        assert case.job.layer.padding.left == 1
        assert case.job.layer.padding.right == case.job.layer.padding.top == 0
        assert case.job.layer.kernel == (1, 2)
        assert case.job.layer.in_channels == case.job.layer.out_channels == 1
    for case in smallest(lambda case: case.job.layer.in_channels > 4):
        assert case.job.layer.in_channels == 5
        assert case.job.layer.kernel == (1, 1)
    for case in smallest(lambda case: case.stalls.wgt > 0):
        assert case.job.macs == 1
        assert case.stalls.act == case.stalls.out == 0


def test_a_readout_is_dropped_first_or_made_as_small_as_it_can_be() -> None:
    for case in smallest(lambda case: case.job.layer.in_channels > 4):
        assert case.job.readout is PLAIN
    for case in smallest(lambda case: case.job.readout.size > 1):
        assert case.job.readout.size == 2
        assert case.job.readout.stride == 1
        assert case.job.tile.pixels <= 4
    for case in smallest(lambda case: case.job.readout.pad_right):
        assert case.job.readout.size == 2
        assert case.job.tile.pixels <= 2
    for case in smallest(lambda case: case.job.readout.upsample):
        assert case.job.macs == 1


def test_own_channels_stay_a_block_each() -> None:
    for case in smallest(lambda case: case.job.own_channels and case.job.layer.in_channels > 4):
        assert case.job.layer.in_channels == case.job.layer.out_channels == 5
    for case in smallest(lambda case: case.in_base > 7):
        assert case.in_base == 8 or case.job.macs == 1


def test_numbers_shrink_too() -> None:
    for case in smallest(lambda case: int(case.job.input.min()) < -1):
        assert case.job.input.ravel().tolist() in ([-2], [-3])
        assert not case.job.layer.weight.any()
    for case in smallest(
        lambda case: (
            case.job.layer.place is LeakyPlace.BEFORE_REQUANT
            and case.job.layer.activation is Activation.LEAKY
            and case.job.layer.shift > 2
        )
    ):
        assert case.job.layer.shift == 3
        assert case.job.macs == 1


def test_without_time_nothing_is_tried() -> None:
    config = TINY[mode_of(1)]
    case = random_case(1, config)
    history = shrink(case, FAILURE, config, lambda cases: pytest.fail("tried"), seconds=0)
    assert [step for step, _ in history] == [case]
