"""``sim.json``: what ``make bench`` measured.

The fields are described in docs/interfaces.md and held by ``sim.schema.json``.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole


class MeasureError(RuntimeError):
    """A measurement failed; the text says in one line which and why."""


SCHEMA: Final = 1
SCHEMA_FILE: Final = Path(__file__).with_name("sim.schema.json")


@dataclass(frozen=True, slots=True)
class Timing:
    """What a simulation did, and what it took.

    Parameters
    ----------
    layers : int
        Layers of which values were compared.
    macs, cycles : int
    cpu_seconds : float
        CPU time of the simulator's process from the first start to the last end.
    wall_seconds : float
        Wall time of the same.

    Raises
    ------
    ValueError
        Nothing was done, or in no time.
    """

    layers: int
    macs: int
    cycles: int
    cpu_seconds: float
    wall_seconds: float

    def __post_init__(self) -> None:
        for name, figure in asdict(self).items():
            if figure <= 0:
                raise ValueError(f"{name} {figure}: a measurement is above zero")

    @property
    def macs_per_second(self) -> float:
        """Multiplications a second of CPU time."""
        return self.macs / self.cpu_seconds


@dataclass(frozen=True, slots=True)
class SimRun:
    """A simulation that ended green.

    Parameters
    ----------
    simulator : str
        ``verilator`` or ``icarus``, with what else sets it apart.
    array : tuple of int
        ``(P_IC, P_OC)``.
    mode : str
        Product mode.
    image_size : int
        Rows and columns of the network's image.
    timing : Timing
    """

    simulator: str
    array: tuple[int, int]
    mode: str
    image_size: int
    timing: Timing

    def document(self, scalar: float) -> dict[str, Any]:
        """The run as ``sim.json`` has it, beside `scalar` multiplications a second."""
        speed = self.timing.macs_per_second
        return {
            "simulator": self.simulator,
            "array": list(self.array),
            "mode": self.mode,
            "image_size": self.image_size,
            **asdict(self.timing),
            "macs_per_second": speed,
            "ratio_to_scalar_c": speed / scalar,
        }

    def scaling(self) -> dict[str, Any]:
        """The run as a point of time against image size."""
        figures = asdict(self.timing)
        del figures["layers"]
        return {
            "image_size": self.image_size,
            **figures,
            "macs_per_second": self.timing.macs_per_second,
        }


@dataclass(frozen=True, slots=True)
class Beat:
    """Microseconds of CPU time for a beat of a stream, by what moves it; None: not measured."""

    python_driver_us: float
    cocotbext_axi_us: float | None
    player_us: float


@dataclass(frozen=True, slots=True)
class Record:
    """All that one ``make bench`` measured.

    Parameters
    ----------
    commit : str
    scalar_c_macs_per_second : float
    runs : sequence of SimRun
    beat : Beat
    scaling : sequence of SimRun
        The same but for the image's size.
    date : str
        ISO 8601 with zone; now, unless given.
    machine : str
        `this_machine`, unless given.
    """

    commit: str
    scalar_c_macs_per_second: float
    runs: Sequence[SimRun]
    beat: Beat
    scaling: Sequence[SimRun]
    date: str = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    machine: str = field(default_factory=lambda: this_machine())

    def to_json(self) -> str:
        """Return the text of ``sim.json``: indented, with a final newline."""
        scalar = self.scalar_c_macs_per_second
        document = {
            "schema": SCHEMA,
            "date": self.date,
            "commit": self.commit,
            "machine": self.machine,
            "scalar_c_macs_per_second": scalar,
            "runs": [run.document(scalar) for run in self.runs],
            "beat": asdict(self.beat),
            "scaling": [run.scaling() for run in self.scaling],
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write ``sim.json`` whole, or leave what was there."""
        write_whole(path, self.to_json())


def this_machine() -> str:
    """Describe the machine in a line: cores, architecture, processor, system."""
    model = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    words = [f"{os.cpu_count()}-core {platform.machine()}", model, platform.system()]
    return ", ".join(word for word in words if word)
