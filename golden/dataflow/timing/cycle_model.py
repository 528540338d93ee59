"""Cycle model: when each job of an ordered list starts and ends, and where its cycles go.

An event model of ``rtl/``, no simulation: it adds up a handful of terms for each group of
output channels, never one a cycle, and is exact while no stream keeps the PE waiting. The
terms are explained in ``docs/hardware.md``; each line names the module that it follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from golden.config import PEConfig
from golden.dataflow.timing.counters import Counters, Span, Timeline, bias_beats
from golden.dataflow.timing.job_shape import JobShape

READ_TO_OUT: Final = 5
"""From a sum's read to its beat on the output (drain, skid buffer)."""
BANK_FREE: Final = 2
"""From a bank's last read to the clock in which it may be written anew."""
NEXT_BANK: Final = 3
"""From a bank's last read to the other's first."""
SUM_TO_READ: Final = 5
"""From a group's last product to the first read: two clocks to its sum, three in drain."""


@dataclass(frozen=True, slots=True)
class Host:
    """How fast whoever writes the registers is, in clocks."""

    ready_to_start: int = 3
    """From READY to START inside the PE, the descriptor being written before."""
    end_to_start: int = 32
    """From the end of the last job that a job waits for to its START: reading the results, writing
    the descriptor."""


BENCH: Final = Host()
"""The project's own bench."""


@dataclass(frozen=True, slots=True)
class JobCycles:
    """One job's clocks, and what its counters hold at its end."""

    start: int
    """Clock of START inside the PE; that of the first job is 0, unless starts are given."""
    launch: int
    """The array takes it."""
    end: int
    """Its last beat leaves."""
    counters: Counters


@dataclass(slots=True)
class _Machine:
    """The PE between two jobs: for each resource, the first clock in which it is there."""

    config: PEConfig
    timeline: Timeline
    stream: int = 0
    """The weight stream's next beat."""
    swapped: int = 0
    """First product of the last pass: the weight shadow is free."""
    opened: int = 0
    """The bias shadow is free."""
    idle: int = 0
    """The array is free."""
    read: int = -NEXT_BANK
    """Last read of the last group."""
    banks: tuple[int, int] = (0, 0)
    """Bank of the next group, and of the one behind it."""
    memory: tuple[int, int] = (0, 0)
    """Words of the job in the array."""
    launched: int = -1
    ends: tuple[int, int] = (-1, -1)
    """Of the job before the last, and of the last."""

    def run(self, job: JobShape, start: int) -> JobCycles:
        """Take the next job."""
        checked = start + job.check + 1
        words = (job.in_base, job.in_base + job.words)
        apart = words[0] >= self.memory[1] or words[1] <= self.memory[0]
        # job_fetch: one clock to begin, one to start the loader, one a word, one for the end.
        loaded = (checked if apart else max(checked, self.idle)) + job.words + 3
        turn = max(checked, self.stream)
        launch = max(loaded, turn + 2, self.idle, self.ends[0] + 1)
        self.timeline.gap(self.idle, launch + 1, start, (checked, loaded), self.ends[1])
        self.timeline.add(launch + 1, launch + 2, Span.OTHER)
        self.stream, self.memory, self.launched = turn + 2, words, launch
        self._compute(job, launch + 2)
        end = self.read + READ_TO_OUT
        self.ends = (self.ends[1], end)
        return JobCycles(start, launch, end, Counters())

    def finish(self) -> None:
        """No job follows."""
        end = self.ends[1]
        self.timeline.gap(self.idle, end, end, (end, end), end)

    def _compute(self, job: JobShape, presented: int) -> None:
        """All groups of output channels; the first one's first pixel is there at `presented`."""
        lanes, pixels, reads = self.config.p_oc, job.pixels, job.reads
        passes, beats, period = job.passes, bias_beats(self.config), max(pixels, lanes)
        tail = presented
        for group in range(job.out_groups):
            issue = max(presented, self.banks[0])
            arrival = issue + 1
            # weight_loader: biases, then the weights of a pass, each once its shadow is free.
            self.stream = max(max(self.stream, self.opened) + beats, self.swapped) + lanes
            first = max(arrival, self.stream)
            self.swapped, self.opened = first + (passes - 1) * period, first + 1
            last = self.swapped + pixels - 1
            if passes > 1:
                self.stream = self.swapped - period + lanes
            self.timeline.add(tail, self.banks[0], Span.DRAIN)
            self.timeline.add(max(tail, self.banks[0]), arrival, Span.OTHER)
            # A pass of one pixel leaves the sequencer before it has its weights.
            waits = arrival if passes == 1 else self.swapped - period + 1
            self.idle = last if pixels > 1 else waits
            stop = self.idle if group == job.out_groups - 1 else last + 1
            self.timeline.add(arrival, min(first, stop), Span.WEIGHTS)
            self.timeline.add_passes(first, stop, period, pixels)
            self.read = max(last + SUM_TO_READ, self.read + NEXT_BANK) + reads - 1
            self.banks = (self.banks[1], self.read + BANK_FREE)
            presented, tail = last, last + 1
        self.timeline.last_mac = last


