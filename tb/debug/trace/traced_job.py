"""The job that a wave was recorded for: ``job.json`` next to the wave, and its expected values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, InputError, PEConfig
from golden.dataflow.tile import Tile
from tb.debug.trace.transactions import Row, Transactions, Value
from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints
from tb.duts.conv_pe.job_record import JobRecord

NAME: Final = "job.json"
SCHEMA: Final = 1
MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError)
REPLAY: Final = "replay"
"""Folder of the replay, next to its waves."""


@dataclass(frozen=True, slots=True)
class TracedJob:
    """The job that a wave was recorded for."""

    config: PEConfig
    record: JobRecord
    number: int
    """Jobs that the PE ran before it, since its reset."""
    fracs: Mapping[str, int] = field(default_factory=dict)
    """Fraction bits of ``input``, ``weight``, ``sum`` and ``output``; empty where not known."""
    in_row: int = 0
    in_column: int = 0
    """First pixel of the job's input in the tensor that it reads."""

    @property
    def title(self) -> str:
        """The job in words."""
        return f"{self.record.layer} job {self.record.tile_number}"


def read_job(wave: Path) -> TracedJob | None:
    """Read ``job.json`` of a wave's folder; None where there is none.

    Raises
    ------
    InputError
        The file is damaged, or of another schema.
    """
    path = wave.parent / NAME
    if not path.is_file():
        return None
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        if document["schema"] != SCHEMA:
            raise InputError(f"{path}: schema {document['schema']!r}, {SCHEMA} is known")
        region = document.get("region") or {}
        return TracedJob(
            msgspec.convert(document["config"], PEConfig),
            msgspec.convert(document["record"], JobRecord, str_keys=True),
            int(document["before"]),
            dict(document.get("fracs") or {}),
            int(region.get("row", 0)),
            int(region.get("column", 0)),
        )
    except InputError:
        raise
    except (*MALFORMED, ConfigError, msgspec.ValidationError) as error:
        raise InputError(f"{path}: not what a replay has written: {error!r}") from None


def with_golden(found: Transactions, job: TracedJob, folder: Path) -> Transactions:
    """A stage's transactions with the reference model's values, where they are known.

    Those are the values behind the activation and the beats of the output.

    Parameters
    ----------
    found : Transactions
        Of one job, in coordinates of the layer.
    folder : Path
        Of the wave; the job's expected values lie there or in the replay's folder.
    """
    record = job.record
    if found.stage == "output":
        kind, tile, lanes = "expected", record.out_tile, job.config.p_oc
    elif found.stage == "output-stage":
        kind, tile, lanes = ("activated" if record.tap else "expected"), record.tile, 1
    else:
        return found
    paths = [place / f"{record.stem}.{kind}.npy" for place in (folder, folder / REPLAY)]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return found
    expected: Int16Array = np.load(path)

    def read(chosen: Ints) -> list[Row]:
        names = ("channel", "row", "column")
        places = np.stack([found.places[name][chosen] for name in names], axis=1)
        cells = [_cells(expected, tile, place, lanes) for place in places.tolist()]
        return [*cells] if lanes > 1 else [cell[0] if cell else None for cell in cells]

    return replace(found, values={**found.values, "golden": Value(read, "output")})


def _cells(expected: Int16Array, tile: Tile, place: list[int], lanes: int) -> list[Cell]:
    """The expected values of some channels from one on; none where the place is not known."""
    if UNKNOWN in place:
        return []
    channel, row, column = place
    first, y, x = channel - tile.first_channel, row - tile.row, column - tile.column
    _, rows, columns = expected.shape
    if first < 0 or not (0 <= y < rows and 0 <= x < columns):
        return []
    return [*expected[first : first + lanes, y, x].tolist()]


def differs(row: Mapping[str, Row]) -> bool:
    """Whether a transaction's value is not the reference model's, where both are known.

    >>> differs({"value": 3, "golden": 4}), differs({"value": 3, "golden": None})
    (True, False)
    """
    golden = row.get("golden")
    return golden not in (None, []) and golden != row.get("value", row.get("values"))
