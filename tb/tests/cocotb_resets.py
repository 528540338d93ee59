"""Resets in the middle of everything, and starts at the wrong moment."""

from __future__ import annotations

from typing import Any

import cocotb

from tb.jobs import Stalls
from tb.registers import Control, Register
from tb.tests.cocotb_streams import LIMIT_MS, bench_of
from tb.tests.material import Jobs, small_job

SLVERR = 2
STEP = 1


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """Reset after 0, 1, 2, ... cycles of a job; the next job is right each time."""
    bench = await bench_of(dut)
    jobs = Jobs(bench)
    victim = jobs.write(*small_job(bench.config, 3, 5, (2, 2), (2, 2), seed=1))
    length = (await bench.run(victim, jobs.folder)).end_cycle - int(dut.job_start_cycle.value)
    for wait in range(0, length + 2, STEP):
        await bench.start(victim)
        await bench.clocks(wait)
        await bench.reset()
        await jobs.check(*small_job(bench.config, 2, 2, (1, 2), (1, 2), seed=wait))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_soft_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """As above by the soft-reset bit, which leaves the descriptor registers alone."""
    bench = await bench_of(dut)
    jobs = Jobs(bench)
    victim = jobs.write(*small_job(bench.config, 3, 5, (2, 2), (2, 2), seed=1))
    length = (await bench.run(victim, jobs.folder)).end_cycle - int(dut.job_start_cycle.value)
    for wait in range(0, length + 2, STEP):
        await bench.start(victim)
        await bench.clocks(wait)
        await bench.soft_reset()
        assert await bench.read(Register.IN_SIZE) == victim.registers[Register.IN_SIZE]
        await jobs.check(*small_job(bench.config, 2, 2, (1, 2), (1, 2), seed=wait))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_while_a_failed_job_is_flushed(dut: Any) -> None:
    """Reset in every cycle of a job that the check refuses."""
    bench = await bench_of(dut)
    jobs = Jobs(bench)
    victim = jobs.write(*small_job(bench.config, 3, 5, (2, 2), (2, 2), seed=1))
    refused = {**victim.registers, Register.IN_SIZE: 0}
    await bench.start(victim, refused)
    await bench.finish()
    length = int(dut.job_end_cycle.value) - int(dut.job_start_cycle.value)
    for wait in range(0, length + 2, STEP):
        await bench.start(victim, refused)
        await bench.clocks(wait)
        await bench.reset()
        await jobs.check(*small_job(bench.config, 2, 2, (1, 2), (1, 2), seed=wait))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refuses_a_start_while_busy(dut: Any) -> None:
    """A second start answers SLVERR and does not disturb the running job."""
    bench = await bench_of(dut)
    jobs = Jobs(bench)
    job, expected = small_job(bench.config, 5, 5, seed=2)
    record = jobs.write(job, expected, Stalls(out=64))
    await bench.start(record)
    for wait in (0, 5, 20, 40):
        await bench.clocks(wait)
        assert await bench.try_write(Register.CONTROL, Control.START) == SLVERR
        # The next descriptor may be written meanwhile.
        await bench.write(Register.KERNEL, 0)
    assert not await bench.finish()
    verdict = bench.judge(record, jobs.folder, await bench.status(), timeout=False)
    assert verdict.failure is None, verdict.failure
    assert verdict.values_compared == expected.size
    await jobs.check(*small_job(bench.config, 2, 2, seed=4))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def keeps_what_reset_must_not_lose_and_loses_the_rest(dut: Any) -> None:
    """Hard reset clears the descriptor and the watchdog; STATUS is ready and clean."""
    bench = await bench_of(dut)
    await bench.write(Register.WATCHDOG, 1234)
    assert await bench.read(Register.WATCHDOG) == 1234
    await bench.soft_reset()
    assert await bench.read(Register.WATCHDOG) == 1234
    await bench.reset()
    assert await bench.read(Register.WATCHDOG) == 0
    assert await bench.read(Register.STATUS) == 0b100
