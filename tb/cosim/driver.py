"""Runs in the simulator: drives the PE's registers and streams, and awaits its jobs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import Task
from cocotb.triggers import Event, ReadOnly, RisingEdge, ValueChange

from golden.config import PEConfig
from tb.cosim.axil_driver import AxiLiteDriver
from tb.cosim.failure import Failure
from tb.cosim.scoreboard import Verdict, compare_files, time_ns
from tb.cosim.sequencer import JobEnd
from tb.duts.conv_pe.job_record import NEVER, JobRecord
from tb.duts.conv_pe.registers import (
    COUNTERS,
    SLOT_STRIDE,
    Control,
    Register,
    StatusCode,
)

RESET_CYCLES = 4
INPUTS = (
    *("rst", "stream_rst", "out_expected", "tap_wanted"),
    *("s_axil_awaddr", "s_axil_awvalid", "s_axil_wdata", "s_axil_wstrb", "s_axil_wvalid"),
    *("s_axil_bready", "s_axil_araddr", "s_axil_arvalid", "s_axil_rready"),
    *("act_hold", "wgt_hold", "job_go", "job", "wgt_job", "act_beats", "wgt_beats", "act_drop"),
    *("act_stall", "wgt_stall", "out_stall", "job_limit"),
)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What stood on the ports when a job ended, or the driver gave up."""

    cycle: int
    cpu: float
    wall: float
    timeout: bool


