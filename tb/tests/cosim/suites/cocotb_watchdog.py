"""The watchdog in every state of the control, behind an output that is taken or is not."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cocotb
from cocotb.task import Task
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiStreamFrame

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.tile import Job
from tb.cosim.scoreboard import in_stream_order
from tb.duts.conv_pe.packing import pack_activations, pack_weights
from tb.duts.conv_pe.registers import Control, Register, StatusCode, descriptor
from tb.tests.cosim.material import small_job
from tb.tests.cosim.suites.cocotb_axi import OKAY, READY, AxiBench, frame_of
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS

RUN, WAIT, FLUSH, CLOSE = range(4)
SPOILED: Final = ("size", "act_early", "act_late", "wgt_early", "wgt_late")
STARVED: Final = ("starved", "size_starved")
"""No stream of theirs ever comes, nor of a job behind them."""
KINDS: Final = ("good", *SPOILED, *STARVED)
PLANS: Final = (
    ("good", "good", "good"),
    ("good", "good", "wgt_early"),
    ("good", "wgt_late", "good"),
    ("wgt_early", "good", "good"),
    ("wgt_late", "good", "size"),
    ("size", "size", "size", "good"),
    ("act_early", "size", "wgt_early", "good"),
    ("size", "act_late", "good", "good"),
    ("starved", "good"),
    ("size_starved", "good"),
    ("good", "size_starved"),
)
"""What the jobs of a run are, in their order."""


@dataclass(frozen=True, slots=True)
class End:
    """An end of a job, as the control gave it.

    Parameters
    ----------
    cycle : int
    code : StatusCode
    closed : bool
        Good, or its closing beat entered the output's buffer.
    moved : int
        Clock of the last output beat before, or of the last expiry if that was later.
    """

    cycle: int
    code: StatusCode
    closed: bool
    moved: int


@dataclass(slots=True)
class Frame:
    """Output up to a TLAST: the bytes that TKEEP keeps, and whether TUSER closes it."""

    kept: bytes = b""
    failed: bool = False


@dataclass(slots=True)
class Monitor:
    """What happened since the reset, clock by clock."""

    ends: list[End] = field(default_factory=list)
    frames: deque[Frame] = field(default_factory=deque)
    open: Frame = field(default_factory=Frame)
    """The frame whose TLAST is still to come."""
    expiries: list[int] = field(default_factory=list)
    moved: int = -1
    """Clock of the last output beat or expiry."""
    found: tuple[int, bool, bool] | None = None
    """At the first expiry: state, whether the output's buffer has room, whether a job waits."""

    async def watch(self, dut: Any) -> None:
        """Follow the control and the output until cancelled."""
        cycle = 0
        while True:
            await RisingEdge(dut.clk)
            cycle += 1
            state, room = int(dut.control_state.value), bool(int(dut.close_ready.value))
            if int(dut.job_end.value):
                code = StatusCode(int(dut.end_error.value))
                self.ends.append(End(cycle, code, code is StatusCode.NONE or room, self.moved))
            if int(dut.m_axis_out_tvalid.value) and int(dut.m_axis_out_tready.value):
                self.moved = cycle
                self._take(dut)
            if int(dut.expires.value):
                self.expiries.append(cycle)
                self.moved = cycle
                if self.found is None:
                    waits = int(dut.pending.value) + int(dut.fetching.value) > 1
                    self.found = state, room, waits

    def _take(self, dut: Any) -> None:
        keep = int(dut.m_axis_out_tkeep.value)
        data = int(dut.m_axis_out_tdata.value) & ((1 << 8 * keep.bit_length()) - 1)
        self.open.kept += data.to_bytes(keep.bit_length(), "little")
        if int(dut.m_axis_out_tlast.value):
            self.open.failed = bool(int(dut.m_axis_out_tuser.value))
            self.frames.append(self.open)
            self.open = Frame()


