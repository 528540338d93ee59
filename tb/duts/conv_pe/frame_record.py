"""Frames on disk: what the simulator's side needs to run one job after another and compare.

A run folder holds ``frame.json`` (a `FrameSchedule`), ``job_<n>.wgt`` (weight streams), and
one folder a frame, ``frame_<n>``: ``golden/<node>.npy`` (C, H, W) and ``input.npy``
(H, W, C), the packed image. The simulation adds ``job_<n>.act``, ``.out`` and ``.tap``
for as long as it needs them, and in the frame's folder ``results.jsonl``, tensors of the
RTL's, and ``done``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from golden.config import PEConfig
from golden.dataflow.tile import Tile
from golden.graph.layers import Shape
from tb.duts.conv_pe.job_record import JobRecord

SCHEDULE: Final = "frame.json"
RESULTS: Final = "results.jsonl"
INPUT: Final = "input.npy"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a node's pixels."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class FrameJob:
    """A job of every frame, without its place in the run."""

    record: JobRecord
    """Its number is that within the frame."""
    source: str
    """Node that it reads."""
    region: Region
    """What it reads of it."""
    conv: str
    """Node that the convolution's values belong to; empty for a pool alone."""
    node: str
    """Node that leaves the PE."""
    own: Tile
    """Pixels of the convolution that only this job counts."""
    after: int
    """So many of the frame's jobs must have ended before."""

    @property
    def expected(self) -> dict[str, int]:
        """Values that this job makes, by node."""
        values = {self.conv: self.own.values} if self.conv else {}
        values[self.node] = self.record.out_tile.values
        return values


@dataclass(frozen=True, slots=True)
class FrameSchedule:
    """All jobs of a frame, and the tensors between them."""

    config: PEConfig
    jobs: tuple[FrameJob, ...]
    """In the order in which they run."""
    shapes: dict[str, Shape]
    """(C, H, W) of each node that is read or made; ``image`` as the PE reads it."""
    joined: dict[str, list[str]]
    """Concatenations, with their parts in channel order."""
    golden_inputs: bool
    """Whether jobs read the reference model's tensors even of nodes that other jobs make."""
    save: tuple[str, ...] = ()
    """Nodes whose RTL values are saved."""
    frames: int = 1
    flip_seed: int | None = None
    """Flip one expected bit of the first job."""
    paired: dict[str, list[list[str]]] = field(default_factory=dict)
    """Tensors whose pixels lie in pairs, as `golden.dataflow.lowering` has them, with the parts of
    both halves in channel order."""

    @property
    def made(self) -> set[str]:
        """Nodes that the jobs make, in whole or in part."""
        return {name for job in self.jobs for name in job.expected}

    @property
    def checked_joins(self) -> list[str]:
        """Concatenations that are put together from what the RTL made."""
        if self.golden_inputs:
            return []
        made = self.made
        return [name for name, parts in self.joined.items() if made.intersection(parts)]

    def parts(self, name: str) -> list[list[str]]:
        """The nodes whose values lie in a tensor that is read: of one half, or of both."""
        return self.paired.get(name) or [self.joined.get(name, [name])]

    def expected(self) -> dict[str, int]:
        """Values of one frame that are compared, by node."""
        values: dict[str, int] = {}
        for job in self.jobs:
            for name, count in job.expected.items():
                values[name] = values.get(name, 0) + count
        for name in self.checked_joins:
            channels, height, width = self.shapes[name]
            values[name] = channels * height * width
        return values


def frame_folder(run: Path, number: int) -> Path:
    """Folder of a frame."""
    return run / f"frame_{number:05d}"


def write_schedule(folder: Path, schedule: FrameSchedule) -> None:
    """Write ``frame.json``."""
    (folder / SCHEDULE).write_bytes(msgspec.json.encode(schedule))


def read_schedule(folder: Path) -> FrameSchedule:
    """Read ``frame.json``."""
    return msgspec.json.decode((folder / SCHEDULE).read_bytes(), type=FrameSchedule)
