"""``golden.json``: how fast the golden model is, beside torch and a matrix product.

The fields are described in docs/interfaces.md and held by ``golden.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole
from tb.flows.benchmark.record import this_machine

SCHEMA: Final = 1
SCHEMA_FILE: Final = Path(__file__).with_name("golden.schema.json")
THREADS: Final = 1


@dataclass(frozen=True, slots=True)
class GoldenRun:
    """One way to compute a frame, timed.

    Parameters
    ----------
    name : str
        With "not exact" where it is not.
    mode, format : str
        Product mode and number format of the operands.
    seconds : float
        CPU time of the fastest round.
    macs : int
    peak_bytes : int
        Largest resident memory of a process that does nothing else.
    ratio : float
        Of `seconds` to torch's in float64.

    Raises
    ------
    ValueError
        Nothing was done, or in no time.
    """

    name: str
    mode: str
    format: str
    seconds: float
    macs: int
    peak_bytes: int
    ratio: float

    def __post_init__(self) -> None:
        for name in ("seconds", "macs", "peak_bytes", "ratio"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)}: a measurement is above zero")

    def document(self) -> dict[str, Any]:
        """The run as ``golden.json`` has it."""
        return {
            "name": self.name,
            "mode": self.mode,
            "format": self.format,
            "seconds": self.seconds,
            "macs": self.macs,
            "macs_per_second": self.macs / self.seconds,
            "peak_bytes": self.peak_bytes,
            "ratio_to_torch_float64": self.ratio,
        }


@dataclass(frozen=True, slots=True)
class GoldenRecord:
    """All that the golden part of one ``make bench`` measured.

    Parameters
    ----------
    commit : str
    runs : sequence of GoldenRun
    date : str
        ISO 8601 with zone; now, unless given.
    machine : str
        `this_machine`, unless given.
    """

    commit: str
    runs: Sequence[GoldenRun]
    date: str = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    machine: str = field(default_factory=this_machine)

    def to_json(self) -> str:
        """Return the text of ``golden.json``: indented, with a final newline."""
        document = {
            "schema": SCHEMA,
            "date": self.date,
            "commit": self.commit,
            "machine": self.machine,
            "threads": THREADS,
            "runs": [run.document() for run in self.runs],
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write ``golden.json`` whole, or leave what was there."""
        write_whole(path, self.to_json())
