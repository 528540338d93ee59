"""Runs in the simulator: drives the PE's registers and streams, and judges each job."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.handle import HierarchyObject
from cocotb.triggers import ReadOnly, RisingEdge

from golden.config import PEConfig
from tb.jobs import NEVER, JobRecord
from tb.registers import COUNTERS, Control, Register, StatusCode, build_registers
from tb.report import Failure
from tb.scoreboard import Verdict, judge, time_ns
from tb.streams import read_recording

RESET_CYCLES = 4
INPUTS = (
    *("rst", "stream_rst", "out_expected"),
    *("s_axil_awaddr", "s_axil_awvalid", "s_axil_wdata", "s_axil_wstrb", "s_axil_wvalid"),
    *("s_axil_bready", "s_axil_araddr", "s_axil_arvalid", "s_axil_rready"),
    *("act_hold", "wgt_hold", "job_go", "job", "act_beats", "wgt_beats", "act_drop"),
    *("act_stall", "wgt_stall", "out_stall", "job_limit"),
)


@dataclass(frozen=True, slots=True)
class JobResult:
    """One job's verdict and figures.

    Parameters
    ----------
    number : int
    layer : str
    verdict : Verdict
    status : str
        Name of the PE's status code.
    counters : dict of str to int
        The PE's own counters, by register name.
    start_cycle, end_cycle : int
        Clocks of the job's start and of its end.
    cpu_start, cpu_end, wall_start, wall_end : float
        Seconds of this process at those moments.
    """

    number: int
    layer: str
    verdict: Verdict
    status: str
    counters: dict[str, int]
    start_cycle: int
    end_cycle: int
    cpu_start: float
    cpu_end: float
    wall_start: float
    wall_end: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


class BusError(AssertionError):
    """AXI4-Lite answered otherwise than expected."""


class Bench:
    """The simulation top's handles and the ways to use them.

    Parameters
    ----------
    dut : HierarchyObject
        ``sim_top``.
    config : PEConfig
        What it was built with; `check_build` asks the design.
    """

    def __init__(self, dut: HierarchyObject, config: PEConfig) -> None:
        self.dut: Any = dut
        self.config = config
        self._go = 0

    async def reset(self) -> None:
        """Quieten every input and reset the design."""
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        # A change of job_go would begin a job's streams.
        self.dut.job_go.value = self._go
        self.dut.rst.value = 1
        await self.clocks(RESET_CYCLES)
        self.dut.rst.value = 0
        await self.clocks(1)

    @property
    def rule_broken(self) -> bool:
        """Whether a checker of ``tb/hdl`` has seen a broken rule."""
        return bool(int(self.dut.rule_broken.value))

    async def clocks(self, count: int) -> None:
        """Let `count` clocks pass."""
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def soft_reset(self) -> None:
        """Reset the PE through its register, and its streams' other ends with it."""
        self.dut.stream_rst.value = 1
        await self.clocks(1)
        await self.write(Register.CONTROL, Control.SOFT_RESET)
        await self.clocks(1)
        self.dut.stream_rst.value = 0
        await self.clocks(1)

    async def status(self) -> StatusCode:
        """How the last job ended."""
        return StatusCode((await self.read(Register.STATUS)) >> 8 & 0xFF)

    async def write(self, register: int, word: int) -> None:
        """Write one register.

        Raises
        ------
        BusError
            The PE refused it.
        """
        response = await self.try_write(register, word)
        if response != 0:
            raise BusError(f"write of {word:#x} to {Register(register).name} answered {response}")

    async def try_write(self, register: int, word: int, strobe: int = 0b1111) -> int:
        """Write one register and return the response: 0 OKAY, 2 SLVERR."""
        dut = self.dut
        dut.s_axil_awaddr.value = register
        dut.s_axil_awvalid.value = 1
        dut.s_axil_wdata.value = word
        dut.s_axil_wstrb.value = strobe
        dut.s_axil_wvalid.value = 1
        dut.s_axil_bready.value = 1
        await RisingEdge(dut.clk)
        dut.s_axil_awvalid.value = 0
        dut.s_axil_wvalid.value = 0
        await ReadOnly()
        assert int(dut.s_axil_bvalid.value) == 1, "AXI4-Lite write got no response"
        response = int(dut.s_axil_bresp.value)
        await RisingEdge(dut.clk)
        return response

    async def try_read(self, register: int) -> tuple[int, int]:
        """Read one register and return its word and the response."""
        dut = self.dut
        dut.s_axil_araddr.value = register
        dut.s_axil_arvalid.value = 1
        dut.s_axil_rready.value = 1
        await RisingEdge(dut.clk)
        dut.s_axil_arvalid.value = 0
        await ReadOnly()
        assert int(dut.s_axil_rvalid.value) == 1, "AXI4-Lite read got no response"
        word, response = int(dut.s_axil_rdata.value), int(dut.s_axil_rresp.value)
        await RisingEdge(dut.clk)
        return word, response

    async def read(self, register: int) -> int:
        """Read one register.

        Raises
        ------
        BusError
            The PE refused it.
        """
        word, response = await self.try_read(register)
        if response != 0:
            raise BusError(f"read of {Register(register).name} answered {response}")
        return word

    async def check_build(self) -> None:
        """Assert that the design was built with `config`."""
        for register, expected in build_registers(self.config).items():
            found = await self.read(register)
            assert found == expected, (
                f"the design reports {register.name} {found:#x}, the configuration {expected:#x}"
            )

    async def start(
        self,
        record: JobRecord,
        registers: Mapping[int, int] | None = None,
        hold: Mapping[str, int] | None = None,
    ) -> None:
        """Write a job's descriptor, begin its streams and start it.

        Parameters
        ----------
        record : JobRecord
        registers : mapping, optional
            Descriptor words instead of the record's.
        hold : mapping, optional
            Streams (``act``, ``wgt``) that dry up after so many beats, without TLAST.
        """
        dut = self.dut
        for stream in ("act", "wgt"):
            getattr(dut, f"{stream}_hold").value = (hold or {}).get(stream, NEVER)
        for register, word in (record.registers if registers is None else registers).items():
            await self.write(register, word)
        dut.job.value = record.number
        dut.act_beats.value = record.act_beats
        dut.wgt_beats.value = record.wgt_beats
        dut.act_drop.value = record.act_drop
        dut.act_stall.value = record.stalls.act
        dut.wgt_stall.value = record.stalls.wgt
        dut.out_stall.value = record.stalls.out
        dut.out_expected.value = record.out_beats
        dut.job_limit.value = record.limit
        self._go = 1 - self._go
        dut.job_go.value = self._go
        await self.write(Register.CONTROL, Control.START | Control.IRQ_CLEAR)

    async def finish(self) -> bool:
        """Await the end of the running job; True if the bench gave up on it."""
        if not int(self.dut.job_end.value):
            await RisingEdge(self.dut.job_end)
        if not int(self.dut.job_closed.value):
            await RisingEdge(self.dut.job_closed)
        await ReadOnly()
        timeout = bool(int(self.dut.job_timeout.value))
        await RisingEdge(self.dut.clk)
        return timeout

    async def run(self, record: JobRecord, folder: Path) -> JobResult:
        """Run one job from its files and judge what came out."""
        cpu_start, wall_start = time.process_time(), time.monotonic()
        await self.start(record)
        timeout = await self.finish()
        cpu_end, wall_end = time.process_time(), time.monotonic()
        status = await self.status()
        counters = {register.name.lower(): await self.read(register) for register in COUNTERS}
        verdict = self.judge(record, folder, status, timeout)
        return JobResult(
            number=record.number,
            layer=record.layer,
            verdict=verdict,
            status=status.name,
            counters=counters,
            start_cycle=int(self.dut.job_start_cycle.value),
            end_cycle=int(self.dut.job_end_cycle.value),
            cpu_start=cpu_start,
            cpu_end=cpu_end,
            wall_start=wall_start,
            wall_end=wall_end,
        )

    def judge(self, record: JobRecord, folder: Path, status: StatusCode, timeout: bool) -> Verdict:
        """Compare what the last job recorded with what was expected."""
        expected = np.load(folder / f"{record.stem}.expected.npy")
        layer = record.layer
        if self.rule_broken:
            return Verdict(expected.size, 0, 0, self._broken_rule(record, folder))
        if timeout:
            cycle = int(self.dut.job_end_cycle.value)
            beats = int(self.dut.out_beats.value)
            text = (
                f"{layer}: job {record.number} did not end within {record.limit} cycles; "
                f"{beats} output beats came"
            )
            failure = Failure("timeout", text, layer=layer, time_ns=time_ns(cycle))
            return Verdict(expected.size, 0, 0, failure)
        if unknown := int(self.dut.out_unknown.value):
            cycle = int(self.dut.out_unknown_cycle.value)
            text = (
                f"{layer}: {unknown} output beats of job {record.number} hold an X or a Z, "
                f"first in cycle {cycle}"
            )
            failure = Failure("unknown_value", text, layer=layer, time_ns=time_ns(cycle))
            return Verdict(expected.size, 0, 0, failure)
        recording = read_recording(folder / f"{record.stem}.out", self.config)
        return judge(layer, record.tile, expected, recording, status, self.config)

    def _broken_rule(self, record: JobRecord, folder: Path) -> Failure:
        """What a checker of ``tb/hdl`` wrote when it stopped the job."""
        sentence = (folder / "checker.txt").read_text().strip()
        kind = "unknown_value" if "is known" in sentence else "status"
        text = f"{record.layer}: job {record.number}: {sentence}"
        cycle = int(self.dut.job_end_cycle.value)
        return Failure(kind, text, layer=record.layer, time_ns=time_ns(cycle))


def log_job(result: JobResult) -> None:
    """One line a job in the simulator's log."""
    verdict = result.verdict
    cocotb.log.info(
        "job %d of %s: %d values, %d mismatches, %d cycles, status %s",
        result.number,
        result.layer,
        verdict.values_compared,
        verdict.mismatches,
        result.end_cycle - result.start_cycle,
        result.status,
    )
