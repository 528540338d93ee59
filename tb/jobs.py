"""A run's jobs on disk: what the simulator's side needs, and nothing else.

A run folder holds ``jobs.json`` (the build's parameters and one `JobRecord` a
job), and for each job ``job_<n>.act``, ``job_<n>.wgt`` (streams) and
``job_<n>.expected.npy``; the simulation adds ``job_<n>.out``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from golden.config import PEConfig, ProductMode
from golden.fixed import Int16Array
from golden.plan import Job, Tile, groups
from tb.registers import descriptor
from tb.streams import pack_activations, pack_weights

NEVER = 0xFFFFFFFF
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
    """One job as the bench runs it.

    Parameters
    ----------
    number : int
        In the file names.
    layer : str
    tile_number : int
        Counted within the layer, whatever jobs of it are run.
    tile : Tile
    registers : dict of int to int
        Descriptor words by address.
    act_beats, wgt_beats, out_beats : int
        Beats of the streams.
    macs, macs_on_zero_weights : int
    limit : int
        Clocks after which the bench gives up.
    stalls : Stalls
    act_drop : int
        Activation beat that the player loses; `NEVER` for none.
    """

    number: int
    layer: str
    tile_number: int
    tile: Tile
    registers: dict[int, int]
    act_beats: int
    wgt_beats: int
    out_beats: int
    macs: int
    macs_on_zero_weights: int
    limit: int
    stalls: Stalls = field(default_factory=Stalls)
    act_drop: int = NEVER

    @property
    def stem(self) -> str:
        """Start of the job's file names."""
        return f"job_{self.number:05d}"


def write_job(
    folder: Path,
    number: int,
    job: Job,
    expected: Int16Array,
    config: PEConfig,
    stalls: Stalls | None = None,
    act_drop: int = NEVER,
    tile_number: int = 0,
) -> JobRecord:
    """Write a job's streams and expected values, (C, H, W), and return its record."""
    act = pack_activations(job.input, config)
    wgt = pack_weights(job.layer, config)
    stalls = stalls or Stalls()
    slowest = max(stalls.act, stalls.wgt, stalls.out)
    cycles = job.cycles(config) * 256 // (256 - slowest)
    record = JobRecord(
        number=number,
        layer=job.layer.name,
        tile_number=tile_number,
        tile=job.tile,
        registers={int(register): word for register, word in descriptor(job).items()},
        act_beats=len(act),
        wgt_beats=len(wgt),
        out_beats=job.tile.pixels * groups(job.layer.out_channels, config.p_oc),
        macs=job.macs,
        macs_on_zero_weights=job.macs_on_zero_weights,
        limit=LIMIT_FACTOR * cycles + LIMIT_MARGIN,
        stalls=stalls,
        act_drop=act_drop,
    )
    act.tofile(folder / f"{record.stem}.act")
    wgt.tofile(folder / f"{record.stem}.wgt")
    np.save(folder / f"{record.stem}.expected.npy", expected)
    return record


def write_list(folder: Path, config: PEConfig, records: Sequence[JobRecord]) -> None:
    """Write ``jobs.json``."""
    document = {"config": asdict(config), "jobs": [asdict(record) for record in records]}
    (folder / "jobs.json").write_text(json.dumps(document))


def read_list(folder: Path) -> tuple[PEConfig, list[JobRecord]]:
    """Read ``jobs.json``."""
    document: dict[str, Any] = json.loads((folder / "jobs.json").read_text())
    config = document["config"]
    return (
        PEConfig(**{**config, "mode": ProductMode(config["mode"])}),
        [_record(entry) for entry in document["jobs"]],
    )


def _record(entry: dict[str, Any]) -> JobRecord:
    return JobRecord(
        **{
            **entry,
            "tile": Tile(**entry["tile"]),
            "stalls": Stalls(**entry["stalls"]),
            "registers": {int(address): word for address, word in entry["registers"].items()},
        }
    )
