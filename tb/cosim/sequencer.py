"""Keeps the PE's queue full: starts jobs as soon as they may be, and takes in what they made."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from tb.cosim.failure import Failure
from tb.cosim.scoreboard import Verdict
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.registers import StatusCode


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended."""

    number: int
    """The record's."""
    status: StatusCode
    counters: dict[str, int]
    """The PE's own counters, by register name."""
    start_cycle: int
    end_cycle: int
    """Clocks of the job's start and of its end."""
    cpu: float = 0.0
    wall: float = 0.0
    """Seconds of this process at the end."""
    timeout: bool = False
    """Whether the driver gave up on the job."""
    unknown: int = 0
    unknown_cycle: int = 0
    """Recorded beats with an X or a Z, and the clock of the first."""
    out_beats: int = 0
    """Output beats recorded, where the driver gave up."""


class Driver(Protocol):
    """The part of `tb.cosim.driver.Driver` that a sequencer uses."""

    async def start(self, record: JobRecord) -> None:
        """Start a job as soon as the PE is ready for it."""

    async def result(self) -> JobEnd:
        """Await the end of the job that has run longest."""

    def failure(self, record: JobRecord, end: JobEnd) -> Failure | None:
        """What is wrong with a job before any value is compared."""

    @property
    def rule_broken(self) -> bool:
        """Whether a checker has stopped the simulation."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """One job's verdict, and the part of each node in it: values expected, compared, wrong."""

    verdict: Verdict
    nodes: dict[str, tuple[int, int, int]]


class JobSequence(ABC):
    """Where jobs come from, and who compares what they made."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Jobs of the run."""

    def jobs_needed(self, index: int) -> int:
        """So many jobs must have ended before this one can be started."""
        return 0

    def is_ready(self, index: int) -> bool:
        """Whether what the job needs from outside the simulation is there."""
        return True

    @abstractmethod
    def prepare_input(self, index: int) -> JobRecord:
        """Put the job's input in its place; waits where it is not ready."""

    @abstractmethod
    def check(self, index: int, end: JobEnd, failure: Failure | None) -> JobOutcome:
        """Compare what the job made, unless it failed before."""

    @abstractmethod
    def record_result(self, result: dict[str, Any], index: int) -> None:
        """Write a result down."""

    def continues_after(self, index: int, failed: int) -> bool:
        """Whether a job is still of interest after another has failed."""
        return True


class Sequencer:
    """Two tasks: `start_jobs` starts jobs, `collect_results` takes in their results.

    Parameters
    ----------
    event : callable
        Makes an event: ``cocotb.triggers.Event`` or ``asyncio.Event``.
    log : callable
        Takes the result of each job that has ended.
    """

    def __init__(
        self,
        driver: Driver,
        sequence: JobSequence,
        event: Callable[[], Any],
        log: Callable[[dict[str, Any]], None] = lambda result: None,
    ) -> None:
        self.failures: list[Failure] = []
        self._driver = driver
        self._sequence = sequence
        self._log = log
        self._running: list[tuple[JobRecord, float, float]] = []
        self._ended = 0
        self._failed: int | None = None
        self._fed = self._dead = False
        self._one_started, self._one_ended = event(), event()

    async def start_jobs(self) -> None:
        """Start every job, each as soon as the jobs that it needs have ended."""
        for index in range(self._sequence.count):
            while not self._may_start(index):
                await self._one_ended.wait()
                self._one_ended.clear()
            if self._dead:
                break
            if self._failed is not None and not self._sequence.continues_after(index, self._failed):
                break
            record = self._sequence.prepare_input(index)
            stamps = time.process_time(), time.monotonic()
            await self._driver.start(record)
            self._running.append((record, *stamps))
            self._one_started.set()
        self._fed = True
        self._one_started.set()

    def _may_start(self, index: int) -> bool:
        if self._dead:
            return True
        idle = self._ended == index
        return self._ended >= self._sequence.jobs_needed(index) and (
            idle or self._sequence.is_ready(index)
        )

    async def collect_results(self) -> None:
        """Check every job that was started, in order."""
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
        """Await one job's end, check it, and write the result down."""
        end = await self._driver.result()
        record, cpu, wall = self._running[index]
        outcome = self._sequence.check(index, end, self._driver.failure(record, end))
        failure = outcome.verdict.failure
        result = {
            "index": index,
            "number": record.number,
            "layer": record.layer,
            "tile_number": record.tile_number,
            "verdict": asdict(outcome.verdict),
            "nodes": outcome.nodes,
            "status": end.status.name,
            "counters": end.counters,
            "start_cycle": end.start_cycle,
            "end_cycle": end.end_cycle,
            "cpu_start": cpu,
            "cpu_end": end.cpu,
            "wall_start": wall,
            "wall_end": end.wall,
        }
        self._sequence.record_result(result, index)
        self._log(result)
        self._ended += 1
        if failure is not None:
            self.failures.append(failure)
            self._failed = index if self._failed is None else self._failed
            # Nothing that follows could be believed, or would ever come.
            self._dead = end.timeout or self._driver.rule_broken
