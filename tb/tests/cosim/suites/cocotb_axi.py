"""Every port driven by independent AXI models, written by others than this bench."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.tile import Job
from tb.cosim.scoreboard import in_stream_order
from tb.duts.conv_pe.job_record import read_jobs
from tb.duts.conv_pe.packing import pack_activations, pack_weights
from tb.duts.conv_pe.registers import (
    SLOT_STRIDE,
    Control,
    Register,
    StatusCode,
    build_registers,
    descriptor,
)
from tb.tests.cosim.material import small_job
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS
from tb.toolchain.waves import CYCLE_NS

OKAY, SLVERR = 0, 2
READY = 4
"""Bit of STATUS."""
LIMIT_US = 500


async def watch_rules(dut: Any) -> None:
    """Fail the test as soon as a checker sees a broken rule."""
    if str(dut.rule_broken.value) != "1":
        await RisingEdge(dut.rule_broken)
    raise AssertionError(Path("checker.txt").read_text())


class AxiBench:
    """The PE's four interfaces, each on its model."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.config, _ = read_jobs(Path.cwd())
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.act = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_act"), dut.clk, dut.rst)
        self.wgt = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_wgt"), dut.clk, dut.rst)
        self.out = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_out"), dut.clk, dut.rst)

        Clock(dut.clk, CYCLE_NS, unit="ns").start()
        cocotb.start_soon(watch_rules(dut))

    async def reset(self) -> None:
        """Reset the PE and the models."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)

    async def read(self, register: int) -> int:
        """Read one register."""
        answer = await self.registers.read(register, 4)
        assert answer.resp == OKAY
        return int(struct.unpack("<I", answer.data)[0])

    async def write(self, register: Register, word: int) -> int:
        """Write one register and return the response."""
        return int((await self.registers.write(register, struct.pack("<I", word))).resp)

    async def start(self, job: Job) -> None:
        """Send a job's streams, and start it as soon as the PE is ready."""
        for register, word in descriptor(job).items():
            assert await self.write(register, word) == OKAY
        await self.act.send(frame_of(pack_activations(job.input, self.config)))
        await self.wgt.send(frame_of(pack_weights(job.layer, self.config)))
        while not await self.read(Register.STATUS) & READY:
            pass
        assert await self.write(Register.CONTROL, Control.START | Control.IRQ_CLEAR) == OKAY

    async def run(self, job: Job) -> AxiStreamFrame:
        """Run a job and return its output frame."""
        await self.start(job)
        frame = await with_timeout(self.out.recv(), LIMIT_US, "us")
        if not int(self.dut.irq.value):
            await with_timeout(RisingEdge(self.dut.irq), LIMIT_US, "us")
        return frame

    async def check(self, job: Job, expected: Int16Array) -> None:
        """Run a job and compare every byte that was kept."""
        frame = await self.run(job)
        values, live = in_stream_order(expected, self.config)
        wanted = values[live].astype(f"<i{self.config.act_w // 8}").tobytes()
        assert bytes(frame.tdata) == wanted
        assert not _user(frame)
        assert StatusCode(await self.read(Register.STATUS) >> 8 & 0xFF) is StatusCode.NONE
        assert self.out.empty() and self.act.empty() and self.wgt.empty()


def frame_of(beats: Any) -> AxiStreamFrame:
    """A stream's beats, which come with the top byte first, as the models take them."""
    return AxiStreamFrame(beats[:, ::-1].tobytes())


def _user(frame: AxiStreamFrame) -> int:
    user = frame.tuser
    return max(user) if isinstance(user, list) else int(user or 0)


