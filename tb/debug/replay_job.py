"""A job to diagnose: how to put it, and the jobs around it, into a folder of their own."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from golden.config import PEConfig
from tb.duts.conv_pe.frame_record import (
    INPUT,
    RESULTS,
    FrameSchedule,
    frame_folder,
    write_schedule,
)
from tb.duts.conv_pe.job_record import JobRecord, write_jobs


class Neighbours(NamedTuple):
    """So many jobs right before a job, and right behind it."""

    before: int = 0
    behind: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ReplayJob(ABC):
    """One job of a run."""

    folder: Path
    """The run's."""
    config: PEConfig
    records: Sequence[JobRecord]
    """Of all jobs among which it ran, in order."""
    place: int
    """Of the job among them."""

    _: KW_ONLY
    fracs: Mapping[str, int] | None = None
    """Fraction bits of its ``input``, ``weight``, ``sum`` and ``output``, where known."""
    region: Mapping[str, int] | None = None
    """First ``row`` and ``column`` of what it reads of its source, where known."""
    conv: str = ""
    """Node that the convolution's values belong to; empty where it is the job's layer."""
    node: str = ""
    """Node that leaves the PE; likewise."""

    @property
    def record(self) -> JobRecord:
        """The job as it ran, with its number in the run's file names."""
        return self.records[self.place]

    def neighbours(self, wanted: Neighbours) -> Neighbours:
        """How many jobs there are right before and behind it, `wanted` at most."""
        behind = len(self.records) - 1 - self.place
        return Neighbours(min(wanted.before, self.place), min(wanted.behind, behind))

    def span(self, neighbours: Neighbours) -> slice:
        """The job and its neighbours among all jobs."""
        return slice(self.place - neighbours.before, self.place + neighbours.behind + 1)

    def first_group(self, before: int) -> int:
        """Output groups of the `before` jobs ahead of it."""
        return output_groups(self.records[self.place - before : self.place], self.config)

    @abstractmethod
    def write(self, folder: Path, neighbours: Neighbours) -> JobRecord:
        """Make `folder` a run of this job and its neighbours; its record there."""

    @abstractmethod
    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameReplayJob(ReplayJob):
    """A job of a frame, on the reference model's inputs."""

    schedule: FrameSchedule
    """The run's jobs."""
    frame: int
    """Number of the frame."""
    number: int
    """Of the job in the run's file names."""

    @property
    def record(self) -> JobRecord:
        """The job as it ran."""
        return replace(self.records[self.place], number=self.number)

    def write(self, folder: Path, neighbours: Neighbours) -> JobRecord:
        """Make `folder` a run of this job and its neighbours; its record there."""
        folder.mkdir(parents=True)
        jobs = tuple(
            replace(job, record=replace(job.record, number=index), after=0)
            for index, job in enumerate(self.schedule.jobs[self.span(neighbours)])
        )
        first = self.frame == 0 and self.place == neighbours.before
        flip = self.schedule.flip_seed if first else None
        schedule = replace(self.schedule, jobs=jobs, golden_inputs=True, save=(), frames=1)
        write_schedule(folder, replace(schedule, flip_seed=flip))
        for number in {job.record.weights for job in jobs}:
            _link(self.folder / f"job_{number:05d}.wgt", folder)
        source, target = frame_folder(self.folder, self.frame), frame_folder(folder, 0)
        target.mkdir()
        for name in ("golden", INPUT):
            if (source / name).exists():
                _link(source / name, target)
        return jobs[neighbours.before].record

    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""
        return frame_folder(folder, 0) / RESULTS


@dataclass(frozen=True, slots=True, eq=False)
class SingleReplayJob(ReplayJob):
    """A job among single jobs, whose streams and expected values lie in the run's folder."""

    def write(self, folder: Path, neighbours: Neighbours) -> JobRecord:
        """Make `folder` a run of this job and its neighbours; its record there."""
        folder.mkdir(parents=True)
        chosen = self.records[self.span(neighbours)]
        for record in chosen:
            for path in self.folder.glob(f"{record.stem}.*"):
                if path.suffix in (".act", ".wgt", ".npy"):
                    _link(path, folder)
        write_jobs(folder, self.config, chosen)
        return self.record

    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""
        return folder / RESULTS


def output_groups(records: Sequence[JobRecord], config: PEConfig) -> int:
    """How many groups of output channels some jobs have."""
    channels = (record.tile.last_channel - record.tile.first_channel for record in records)
    return sum(-(-count // config.p_oc) for count in channels)


def _link(path: Path, folder: Path) -> None:
    (folder / path.name).symlink_to(path.resolve())


def remove(folder: Path) -> None:
    """Remove what an earlier diagnosis of the same job has left."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
