"""Golden's contributions of one value add up to what the specification says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.config import InputError, PEConfig, ProductMode
from golden.dataflow.tile import Job
from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from golden.stimulus.random_jobs import random_job
from tb.debug.localization.contributions import read_streams, value_of, windows_of
from tb.duts.conv_pe.job_record import JobRecord, write_job
from tb.duts.conv_pe.registers import Register
from tb.tests.configs import TINY, TINY_BYTES
from tb.tests.cosim.material import small_job

SEEDS = range(40)
READOUTS = (PLAIN, Readout(2, 2), Readout(2, pad_right=True), Readout(upsample=True))
BASE = 32


def written(job: Job, config: PEConfig, folder: Path) -> JobRecord:
    activated = spec.conv(job.input, job.layer)
    expected = job.readout.apply(activated, config.act_w)
    record = write_job(folder, 0, job, expected, config, in_base=BASE, activated=activated)
    return replace(record, registers={**record.registers, Register.IN_BASE: BASE})


def drawn(seed: int, config: PEConfig) -> Job:
    if config.act_w == 16:
        return random_job(seed, config).job
    readout = READOUTS[seed % len(READOUTS)]
    return small_job(config, 1 + seed % 9, 1 + seed % 7, seed=seed, readout=readout)[0]


@pytest.mark.parametrize("config", [*TINY.values(), TINY_BYTES], ids=[*TINY, "bytes"])
def test_values_and_windows_are_the_specifications(config: PEConfig, tmp_path: Path) -> None:
    for seed in SEEDS:
        job = drawn(seed, config)
        streams = read_streams(tmp_path, written(job, config, tmp_path), config)
        sums = spec.conv_accumulate(job.input, job.layer) + job.layer.bias[:, None, None]
        values = spec.conv(job.input, job.layer)
        leaves = job.readout.apply(values, config.act_w)
        for place in {0, leaves.size // 3, leaves.size - 1}:
            channel, row, column = (int(i) for i in np.unravel_index(place, leaves.shape))
            order = streams.descriptor.windows()
            number = row * leaves.shape[2] + column
            first = sum(map(len, order[:number]))
            last = first + len(order[number]) - 1
            (window,) = windows_of(streams, channel, first, last)
            assert window.highest == leaves[channel, row, column], (seed, place)
            assert window.beat == channel // config.p_oc * len(order) + number
            for pixel, value in zip(order[number], window.values, strict=True):
                y, x = divmod(pixel, job.tile.width)
                assert (value.row, value.column) == (y, x)
                assert value.sum == sums[channel, y, x], (seed, place)
                assert value.value == values[channel, y, x], (seed, place)
                assert value.contributions[-1].sum == value.sum


def test_a_contribution_names_its_input_pixel_and_its_word(tmp_path: Path) -> None:
    config = TINY[ProductMode.FULL]
    job, _ = small_job(config, in_channels=5, output=(3, 4), seed=3)
    streams = read_streams(tmp_path, written(job, config, tmp_path), config)
    value = value_of(streams, 1, 0, 2)
    assert len(value.contributions) == 2 * 9
    above, tap = value.contributions[1], value.contributions[9 + 5]
    assert above.outside and above.activations == (0, 0, 0, 0) and above.dot == 0
    assert (tap.in_group, tap.ky, tap.kx, tap.row, tap.column) == (1, 1, 2, 0, 3)
    assert tap.address == BASE + 3 * 2 + 1
    assert tap.activations == (int(job.input[4, 0, 3]), 0, 0, 0)
    assert tap.weights[0] == int(job.layer.weight[1, 4, 1, 2])
    assert tap.products[0] == tap.activations[0] * tap.weights[0]


def test_a_stream_that_is_too_short_is_told(tmp_path: Path) -> None:
    config = TINY[ProductMode.FULL]
    record = written(small_job(config)[0], config, tmp_path)
    path = tmp_path / f"{record.stem}.wgt"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="shorter than the job"):
        read_streams(tmp_path, record, config)