class WatchdogBench(AxiBench):
    """Runs jobs of which some are faulty, behind an output that is blocked for a while."""

    async def run_plan(
        self, kinds: Sequence[str], watchdog: int, blocked: int, seed: int
    ) -> Monitor:
        """Run jobs from a reset, the output blocked for so many clocks; judge what came out."""
        for model in (self.act, self.wgt, self.out):
            model.clear()
        await self.reset()
        assert await self.write(Register.WATCHDOG, watchdog) == OKAY
        made = [small_job(self.config, 3, 5, (1, 1), (1, 2), seed=seed + n) for n in range(4)]
        monitor = Monitor()
        watcher = cocotb.start_soon(monitor.watch(self.dut))
        self.out.pause = blocked > 0
        # One good job more than the plan has: it may come after the expiry.
        jobs = list(zip((*kinds, "good"), (*made, made[0]), strict=False))
        starter = cocotb.start_soon(self._start_all(jobs))
        await ClockCycles(self.dut.clk, max(blocked, 1))
        self.out.pause = False
        try:
            await self._all_ended(monitor, starter, len(jobs), 12 * watchdog + 1200)
            self._judge(monitor, [expected for _, (_, expected) in jobs], watchdog)
        except AssertionError as error:
            case = f"{', '.join(kinds)}; watchdog {watchdog}, blocked for {blocked} clocks"
            raise AssertionError(f"{case}: {error}") from None
        watcher.cancel()
        return monitor

    async def _start_all(self, jobs: Sequence[tuple[str, tuple[Job, Int16Array]]]) -> None:
        starved = False
        for kind, (job, _) in jobs:
            words = descriptor(job)
            for register, word in words.items():
                bad = kind.startswith("size") and register == Register.IN_SIZE
                assert await self.write(register, 0 if bad else word) == OKAY
            starved |= kind in STARVED
            if not starved:
                await self.act.send(_stream(pack_activations(job.input, self.config), kind, "act"))
                await self.wgt.send(_stream(pack_weights(job.layer, self.config), kind, "wgt"))
            while not await self.read(Register.STATUS) & READY:
                pass
            assert await self.write(Register.CONTROL, Control.START) == OKAY

    async def _all_ended(
        self, monitor: Monitor, starter: Task[None], jobs: int, limit: int
    ) -> None:
        for _ in range(limit // 8):
            await ClockCycles(self.dut.clk, 8)
            if starter.done() and len(monitor.ends) >= jobs:
                break
        await ClockCycles(self.dut.clk, 8)
        ended = len(monitor.ends)
        assert ended == jobs, f"{ended} of {jobs} jobs ended"

    def _judge(self, monitor: Monitor, expected: Sequence[Int16Array], watchdog: int) -> None:
        """Every job has its frame, and only whole frames of good jobs are reported right."""
        frames = monitor.frames
        first = monitor.expiries[0] if monitor.expiries else None
        for number, (end, values) in enumerate(zip(monitor.ends, expected, strict=True)):
            order, live = in_stream_order(values, self.config)
            wanted = order[live].astype(f"<i{self.config.act_w // 8}").tobytes()
            if end.code is StatusCode.NONE:
                late = first is not None and end.cycle > first
                assert not late, f"job {number} is reported right after the watchdog has expired"
                assert frames, f"job {number} is reported right, and has no frame"
                assert frames.popleft() == Frame(wanted), (
                    f"job {number} is reported right, and its frame is not"
                )
            elif end.closed:
                # A whole frame may stand in the output's buffer as its job falls.
                if frames and not frames[0].failed:
                    assert first is not None and frames.popleft().kept == wanted, (
                        f"job {number} failed, and another's frame comes first"
                    )
                assert frames and frames.popleft().failed, f"job {number} has no closing beat"
            else:
                self._judge_given_up(monitor, number, watchdog)
        assert not frames, f"{len(frames)} frames of nobody"

    @staticmethod
    def _judge_given_up(monitor: Monitor, number: int, watchdog: int) -> None:
        """A closing beat is given up only after a further period in which nothing was taken."""
        end = monitor.ends[number]
        earlier = any(expiry < end.cycle for expiry in monitor.expiries)
        assert earlier, f"job {number} lost its closing beat as the watchdog first expired"
        quiet = end.cycle - end.moved
        assert quiet >= watchdog, f"job {number} lost its closing beat after {quiet} clocks"


def _stream(beats: Any, kind: str, stream: str) -> AxiStreamFrame:
    """A job's stream, cut or drawn out where its kind says so."""
    if kind == f"{stream}_early":
        return frame_of(beats[:-1])
    if kind == f"{stream}_late":
        return frame_of(beats[[*range(len(beats)), 0, 0]])
    return frame_of(beats)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def closes_every_job_in_whatever_state_the_watchdog_expires(dut: Any) -> None:
    """An output blocked for part of a period up to several: ends and frames agree, job by job."""
    bench = WatchdogBench(dut)
    watchdog = 90
    found, given_up = set(), set()
    for seed, kinds in enumerate(PLANS):
        for blocked in (0, 300, 350, 400, 460, 540, 800):
            monitor = await bench.run_plan(kinds, watchdog, blocked, seed)
            if monitor.found is not None:
                found.add(monitor.found)
            given_up.add(sum(not end.closed for end in monitor.ends))
    assert {state for state, _, _ in found} == {RUN, WAIT, FLUSH, CLOSE}, found
    assert {(CLOSE, False, False), (CLOSE, False, True)} <= found, found
    assert {0, 1, 2} <= given_up, given_up


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def closes_every_job_whatever_the_watchdog_is(dut: Any) -> None:
    """Jobs of any kind; periods so short that they end beside a start, a launch, a closing beat."""
    bench = WatchdogBench(dut)
    draw = random.Random(1)
    found = set()
    for seed in range(60):
        kinds = draw.choices(KINDS, k=draw.randint(1, 4))
        watchdog = draw.choice((1, 2, 3, draw.randint(4, 30), draw.randint(31, 90)))
        blocked = draw.choice((0, draw.randint(1, 250), draw.randint(100, 600)))
        monitor = await bench.run_plan(kinds, watchdog, blocked, seed)
        if monitor.found is not None:
            found.add(monitor.found)
    assert len(found) >= 6, found