class Driver(AxiLiteDriver):
    """The simulation top's handles and the ways to use them; made as an `AxiLiteDriver`."""

    def __init__(self, dut: HierarchyObject, config: PEConfig) -> None:
        super().__init__(dut, config)
        self._go = 0
        self._watch: Task[None] | None = None
        self._forget()

    def _forget(self) -> None:
        """Know of no job, as after a reset."""
        self._written.clear()
        self._running: deque[tuple[JobRecord, int]] = deque()
        self._stamps: deque[_Stamp] = deque()
        self._stamped, self._attention = Event(), Event()
        self._given_up = False
        self._taken = 0
        self._unknown = 0

    async def reset(self) -> None:
        """Quieten every input and reset the design."""
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        # A change of job_go would order a job's streams.
        self.dut.job_go.value = self._go
        self.dut.rst.value = 1
        await self.clocks(RESET_CYCLES)
        self.dut.rst.value = 0
        await self.clocks(1)
        self._begin_watch()

    async def soft_reset(self) -> None:
        """Reset the PE through its register, and its streams' other ends with it."""
        self.dut.stream_rst.value = 1
        await self.clocks(1)
        await self.write(Register.CONTROL, Control.SOFT_RESET)
        await self.clocks(1)
        self.dut.stream_rst.value = 0
        await self.clocks(1)
        self._begin_watch()

    def _begin_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._forget()
        self._watch = cocotb.start_soon(self._watch_ends())

    async def _watch_ends(self) -> None:
        """Note every end when it happens; who waits for it may be busy."""
        dut, jobs_ended = self.dut, 0
        while True:
            await ValueChange(dut.attention)
            cpu, wall = time.process_time(), time.monotonic()
            await ReadOnly()
            ended, timeout = int(dut.ended.value), bool(int(dut.timeout.value))
            if ended != jobs_ended or timeout:
                self._stamps.append(_Stamp(int(dut.end_cycle.value), cpu, wall, timeout))
                self._stamped.set()
            jobs_ended, self._given_up = ended, timeout
            self._attention.set()

    @property
    def started(self) -> int:
        """Jobs started since the reset."""
        return self._taken + len(self._running)

    @property
    def rule_broken(self) -> bool:
        """Whether a checker of ``tb/hdl`` has found a broken rule."""
        return bool(int(self.dut.rule_broken.value))

    async def start(
        self,
        record: JobRecord,
        registers: Mapping[int, int] | None = None,
        hold: Mapping[str, int] | None = None,
    ) -> None:
        """Start a job as soon as the PE is ready for it: descriptor, streams, start.

        Where the driver has given up on a job before it, this one falls with it.

        Parameters
        ----------
        registers : mapping, optional
            Descriptor words instead of the record's.
        hold : mapping, optional
            Streams (``act``, ``wgt``) that dry up after so many beats, without TLAST.
        """
        dut = self.dut
        # The descriptor that software writes is nobody's yet.
        for register, word in (record.registers if registers is None else registers).items():
            if self._written.get(register) != word:
                await self.write(register, word)
        while not int(dut.ready.value):
            if self._given_up:
                self._running.append((record, int(dut.cycle.value)))
                return
            assert self._running, "the PE takes no start although no job runs"
            self._attention.clear()
            await self._attention.wait()
            await RisingEdge(dut.clk)
        for stream in ("act", "wgt"):
            getattr(dut, f"{stream}_hold").value = (hold or {}).get(stream, NEVER)
        dut.job.value = record.number
        dut.act_beats.value = record.act_beats
        dut.wgt_job.value = record.weights
        dut.wgt_beats.value = record.wgt_beats
        dut.act_drop.value = record.act_drop
        dut.act_stall.value = record.stalls.act
        dut.wgt_stall.value = record.stalls.wgt
        dut.out_stall.value = record.stalls.out
        dut.out_expected.value = record.out_beats
        dut.tap_wanted.value = record.tap
        limits = (running.limit for running, _ in self._running)
        dut.job_limit.value = max(record.limit, *limits, 0)
        self._go = 1 - self._go
        dut.job_go.value = self._go
        await self.write(Register.CONTROL, Control.START | Control.IRQ_CLEAR)
        await ReadOnly()
        self._running.append((record, int(dut.start_cycle.value)))
        await RisingEdge(dut.clk)

    async def result(self) -> JobEnd:
        """Await the end of the job that has run longest, and read its results."""
        while not self._stamps:
            self._stamped.clear()
            await self._stamped.wait()
            await RisingEdge(self.dut.clk)
        record, start_cycle = self._running[0]
        stamp = self._stamps[0] if self._stamps[0].timeout else self._stamps.popleft()
        status, counters = StatusCode.NONE, {register.name.lower(): 0 for register in COUNTERS}
        if not stamp.timeout:
            slot = SLOT_STRIDE * (self._taken % 2)
            status = StatusCode(await self.read(Register.ERROR + slot))
            counters = {
                register.name.lower(): await self.read(register + slot) for register in COUNTERS
            }
            self._taken += 1
            self._running.popleft()
        unknown, unknown_cycle = self._unknown_beats()
        earlier, self._unknown = self._unknown, unknown
        return JobEnd(
            number=record.number,
            status=status,
            counters=counters,
            start_cycle=start_cycle,
            end_cycle=stamp.cycle,
            cpu=stamp.cpu,
            wall=stamp.wall,
            timeout=stamp.timeout,
            unknown=unknown - earlier,
            unknown_cycle=unknown_cycle,
            out_beats=int(self.dut.out_beats.value) if stamp.timeout else record.out_beats,
        )

    def _unknown_beats(self) -> tuple[int, int]:
        """Recorded beats with an X or a Z since the reset, and the clock of the first."""
        dut = self.dut
        found = [
            (int(count.value), int(cycle.value))
            for count, cycle in (
                (dut.out_unknown, dut.out_unknown_cycle),
                (dut.tap_unknown, dut.tap_unknown_cycle),
            )
            if int(count.value)
        ]
        return sum(count for count, _ in found), min((cycle for _, cycle in found), default=0)

    async def run(self, record: JobRecord, folder: Path) -> tuple[JobEnd, Verdict]:
        """Run one job from its files, and compare what came out."""
        await self.start(record)
        end = await self.result()
        return end, self.compare(record, folder, end)

    def compare(self, record: JobRecord, folder: Path, end: JobEnd) -> Verdict:
        """Compare what a job recorded with what was expected, before the readout and after."""
        return compare_files(folder, record, end.status, self.config, self.failure(record, end))

    def failure(self, record: JobRecord, end: JobEnd) -> Failure | None:
        """What is wrong with a job's end, whatever its values."""
        layer, cycle = record.layer, int(self.dut.cycle.value)
        if self.rule_broken:
            sentence = Path("checker.txt").read_text().strip()
            kind = "unknown_value" if "is known" in sentence else "status"
            text = f"job {record.number}: {sentence}"
        elif end.timeout:
            kind = "timeout"
            text = (
                f"job {record.number} did not end within {record.limit} cycles; "
                f"{end.out_beats} output beats came"
            )
        elif end.unknown:
            kind, cycle = "unknown_value", end.unknown_cycle
            text = (
                f"{end.unknown} output beats of job {record.number} hold an X or a Z, "
                f"first in cycle {cycle}"
            )
        else:
            return None
        return Failure(kind, f"{layer}: {text}", layer=layer, time_ns=time_ns(cycle))
