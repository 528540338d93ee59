"""Resets in the middle of everything, and starts at the wrong moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import cocotb

from tb.cosim.driver import Driver
from tb.duts.conv_pe.job_record import Stalls
from tb.duts.conv_pe.registers import Control, Register
from tb.tests.cosim.material import Jobs, assert_sound, small_job
from tb.tests.cosim.suites.cocotb_queue import Order, spoiled
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS, OFTEN, bench_of

SLVERR = 2


async def recovers_in_every_cycle(
    driver: Driver, recover: Callable[[], Awaitable[None]], orders: Sequence[Order], jobs: Jobs
) -> None:
    """Start the jobs, reset 0, 1, 2, ... cycles later; the next job is right each time."""
    for order in orders:
        await driver.start(order.record, order.registers)
    for order in orders:
        end = await driver.result()
        assert_sound(driver, order.record, end)
        assert end.status is order.code
    length = end.end_cycle - end.start_cycle
    for wait in range(length + 2):
        for order in orders:
            await driver.start(order.record, order.registers)
        await driver.clocks(wait)
        await recover()
        await jobs.check(*small_job(driver.config, 2, 2, (1, 2), (1, 2), seed=wait))


def good_job(jobs: Jobs) -> Order:
    """A job of a few hundred cycles."""
    record = jobs.write(*small_job(jobs.driver.config, 3, 5, (2, 2), (2, 2), seed=1))
    return Order(record, dict(record.registers))


def failing_pair(jobs: Jobs) -> list[Order]:
    """A job that drains slowly, and behind it one whose weights do not end."""
    made = [small_job(jobs.driver.config, 2, 3, (1, 1), (2, 2), seed=seed) for seed in range(2)]
    records = [jobs.write(*job, Stalls(out=OFTEN)) for job in made]
    first, second = (Order(record, dict(record.registers)) for record in records)
    return [first, spoiled(jobs, second, "wgt_late")]


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """Reset in every state that a good job goes through."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    await recovers_in_every_cycle(driver, driver.reset, [good_job(jobs)], jobs)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_in_every_cycle_of_a_refused_job(dut: Any) -> None:
    """Reset in every state that a job goes through when the check refuses it."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    refused = spoiled(jobs, good_job(jobs), "descriptor")
    await recovers_in_every_cycle(driver, driver.reset, [refused], jobs)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_soft_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """By the soft-reset bit, which leaves the descriptor registers alone."""
    driver = await bench_of(dut)

    async def soft_reset() -> None:
        before = await driver.read(Register.IN_SIZE)
        await driver.soft_reset()
        assert before != 0 and await driver.read(Register.IN_SIZE) == before

    jobs = Jobs(driver)
    await recovers_in_every_cycle(driver, soft_reset, [good_job(jobs)], jobs)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_soft_reset_in_every_cycle_of_a_failing_job(dut: Any) -> None:
    """In every state that the control goes through when the job before has not left yet."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    await recovers_in_every_cycle(driver, driver.soft_reset, failing_pair(jobs), jobs)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refuses_a_start_while_a_job_is_fetched(dut: Any) -> None:
    """A second start answers SLVERR and does not disturb the job that is loading."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    job, expected = small_job(driver.config, 5, 5, seed=2)
    record = jobs.write(job, expected, Stalls(act=240))
    await driver.start(record)
    for wait in (0, 5, 20, 40):
        await driver.clocks(wait)
        assert not int(dut.ready.value)
        assert await driver.try_write(Register.CONTROL, Control.START) == SLVERR
        # The next descriptor may be written meanwhile.
        await driver.write(Register.KERNEL, 0)
    verdict = driver.compare(record, jobs.folder, await driver.result())
    assert verdict.failure is None, verdict.failure
    assert verdict.values_compared == expected.size
    await jobs.check(*small_job(driver.config, 2, 2, seed=4))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def keeps_what_reset_must_not_lose_and_loses_the_rest(dut: Any) -> None:
    """Hard reset clears the descriptor and the watchdog; STATUS is ready and clean."""
    driver = await bench_of(dut)
    await driver.write(Register.WATCHDOG, 1234)
    assert await driver.read(Register.WATCHDOG) == 1234
    await driver.soft_reset()
    assert await driver.read(Register.WATCHDOG) == 1234
    await driver.reset()
    assert await driver.read(Register.WATCHDOG) == 0
    assert await driver.read(Register.STATUS) == 0b100