def pauses(seed: int) -> Iterator[bool]:
    """Pause at random, now seldom, now for long."""
    draw = random.Random(seed)
    while True:
        share = draw.choice((0.1, 0.5, 0.9))
        yield from (draw.random() < share for _ in range(50))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def agrees_with_the_models_at_full_speed(dut: Any) -> None:
    """Jobs without any pause; the design reports what it was built with."""
    bench = AxiBench(dut)
    await bench.reset()
    for register, word in build_registers(bench.config).items():
        assert await bench.read(register) == word
    for seed in range(6):
        await bench.check(*small_job(bench.config, 1 + seed, 1 + 2 * seed, seed=seed))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def agrees_with_the_models_whatever_pauses(dut: Any) -> None:
    """Random pauses on the streams and on all five register channels at once."""
    bench = AxiBench(dut)
    await bench.reset()
    master = bench.registers
    channels = [
        *(bench.act, bench.wgt, bench.out),
        *(master.write_if.aw_channel, master.write_if.w_channel, master.write_if.b_channel),
        *(master.read_if.ar_channel, master.read_if.r_channel),
    ]
    for number, channel in enumerate(channels):
        channel.set_pause_generator(pauses(number))
    for seed in range(6):
        await bench.check(*small_job(bench.config, 5, 6, (2, 3), (2, 2), seed=seed))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def holds_its_output_for_as_long_as_it_takes(dut: Any) -> None:
    """An output that is not taken for long stops the PE, not its values."""
    bench = AxiBench(dut)
    await bench.reset()
    blocked = itertools.chain(itertools.repeat(True, 3000), itertools.repeat(False))
    bench.out.set_pause_generator(blocked)
    await bench.check(*small_job(bench.config, 3, 9, seed=5))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def gives_up_on_an_output_that_is_never_taken(dut: Any) -> None:
    """With a watchdog, a blocked output ends the job; after a reset the next one is right."""
    bench = AxiBench(dut)
    await bench.reset()
    job, expected = small_job(bench.config, 3, 9, seed=5)
    bench.out.pause = True
    assert await bench.write(Register.WATCHDOG, 200) == OKAY
    await bench.start(job)
    await with_timeout(RisingEdge(dut.irq), LIMIT_US, "us")
    assert StatusCode(await bench.read(Register.STATUS) >> 8 & 0xFF) is StatusCode.WATCHDOG
    await bench.reset()
    for model in (bench.act, bench.wgt, bench.out):
        model.clear()
    bench.out.pause = False
    await bench.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_a_job_once_whenever_the_watchdog_expires(dut: Any) -> None:
    """The last beat waits for about as long as the watchdog does: one end, never two."""
    bench = AxiBench(dut)
    await bench.reset()
    job, expected = small_job(bench.config, 2, 2, (1, 1), (1, 1), seed=5)
    watchdog = 120
    ends = set()
    for blocked in range(watchdog, watchdog + 80):
        assert await bench.write(Register.WATCHDOG, watchdog) == OKAY
        bench.out.pause = True
        await bench.start(job)
        await ClockCycles(dut.clk, blocked)
        bench.out.pause = False
        await ClockCycles(dut.clk, 60)
        status = await bench.read(Register.STATUS)
        assert status >> 16 == 1, f"{status >> 16} jobs done, 1 started"
        end = StatusCode(status >> 8 & 0xFF)
        ends.add(end)
        # A job that failed closes its output with a frame of its own.
        assert bench.out.count() == (2 if end is StatusCode.WATCHDOG else 1)
        bench.out.clear()
        await bench.reset()
    assert ends == {StatusCode.NONE, StatusCode.WATCHDOG}
    await bench.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def ends_every_job_behind_an_output_that_is_never_taken(dut: Any) -> None:
    """One, two or three jobs in flight: as many ends and closing beats, no value of a later job."""
    bench = AxiBench(dut)
    await bench.reset()
    watchdog, done = 300, 0
    for started in (1, 2, 3, 3):
        bench.out.pause = True
        assert await bench.write(Register.WATCHDOG, watchdog) == OKAY
        jobs = [small_job(bench.config, 2, 3, (1, 1), (3, 3), seed=seed) for seed in range(started)]
        for job, _ in jobs:
            await bench.start(job)
        # Each closing beat may have to wait until the watchdog expires once more.
        await ClockCycles(dut.clk, (started + 2) * watchdog)
        done += started
        status = await bench.read(Register.STATUS)
        assert status >> 16 == done, f"{status >> 16} jobs done, {done} started"
        for slot in range(min(started, 2)):
            error = await bench.read(Register.ERROR + SLOT_STRIDE * slot)
            assert StatusCode(error) is StatusCode.WATCHDOG
        bench.out.pause = False
        await ClockCycles(dut.clk, 60)
        assert (await bench.read(Register.STATUS)) >> 16 == done
        await bench.reset()
        for model in (bench.act, bench.wgt, bench.out):
            model.clear()
        await bench.check(*small_job(bench.config, seed=started))
        done = 1


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refuses_what_it_cannot_do(dut: Any) -> None:
    """Read-only and unknown registers answer SLVERR to the models too."""
    bench = AxiBench(dut)
    await bench.reset()
    assert await bench.write(Register.ID, 0) == SLVERR
    answer = await bench.registers.read(0xFC, 4)
    assert answer.resp == SLVERR
    await bench.check(*small_job(bench.config))
