"""Keeps the PE's queue full: starts jobs as soon as they may be, and takes in what they made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from tb.cosim.failure import Failure
from tb.cosim.scoreboard import Verdict
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.registers import StatusCode


class JobEnd(Protocol):
    """What the bench tells of a job that has ended."""

    status: StatusCode
    counters: dict[str, int]
    start_cycle: int
    end_cycle: int
    cpu: float
    wall: float
    timeout: bool


class Bench(Protocol):
    """The part of `tb.cosim.driver.Bench` that a runner uses."""

    async def start(self, record: JobRecord) -> None:
        """Start a job as soon as the PE is ready for it."""

    async def result(self) -> Any:
        """Await the end of the job that has run longest."""

    def failure(self, record: JobRecord, end: Any) -> Failure | None:
        """What is wrong with a job before any value is compared."""

    @property
    def rule_broken(self) -> bool:
        """Whether a checker has stopped the simulation."""


class Feed(Protocol):
    """Where jobs come from, and who compares what they made."""

    @property
    def count(self) -> int:
        """Jobs of the run."""

    def needs(self, index: int) -> int:
        """So many jobs must have ended before this one can be started."""

    def at_hand(self, index: int) -> bool:
        """Whether what the job needs from outside the simulation is there."""

    def begin(self, index: int) -> JobRecord:
        """Put the job's input in its place; waits where it is not at hand."""

    def judge(self, index: int, end: Any, failure: Failure | None) -> Judged:
        """Compare what the job made, unless it failed before."""

    def keep(self, result: dict[str, Any], index: int) -> None:
        """Write a result down."""

    def goes_on(self, index: int, failed: int) -> bool:
        """Whether a job is still of interest after another has failed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One job's verdict, and the part of each node in it: values expected, compared, wrong."""

    verdict: Verdict
    nodes: dict[str, tuple[int, int, int]]


class Runner:
    """Two tasks: `feed` starts jobs, `collect` takes in their results.

    Parameters
    ----------
    bench : Bench
    feed : Feed
    event : callable
        Makes an event: ``cocotb.triggers.Event`` or ``asyncio.Event``.
    log : callable
        Told of each job that has ended.
    """

    def __init__(
        self,
        bench: Bench,
        feed: Feed,
        event: Callable[[], Any],
        log: Callable[[dict[str, Any]], None] = lambda result: None,
    ) -> None:
        self.failures: list[Failure] = []
        self._bench = bench
        self._jobs = feed
        self._log = log
        self._running: list[tuple[JobRecord, float, float]] = []
        self._ended = 0
        self._failed: int | None = None
        self._fed = self._dead = False
        self._one_started, self._one_ended = event(), event()

    async def feed(self) -> None:
        """Start every job, each as soon as the jobs that it needs have ended."""
        for index in range(self._jobs.count):
            while not self._may_start(index):
                await self._one_ended.wait()
                self._one_ended.clear()
            if self._dead:
                break
            if self._failed is not None and not self._jobs.goes_on(index, self._failed):
                break
            record = self._jobs.begin(index)
            stamps = time.process_time(), time.monotonic()
            await self._bench.start(record)
            self._running.append((record, *stamps))
            self._one_started.set()
        self._fed = True
        self._one_started.set()

    def _may_start(self, index: int) -> bool:
        if self._dead:
            return True
        idle = self._ended == index
        return self._ended >= self._jobs.needs(index) and (idle or self._jobs.at_hand(index))

    async def collect(self) -> None:
        """Judge every job that was started, in order."""
        while True:
            if self._ended == len(self._running):
                if self._fed:
                    return
                await self._one_started.wait()
                self._one_started.clear()
                continue
            await self._take(self._ended)
            self._one_ended.set()
            if self._dead:
                return

    async def _take(self, index: int) -> None:
        """Await one job's end, judge it, and write the result down."""
        end = await self._bench.result()
        record, cpu, wall = self._running[index]
        judged = self._jobs.judge(index, end, self._bench.failure(record, end))
        failure = judged.verdict.failure
        result = {
            "index": index,
            "number": record.number,
            "layer": record.layer,
            "tile_number": record.tile_number,
            "verdict": asdict(judged.verdict),
            "nodes": judged.nodes,
            "status": end.status.name,
            "counters": end.counters,
            "start_cycle": end.start_cycle,
            "end_cycle": end.end_cycle,
            "cpu_start": cpu,
            "cpu_end": end.cpu,
            "wall_start": wall,
            "wall_end": end.wall,
        }
        self._jobs.keep(result, index)
        self._log(result)
        self._ended += 1
        if failure is not None:
            self.failures.append(failure)
            self._failed = index if self._failed is None else self._failed
            # Nothing that follows could be believed, or would ever come.
            self._dead = end.timeout or self._bench.rule_broken