def predict(
    jobs: Sequence[JobShape],
    config: PEConfig,
    host: Host = BENCH,
    starts: Sequence[int] | None = None,
) -> list[JobCycles]:
    """Each job's clocks and counters, from a reset on, if no stream keeps the PE waiting.

    Parameters
    ----------
    jobs : sequence of JobShape
        In order.
    starts : sequence of int, optional
        When each job was started, instead of as soon as `host` may.
    """
    if not jobs:
        return []
    machine = _Machine(config, Timeline())
    found: list[JobCycles] = []
    for index, job in enumerate(jobs):
        start = machine.launched + 1 + host.ready_to_start if found else 0
        if job.after:
            start = max(start, found[job.after - 1].end + host.end_to_start)
        found.append(machine.run(job, start if starts is None else starts[index]))
    machine.finish()
    counters = machine.timeline.cut([job.end for job in found])
    return [replace(job, counters=counted) for job, counted in zip(found, counters, strict=True)]


@dataclass(frozen=True, slots=True)
class LayerCycles:
    """One layer's sums over its jobs, as the report has them."""

    name: str
    macs: int
    """Useful multiplications."""
    counters: Counters
    """Its clocks run from the end of the layer before, the first one's from the first start, to the
    end of its own last job; those in which the array multiplied for the next layer are the next
    one's."""

    def utilisation(self, config: PEConfig) -> float:
        """Useful multiplications of all that the array could have done."""
        return self.macs / (self.counters.cycles * config.p_ic * config.p_oc)


def layers(jobs: Sequence[JobShape], cycles: Sequence[JobCycles]) -> list[LayerCycles]:
    """What `predict` says of each layer, in the order of the jobs."""
    found = []
    before = cycles[0].start - 1 if cycles else 0  # the bench notices an end one clock later
    for name in dict.fromkeys(job.layer for job in jobs):
        mine = [index for index, job in enumerate(jobs) if job.layer == name]
        end = cycles[mine[-1]].end
        counters = sum((cycles[index].counters for index in mine), Counters())
        # What the job behind the layer computed before the layer's end is not the layer's.
        shift = sum(jobs[index].products for index in mine) - counters.mac
        counters = replace(counters.within(end - before), mac=counters.mac + shift)
        macs = sum(jobs[index].macs for index in mine)
        found.append(LayerCycles(name, macs, counters))
        before = end
    return found


def utilisation(found: Iterable[LayerCycles], config: PEConfig) -> float:
    """The frame's."""
    whole = list(found)
    macs = sum(layer.macs for layer in whole)
    cycles = sum(layer.counters.cycles for layer in whole)
    return macs / (cycles * config.p_ic * config.p_oc)
