"""Where a traced job belongs: ``job.json`` beside the wave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from golden.config import ConfigError, InputError, PEConfig
from tb.duts.conv_pe.job_record import JobRecord

NAME: Final = "job.json"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class TracedJob:
    """The job that a wave was recorded for.

    Parameters
    ----------
    config : PEConfig
    record : JobRecord
    number : int
        Jobs that the PE ran before it, since its reset.
    fracs : dict of str to int
        Fraction bits of ``input``, ``weight``, ``sum`` and ``output``; empty where not known.
    in_row, in_column : int
        First pixel of the job's input in the tensor that it reads.
    """

    config: PEConfig
    record: JobRecord
    number: int
    fracs: Mapping[str, int] = field(default_factory=dict)
    in_row: int = 0
    in_column: int = 0

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
    except (
        *(ValueError, KeyError, TypeError, AttributeError),
        *(ConfigError, msgspec.ValidationError),
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not what a replay has written: {error!r}") from None
