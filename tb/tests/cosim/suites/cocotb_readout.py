"""What stands behind the activation: pools, their padding, upsampling, pools alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import cocotb

from golden.config import PoolPad
from golden.reference.readout import PLAIN, Readout
from tb.duts.conv_pe.job_record import Stalls
from tb.tests.cosim.material import Jobs, pool_only_job, small_job
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS, bench_of

HALF = 128
WINDOWS = [(2, 2), (2, 1), (3, 2), (3, 1)]


def readouts(size: int, stride: int) -> list[Readout]:
    """A window without padding and with every kind of it."""
    sides = ((False, True), (True, False), (True, True))
    padded = product(sides, PoolPad)
    return [
        Readout(size, stride),
        *(Readout(size, stride, bottom, right, pad) for (bottom, right), pad in padded),
    ]


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def pools_every_window_and_padding(dut: Any) -> None:
    """Each window on maps that it fits evenly, and on those where pixels are left over."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    sizes = [(4, 6), (5, 4), (3, 3), (7, 5)]
    cases = [
        (readout, shape) for window in WINDOWS for readout in readouts(*window) for shape in sizes
    ]
    for seed, (readout, shape) in enumerate(cases):
        job, expected = small_job(driver.config, 3, 5, (1, 1), shape, seed=seed, readout=readout)
        await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def pools_a_map_that_is_one_window(dut: Any) -> None:
    """The smallest maps: one window, and one that lies in the padding but for a pixel."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed, (size, stride) in enumerate(WINDOWS):
        whole = Readout(size, stride)
        edge = Readout(size, stride, True, True, PoolPad.ZERO)
        for readout, shape in ((whole, (size, size)), (edge, (1, 1)), (edge, (1, 2))):
            job, expected = small_job(
                driver.config, 2, 4, (1, 1), shape, seed=seed, readout=readout
            )
            await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def upsamples_odd_and_even_maps(dut: Any) -> None:
    """Every pixel four times, in the raster order of the doubled map."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed, shape in enumerate([(1, 1), (1, 5), (4, 1), (3, 4)]):
        job, expected = small_job(
            driver.config, 3, 6, (1, 1), shape, seed=seed, readout=Readout(upsample=True)
        )
        await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def keeps_windows_together_whatever_stalls(dut: Any) -> None:
    """A stalled output neither loses a pixel of a window nor takes one twice."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    cases = [Readout(2, 2), Readout(2, 1, True, True), Readout(3, 2), Readout(upsample=True)]
    for seed, (readout, out) in enumerate(product(cases, (HALF, 240))):
        job, expected = small_job(driver.config, 3, 9, output=(5, 7), seed=seed, readout=readout)
        await jobs.check(job, expected, Stalls(out=out))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def pools_without_a_convolution(dut: Any) -> None:
    """Each output group reads its own channels, whole groups of lanes or not."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    shapes = [PLAIN, Readout(2, 2), Readout(2, 1, True, True, PoolPad.ZERO), Readout(3, 2)]
    for seed, (readout, channels) in enumerate(product(shapes, (1, 4, 7, 12))):
        job, expected = pool_only_job(driver.config, channels, (6, 5), readout, seed)
        await jobs.check(job, expected, Stalls(out=HALF * (seed % 2)))
