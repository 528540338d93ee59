"""A small job on disk and what a probe would record of it, to change and to localize in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from golden.config import PoolPad, ProductMode
from golden.dataflow.tile import Job
from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from tb.debug.localization.contributions import JobStreams, read_streams
from tb.debug.localization.localize import Localization, localize
from tb.debug.probe.events import Probe
from tb.debug.probe.watch import Watch, watch_output
from tb.duts.conv_pe.job_record import JobRecord, Stalls, write_job
from tb.tests.configs import TINY
from tb.tests.cosim.material import small_job
from tb.tests.debug.probed import perfect

CONFIG = TINY[ProductMode.FULL]
POOL = Readout(size=2, stride=1, pad_bottom=True, pad_right=True, pad=PoolPad.ZERO)


@dataclass(frozen=True, slots=True)
class ProbedJob:
    """A job on disk, the value that is followed, and what a probe would record of it."""

    folder: Path
    record: JobRecord
    watch: Watch
    streams: JobStreams
    probe: Probe

    def localize(self, **changes: object) -> Localization:
        """Look into the value with some of the events changed."""
        probe = replace(self.probe, **changes)  # type: ignore[arg-type]
        return localize(self.record, CONFIG, self.folder, probe, self.watch)

    def passes(self, number: int, **figures: object) -> Localization:
        """The same with figures of one pass changed, and those behind it following suit."""
        passes = list(self.probe.passes)
        passes[number] = replace(passes[number], **figures)  # type: ignore[arg-type]
        return self.localize(passes=tuple(passes))

    def reads(self, index: int, **figures: object) -> Localization:
        """The same with figures of one read changed."""
        reads = list(self.probe.reads)
        reads[index] = replace(reads[index], **figures)  # type: ignore[arg-type]
        return self.localize(reads=tuple(reads))

    def totals(self, **figures: int) -> Localization:
        """The same with the last counts changed."""
        counts = list(self.probe.counts)
        counts[-1] = replace(counts[-1], **figures)  # type: ignore[arg-type]
        return self.localize(counts=tuple(counts))


def written(job: Job, folder: Path, number: int = 0, stalls: Stalls | None = None) -> JobRecord:
    values = spec.conv(job.input, job.layer)
    expected = job.readout.apply(values, CONFIG.act_w)
    return write_job(folder, number, job, expected, CONFIG, stalls, activated=values)


def probed_job(
    folder: Path, readout: Readout = PLAIN, place: tuple[int, int, int] = (5, 1, 3)
) -> ProbedJob:
    job, _ = small_job(CONFIG, 5, 6, seed=7, readout=readout)
    record = written(job, folder)
    watch = watch_output(record, CONFIG, *place)
    streams = read_streams(folder, record, CONFIG)
    return ProbedJob(folder, record, watch, streams, perfect(streams, record, watch))


Change = Callable[[ProbedJob], Localization]
