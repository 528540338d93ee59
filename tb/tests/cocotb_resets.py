"""Resets in the middle of everything, and starts at the wrong moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import cocotb

from tb.bench import Bench
from tb.jobs import Stalls
from tb.registers import Control, Register
from tb.tests.cocotb_streams import LIMIT_MS, bench_of
from tb.tests.material import Jobs, small_job

SLVERR = 2


async def recovers_in_every_cycle(
    bench: Bench, recover: Callable[[], Awaitable[None]], changes: dict[int, int] | None = None
) -> None:
    """Start a job, reset after 0, 1, 2, ... cycles; the next job is right each time.

    Parameters
    ----------
    bench : Bench
    recover : callable
        Resets.
    changes : dict, optional
        Descriptor words that make the job one to be refused.
    """
    jobs = Jobs(bench)
    victim = jobs.write(*small_job(bench.config, 3, 5, (2, 2), (2, 2), seed=1))
    registers = {**victim.registers, **(changes or {})}
    await bench.start(victim, registers)
    assert not await bench.finish()
    length = int(bench.dut.job_end_cycle.value) - int(bench.dut.job_start_cycle.value)
    for wait in range(length + 2):
        await bench.start(victim, registers)
        await bench.clocks(wait)
        await recover()
        await jobs.check(*small_job(bench.config, 2, 2, (1, 2), (1, 2), seed=wait))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """Reset in every state that a good job goes through."""
    bench = await bench_of(dut)
    await recovers_in_every_cycle(bench, bench.reset)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_reset_in_every_cycle_of_a_refused_job(dut: Any) -> None:
    """Reset in every state that a job goes through when the check refuses it."""
    bench = await bench_of(dut)
    await recovers_in_every_cycle(bench, bench.reset, {Register.IN_SIZE: 0})


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def recovers_from_soft_reset_in_every_cycle_of_a_job(dut: Any) -> None:
    """By the soft-reset bit, which leaves the descriptor registers alone."""
    bench = await bench_of(dut)

    async def soft_reset() -> None:
        before = await bench.read(Register.IN_SIZE)
        await bench.soft_reset()
        assert before != 0 and await bench.read(Register.IN_SIZE) == before

    await recovers_in_every_cycle(bench, soft_reset)


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
