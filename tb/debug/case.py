"""A job to look into: how to put it, and the jobs around it, into a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from golden.config import PEConfig
from tb.duts.conv_pe.frame_record import (
    INPUT,
    RESULTS,
    FrameJob,
    FrameSchedule,
    frame_folder,
    write_schedule,
)
from tb.duts.conv_pe.job_record import JobRecord, write_jobs


class Around(NamedTuple):
    """So many jobs right before a job, and right behind it."""

    before: int = 0
    behind: int = 0


class Case(Protocol):
    """One job of a run."""

    @property
    def folder(self) -> Path:
        """The run's."""

    @property
    def config(self) -> PEConfig:
        """The array's."""

    @property
    def record(self) -> JobRecord:
        """The job as it ran, with its number in the run's file names."""

    @property
    def fracs(self) -> Mapping[str, int] | None:
        """Fraction bits of its ``input``, ``weight``, ``sum`` and ``output``, where known."""

    @property
    def region(self) -> Mapping[str, int] | None:
        """First ``row`` and ``column`` of what it reads of its source, where known."""

    @property
    def conv(self) -> str:
        """Node that the convolution's values belong to; empty where it is the job's layer."""

    @property
    def node(self) -> str:
        """Node that leaves the PE; likewise."""

    def around(self, wanted: Around) -> Around:
        """How many jobs there are right before and behind it, `wanted` at most."""

    def first_group(self, before: int) -> int:
        """Output groups of the `before` jobs ahead of it."""

    def write(self, folder: Path, around: Around) -> JobRecord:
        """Make `folder` a run of this job and of those around it; its record there."""

    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameCase:
    """A job of a frame, on golden's inputs."""

    folder: Path
    """The run's, with weight streams and golden's tensors."""
    listed: FrameSchedule
    """The run's jobs."""
    frame: int
    """Number of the frame."""
    place: int
    """Of the job, within the frame."""
    record: JobRecord
    fracs: Mapping[str, int] | None

    @property
    def config(self) -> PEConfig:
        """The array's."""
        return self.listed.config

    @property
    def _job(self) -> FrameJob:
        return self.listed.jobs[self.place]

    @property
    def region(self) -> Mapping[str, int]:
        """First ``row`` and ``column`` of what it reads of its source."""
        return {"row": self._job.region.row, "column": self._job.region.column}

    @property
    def conv(self) -> str:
        """Node of the convolution's values."""
        return self._job.conv

    @property
    def node(self) -> str:
        """Node that leaves the PE."""
        return self._job.node

    def around(self, wanted: Around) -> Around:
        """How many jobs of the frame there are right before and behind it, `wanted` at most."""
        return _within(wanted, self.place, len(self.listed.jobs))

    def first_group(self, before: int) -> int:
        """Output groups of the `before` jobs ahead of it."""
        jobs = self.listed.jobs[self.place - before : self.place]
        return output_groups([job.record for job in jobs], self.config)

    def write(self, folder: Path, around: Around) -> JobRecord:
        """Make `folder` a run of this job and of those around it.

        Returns
        -------
        JobRecord
            The job's, as it is numbered there.
        """
        folder.mkdir(parents=True)
        chosen = self.listed.jobs[self.place - around.before : self.place + around.behind + 1]
        jobs = tuple(
            replace(job, record=replace(job.record, number=index), after=0)
            for index, job in enumerate(chosen)
        )
        flip = self.listed.flip_seed if self.frame == 0 and self.place == around.before else None
        listed = replace(self.listed, jobs=jobs, golden_inputs=True, save=(), frames=1)
        write_schedule(folder, replace(listed, flip_seed=flip))
        for number in {job.record.weights for job in jobs}:
            _link(self.folder / f"job_{number:05d}.wgt", folder)
        source, target = frame_folder(self.folder, self.frame), frame_folder(folder, 0)
        target.mkdir()
        for name in ("golden", INPUT):
            if (source / name).exists():
                _link(source / name, target)
        return jobs[around.before].record

    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""
        return frame_folder(folder, 0) / RESULTS


@dataclass(frozen=True, slots=True, eq=False)
class FolderCase:
    """A job among single jobs, such as those of ``make fuzz``."""

    folder: Path
    """The run's, with each job's streams and expected values."""
    config: PEConfig
    records: Sequence[JobRecord]
    """All of the run, in order."""
    place: int
    """Of the job among them."""
    fracs: Mapping[str, int] | None = field(default=None, init=False)
    region: Mapping[str, int] | None = field(default=None, init=False)
    conv: str = field(default="", init=False)
    node: str = field(default="", init=False)

    @property
    def record(self) -> JobRecord:
        """The job as it ran."""
        return self.records[self.place]

    def around(self, wanted: Around) -> Around:
        """How many jobs there are right before and behind it, `wanted` at most."""
        return _within(wanted, self.place, len(self.records))

    def first_group(self, before: int) -> int:
        """Output groups of the `before` jobs ahead of it."""
        return output_groups(self.records[self.place - before : self.place], self.config)

    def write(self, folder: Path, around: Around) -> JobRecord:
        """Make `folder` a run of this job and of those around it; its record there."""
        folder.mkdir(parents=True)
        chosen = self.records[self.place - around.before : self.place + around.behind + 1]
        for record in chosen:
            for path in self.folder.glob(f"{record.stem}.*"):
                if path.suffix in (".act", ".wgt", ".npy"):
                    _link(path, folder)
        write_jobs(folder, self.config, chosen)
        return self.record

    def results(self, folder: Path) -> Path:
        """Where the results of a run that `write` has made will stand."""
        return folder / RESULTS


def _within(wanted: Around, place: int, count: int) -> Around:
    """What there is of the jobs wanted around one of `count`."""
    return Around(min(wanted.before, place), min(wanted.behind, count - 1 - place))


def output_groups(records: Sequence[JobRecord], config: PEConfig) -> int:
    """How many groups of output channels some jobs have."""
    channels = (record.tile.last_channel - record.tile.first_channel for record in records)
    return sum(-(-count // config.p_oc) for count in channels)


def _link(path: Path, folder: Path) -> None:
    (folder / path.name).symlink_to(path.resolve())


def remove(folder: Path) -> None:
    """Remove what an earlier look at the same job has left."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
