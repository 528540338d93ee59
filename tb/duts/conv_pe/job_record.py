"""A run's jobs on disk: what the simulator's side needs, and nothing else.

A run folder holds ``jobs.json`` (the build's parameters and one `JobRecord` a
job), and for each job ``job_<n>.act``, ``job_<n>.wgt`` (streams),
``job_<n>.expected.npy`` and, where a readout pools or upsamples,
``job_<n>.activated.npy``; the simulation adds ``job_<n>.out`` and ``job_<n>.tap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from golden.dataflow.tile import Job, Tile, groups, passes
from golden.reference.readout import PLAIN, Readout
from tb.duts.conv_pe.packing import pack_activations, pack_weights
from tb.duts.conv_pe.registers import descriptor

NEVER = 0xFFFFFFFF
NUMBERS = 100_000
"""Job numbers in file names; the next job begins anew."""
LIMIT_FACTOR = 4
LIMIT_MARGIN = 20_000


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often each stream holds back a beat, in 256ths."""

    act: int = 0
    wgt: int = 0
    out: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the bench runs it."""

    number: int
    """In the file names."""
    layer: str
    tile_number: int
    """Counted within the layer, whatever jobs of it are run."""
    tile: Tile
    """Pixels of the convolution."""
    registers: dict[int, int]
    """Descriptor words by address."""
    act_beats: int
    wgt_beats: int
    out_beats: int
    """Beats of the streams."""
    macs: int
    macs_on_zero_weights: int
    limit: int
    """Clocks after which the bench gives up."""
    stalls: Stalls = field(default_factory=Stalls)
    act_drop: int = NEVER
    """Activation beat that the player loses; `NEVER` for none."""
    weights: int = 0
    """Number in the name of the weight stream's file."""
    readout: Readout = PLAIN
    """How the tile leaves."""
    output: Tile | None = None
    """What leaves, in the node that it makes; None where it is the tile itself."""
    mac_cycles: int = 0
    """Clocks in which the array multiplies."""

    @property
    def tap(self) -> bool:
        """Whether the activated values are recorded too, since others leave."""
        return not self.readout.plain

    @property
    def out_tile(self) -> Tile:
        """What leaves, in the node that it makes."""
        return self.tile if self.output is None else self.output

    @property
    def stem(self) -> str:
        """Start of the job's file names."""
        return f"job_{self.number:05d}"


def job_record(
    job: Job,
    config: PEConfig,
    number: int = 0,
    tile_number: int = 0,
    in_base: int = 0,
    stalls: Stalls | None = None,
    output: Tile | None = None,
) -> JobRecord:
    """Describe a job; of its input only the shape is read. The weights' beats are left at 0."""
    stalls = stalls or Stalls()
    slowest = max(stalls.act, stalls.wgt, stalls.out)
    cycles = job.cycles(config) * 256 // (256 - slowest)
    channels, rows, columns = job.input_shape
    out_rows, out_columns = job.readout.shape(job.tile.height, job.tile.width)
    if output is None and not job.readout.plain:
        output = replace(job.tile, row=0, column=0, height=out_rows, width=out_columns)
    return JobRecord(
        number=number,
        layer=job.layer.name,
        tile_number=tile_number,
        tile=job.tile,
        registers={int(name): word for name, word in descriptor(job, in_base).items()},
        act_beats=rows * columns * groups(channels, config.p_ic),
        wgt_beats=0,
        out_beats=out_rows * out_columns * groups(job.layer.out_channels, config.p_oc),
        macs=job.macs,
        macs_on_zero_weights=job.macs_on_zero_weights,
        limit=LIMIT_FACTOR * cycles + LIMIT_MARGIN,
        stalls=stalls,
        weights=number,
        readout=job.readout,
        output=output,
        mac_cycles=groups(job.layer.out_channels, config.p_oc)
        * passes(job.layer, config, job.own_channels)
        * job.tile.pixels,
    )


def write_job(
    folder: Path,
    number: int,
    job: Job,
    expected: Int16Array,
    config: PEConfig,
    stalls: Stalls | None = None,
    act_drop: int = NEVER,
    tile_number: int = 0,
    in_base: int = 0,
    activated: Int16Array | None = None,
) -> JobRecord:
    """Write a job's streams and expected values, and return its record.

    Parameters
    ----------
    expected : ndarray of int16, (C, OH, OW)
        What leaves.
    activated : ndarray of int16, (C, H, W), optional
        The convolution's values; wanted where the readout is not plain.
    """
    record = job_record(job, config, number, tile_number, in_base, stalls)
    weights = pack_weights(job.layer, config, job.own_channels)
    record = replace(record, wgt_beats=len(weights), act_drop=act_drop)
    pack_activations(job.input, config).tofile(folder / f"{record.stem}.act")
    weights.tofile(folder / f"{record.stem}.wgt")
    np.save(folder / f"{record.stem}.expected.npy", expected)
    if record.tap:
        assert activated is not None, f"{record.layer}: a {job.readout} hides what it reads"
        np.save(folder / f"{record.stem}.activated.npy", activated)
    return record


@dataclass(frozen=True, slots=True)
class JobFile:
    """``jobs.json``: the build's parameters, and the jobs."""

    config: PEConfig
    jobs: list[JobRecord]


def write_jobs(folder: Path, config: PEConfig, records: Sequence[JobRecord]) -> None:
    """Write ``jobs.json``."""
    (folder / "jobs.json").write_bytes(msgspec.json.encode(JobFile(config, list(records))))


def read_jobs(folder: Path) -> tuple[PEConfig, list[JobRecord]]:
    """Read ``jobs.json``.

    Raises
    ------
    msgspec.DecodeError
        It is damaged.
    """
    found = msgspec.json.decode((folder / "jobs.json").read_bytes(), type=JobFile)
    return found.config, found.jobs
