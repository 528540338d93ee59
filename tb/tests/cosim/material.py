"""Small random jobs for the cocotb suites, with the reference model's expected values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import CUT_BITS, Int16Array
from golden.config import Activation, PEConfig, ProductMode
from golden.dataflow.tile import Job, Tile, make_job
from golden.graph.conv_layer import ConvLayer, Padding
from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from tb.cosim.driver import Driver
from tb.cosim.scoreboard import Verdict
from tb.cosim.sequencer import JobEnd
from tb.duts.conv_pe.job_record import JobRecord, Stalls, write_job


def small_job(
    config: PEConfig,
    in_channels: int = 4,
    out_channels: int = 4,
    kernel: tuple[int, int] = (3, 3),
    output: tuple[int, int] = (3, 4),
    stride: int = 1,
    padding: Padding | None = None,
    seed: int = 1,
    readout: Readout = PLAIN,
) -> tuple[Job, Int16Array]:
    """A job with random full-scale data, and what is to leave of it, (C, OH, OW)."""
    draw = np.random.default_rng(seed)
    kh, kw = kernel
    pad = padding or Padding(kh // 2, kh // 2, kw // 2, kw // 2)
    low, high = -(1 << (config.weight_w - 1)), 1 << (config.weight_w - 1)
    layer = ConvLayer(
        name=f"small{seed}",
        source="x",
        weight=draw.integers(low, high, (out_channels, in_channels, kh, kw)).astype(np.int16),
        bias=draw.integers(-(1 << 20), 1 << 20, out_channels),
        stride=stride,
        padding=pad,
        mode=config.mode,
        shift=config.act_w if config.mode is ProductMode.FULL else 4,
        activation=Activation.LEAKY,
        in_frac=8,
        weight_frac=8,
        out_frac=8,
        act_w=config.act_w,
        weight_w=config.weight_w,
    )
    rows = (output[0] - 1) * stride + kh - pad.top - pad.bottom
    columns = (output[1] - 1) * stride + kw - pad.left - pad.right
    half = 1 << (config.act_w - 1)
    tensor = draw.integers(-half, half, (in_channels, rows, columns)).astype(np.int16)
    job = replace(make_job(layer, tensor, Tile(0, 0, *output, 0, out_channels)), readout=readout)
    return job, readout.apply(spec.conv(job.input, job.layer), config.act_w)


def pool_only_job(
    config: PEConfig, channels: int, size: tuple[int, int], readout: Readout, seed: int = 1
) -> tuple[Job, Int16Array]:
    """A job that pools its input; each output group reads its own channels alone, if it can."""
    draw = np.random.default_rng(seed)
    half = 1 << (config.act_w - 1)
    tensor = draw.integers(-half, half, (channels, *size)).astype(np.int16)
    one = 1 if config.mode is ProductMode.FULL else 1 << CUT_BITS
    layer = ConvLayer(
        name=f"pool{seed}",
        source="x",
        weight=(one * np.eye(channels, dtype=np.int16))[:, :, None, None],
        bias=np.zeros(channels, np.int64),
        mode=config.mode,
        in_frac=8,
        weight_frac=0 if config.mode is ProductMode.FULL else CUT_BITS,
        out_frac=8,
        act_w=config.act_w,
        weight_w=config.weight_w,
    )
    own = config.p_ic == config.p_oc
    job = Job(layer, Tile(0, 0, *size, 0, channels), tensor, readout, own_channels=own)
    return job, readout.apply(tensor, config.act_w)


def assert_sound(driver: Driver, record: JobRecord, end: JobEnd) -> None:
    """The driver did not give up on a job, and no checker has seen a broken rule."""
    failure = driver.failure(record, end)
    assert failure is None, failure.message


class Jobs:
    """Writes jobs into the working folder and runs them one after another."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.folder = Path.cwd()
        self._number = 0

    def write(
        self, job: Job, expected: Int16Array, stalls: Stalls | None = None, in_base: int = 0
    ) -> JobRecord:
        """Write one job's files."""
        number = self._number
        self._number += 1
        activated = None if job.readout.plain else spec.conv(job.input, job.layer)
        return write_job(
            self.folder,
            number,
            job,
            expected,
            self.driver.config,
            stalls,
            in_base=in_base,
            activated=activated,
        )

    async def check(
        self, job: Job, expected: Int16Array, stalls: Stalls | None = None
    ) -> tuple[JobEnd, Verdict]:
        """Run one job and assert that every value is right."""
        end, verdict = await self.driver.run(self.write(job, expected, stalls), self.folder)
        failure = verdict.failure
        assert failure is None, f"{failure.kind}: {failure.message}"
        tapped = 0 if job.readout.plain else job.tile.values
        assert expected.size <= verdict.values_compared <= expected.size + tapped
        return end, verdict
