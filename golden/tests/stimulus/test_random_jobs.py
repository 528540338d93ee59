"""Random jobs are legal, repeatable and of every kind."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from golden.config import (
    Activation,
    LeakyPlace,
    Overflow,
    PEConfig,
    ProductMode,
    Rounding,
    Slope,
)
from golden.dataflow.tile import fits
from golden.reference import spec, torch_oracle
from golden.reference.bounds import check_layer
from golden.reference.readout import PLAIN, Readout
from golden.stimulus.random_data import Data
from golden.stimulus.random_jobs import (
    MAX_CYCLES,
    POOLS,
    RandomJob,
    mode_of,
    own_channels,
    random_job,
)

SEEDS = 500
CONFIGS = {
    mode: PEConfig(4, 4, acc_w=acc_w, mode=mode, tile_pixels=64, input_words=512)
    for mode, acc_w in zip(ProductMode, (40, 32, 48), strict=True)
}


def draw(seed: int) -> RandomJob:
    return random_job(seed, CONFIGS[mode_of(seed)])


@pytest.fixture(scope="module")
def drawn() -> list[RandomJob]:
    return [draw(seed) for seed in range(SEEDS)]


def test_every_job_fits_the_pe(drawn: list[RandomJob]) -> None:
    for case in drawn:
        config, job = CONFIGS[mode_of(case.seed)], case.job
        assert job.layer.mode is config.mode
        check_layer(job.layer, config.acc_w)
        assert fits(job.layer, job.tile, job.input_shape, config)
        assert job.cycles(config) <= MAX_CYCLES
        kh, kw = job.layer.kernel
        side = job.layer.padding
        assert max(side.top, side.bottom) < kh
        assert max(side.left, side.right) < kw
        outputs, rows, columns = job.layer.output_shape(job.input_shape)
        assert (rows, columns) == (job.tile.height, job.tile.width)
        assert outputs == job.tile.last_channel
        # The PE wants the last window to end where the padded input does.
        assert (rows - 1) * job.layer.stride + kh == job.input_shape[1] + side.top + side.bottom
        assert (columns - 1) * job.layer.stride + kw == job.input_shape[2] + side.left + side.right


def test_the_same_seed_gives_the_same_job(drawn: list[RandomJob]) -> None:
    for first in drawn[:30]:
        again = draw(first.seed)
        np.testing.assert_array_equal(first.job.input, again.job.input)
        np.testing.assert_array_equal(first.job.layer.weight, again.job.layer.weight)
        np.testing.assert_array_equal(first.job.layer.bias, again.job.layer.bias)
        assert first.job.layer.shift == again.job.layer.shift
        assert first.job.layer.padding == again.job.layer.padding


def test_every_kind_occurs(drawn: list[RandomJob]) -> None:
    layers = [case.job.layer for case in drawn]
    assert {case.activations for case in drawn} == {case.weights for case in drawn} == set(Data)
    assert {layer.kernel[0] for layer in layers} == set(range(1, 8))
    assert {layer.kernel[1] for layer in layers} == set(range(1, 8))
    assert {layer.stride for layer in layers} == {1, 2}
    for kind in (Activation, Slope, LeakyPlace, Rounding, Overflow):
        used = {
            (layer.activation, layer.slope, layer.place, layer.rounding, layer.overflow)
            for layer in layers
        }
        assert set(kind) <= {choice for choices in used for choice in choices}
    assert {1, 3, 17, 75} <= {layer.in_channels for layer in layers}
    assert {1, 3, 17, 75} <= {layer.out_channels for layer in layers}
    assert {layer.shift for layer in layers} >= set(range(32))
    assert any(side_by_side(layer.padding.top, layer.padding.bottom) for layer in layers)
    assert any(case.job.tile.pixels == 1 for case in drawn)
    assert any(case.job.tile.pixels == 64 for case in drawn)


def test_readouts_of_every_kind_occur(drawn: list[RandomJob]) -> None:
    readouts = [case.job.readout for case in drawn]
    padded = {pool for pool in POOLS if pool.pad_bottom or pool.pad_right}
    windows = {Readout(size, stride) for size in (2, 3) for stride in (1, 2)}
    assert set(readouts) >= {PLAIN, Readout(upsample=True), *windows, *padded}
    assert 0.4 < sum(readout.plain for readout in readouts) / SEEDS < 0.6
    for case in drawn:
        case.job.readout.shape(case.job.tile.height, case.job.tile.width)


def test_readouts_equal_the_oracle(drawn: list[RandomJob]) -> None:
    for case in drawn:
        values = case.job.input
        if values.shape[1:] == (case.job.tile.height, case.job.tile.width):
            readout = case.job.readout
            np.testing.assert_array_equal(
                readout.apply(values), torch_oracle.readout(values, readout)
            )


def test_own_channels_are_a_block_each(drawn: list[RandomJob]) -> None:
    own = [case.job for case in drawn if case.job.own_channels]
    assert len(own) > SEEDS / 20
    for job in own:
        layer = job.layer
        assert layer.in_channels == layer.out_channels
        outside = 1 - own_channels(layer.in_channels, CONFIGS[layer.mode])
        assert not (layer.weight * outside).any()
    alone = [job for job in own if np.array_equal(spec.conv(job.input, job.layer), job.input)]
    assert len(alone) > len(own) / 4
    assert any(job.input_shape[0] > 4 and not job.readout.plain for job in alone)
    assert any(job.layer.kernel != (1, 1) for job in own)


def test_without_as_many_lanes_no_channels_are_own() -> None:
    narrow = PEConfig(4, 2, tile_pixels=64, input_words=512)
    assert not any(random_job(3 * seed, narrow).job.own_channels for seed in range(40))


def side_by_side(first: int, second: int) -> bool:
    return first > 0 and second > 0 and first != second


def test_most_outputs_say_something(drawn: list[RandomJob]) -> None:
    """A result that is one value everywhere would hide most faults."""

    def constant(values: Iterable[int]) -> bool:
        return len(set(values)) == 1

    larger = [case.job for case in drawn if case.job.tile.values > 4]
    dull = sum(constant(spec.conv(job.input, job.layer).ravel().tolist()) for job in larger)
    assert dull < len(larger) / 5
