"""Streams: stalls at every port, jobs back to back, odd shapes."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import cocotb

from golden.graph.conv_layer import Padding
from tb.cosim.driver import Driver
from tb.duts.conv_pe.job_record import Stalls, read_jobs
from tb.tests.cosim.material import Jobs, small_job

HALF, OFTEN = 128, 240
LIMIT_MS = 5
"""Simulated time that no test of these suites comes near."""


async def bench_of(dut: Any) -> Driver:
    """The bench, reset, on the configuration of the working folder."""
    config, _ = read_jobs(Path.cwd())
    driver = Driver(dut, config)
    await driver.reset()
    await driver.check_build()
    return driver


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def computes_every_value_whatever_stalls(dut: Any) -> None:
    """Each combination of stalled ports, seldom and often."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed, rates in enumerate(product((0, HALF, OFTEN), repeat=3)):
        job, expected = small_job(driver.config, 5, 6, seed=seed)
        await jobs.check(job, expected, Stalls(*rates))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_jobs_back_to_back(dut: Any) -> None:
    """Twenty jobs of changing shape, none of which leaves anything behind."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed in range(20):
        kernel = ((1, 1), (3, 3), (1, 3), (3, 1), (2, 2))[seed % 5]
        job, expected = small_job(driver.config, 1 + seed % 7, 1 + seed % 9, kernel, seed=seed)
        await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_one_pixel_and_one_beat(dut: Any) -> None:
    """A job whose input and output are a single beat."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for stalls in (Stalls(), Stalls(HALF, HALF, HALF)):
        _, verdict = await jobs.check(*small_job(driver.config, 1, 1, (1, 1), (1, 1)), stalls)
        assert verdict.values_compared == 1


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def waits_for_a_bank_that_is_still_draining(dut: Any) -> None:
    """Many output groups of one short pass each, faster than the output takes them."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    channels = 5 * driver.config.p_oc
    for stalls in (Stalls(), Stalls(out=HALF), Stalls(out=OFTEN)):
        job, expected = small_job(driver.config, 2, channels, (1, 1), (3, 4), seed=6)
        end, _ = await jobs.check(job, expected, stalls)
        assert end.counters["stall_drain"] > 0


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_one_pixel_in_many_passes(dut: Any) -> None:
    """Passes shorter than the accumulator's turnaround: no sum is read before it is written."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed, output in enumerate([(1, 1), (1, 2), (2, 1), (1, 3)]):
        await jobs.check(*small_job(driver.config, 9, 5, (3, 3), output, seed=seed))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_channels_off_the_lane_grid(dut: Any) -> None:
    """1, 3, 17 and 75 channels in and out, on lanes that they do not fill."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for seed, (inputs, outputs) in enumerate(product((1, 3, 17, 75), repeat=2)):
        job, expected = small_job(driver.config, inputs, outputs, (1, 1), (2, 3), seed=seed)
        await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_every_kernel_and_padding(dut: Any) -> None:
    """Kernels of 1 to 7 a side, both strides, padding on one side alone and on all."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    kernels = [
        (kh, kw) for kh, kw in product(range(1, 8), repeat=2) if 7 in (kh, kw) or kh + kw < 7
    ]
    for seed, kernel in enumerate(kernels):
        sides = [side // 2 for side in (kernel[0], kernel[0], kernel[1], kernel[1])]
        keep = seed % 5
        pads = [pad if keep in (4, i) else 0 for i, pad in enumerate(sides)]
        job, expected = small_job(
            driver.config, 3, 2, kernel, (3, 4), 1 + seed % 2, Padding(*pads), seed
        )
        await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_every_cycle_once(dut: Any) -> None:
    """The counters' headings add up to the elapsed cycles, the products to mac_cycles."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    for stalls in (Stalls(), Stalls(OFTEN, 0, 0), Stalls(0, OFTEN, 0), Stalls(0, 0, OFTEN)):
        end, _ = await jobs.check(*small_job(driver.config, 9, 9, seed=3), stalls)
        counted = dict(end.counters)
        cycles = counted.pop("cycles")
        assert sum(counted.values()) == cycles
        passes = 9 * -(-9 // driver.config.p_ic) * -(-9 // driver.config.p_oc)
        assert counted["mac_cycles"] == passes * 12
        assert 0 <= end.end_cycle - end.start_cycle - cycles <= 4


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def fills_the_memories_to_the_last_word(dut: Any) -> None:
    """A tile of as many pixels, and an input of as many words, as there is room for."""
    driver = await bench_of(dut)
    config = driver.config
    jobs = Jobs(driver)
    side = 8
    assert config.tile_pixels == side * side
    groups = config.input_words // (side * side)
    channels = groups * config.p_ic
    await jobs.check(*small_job(config, channels, 5, (1, 1), (side, side), seed=7))
