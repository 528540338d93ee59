"""``sim.json`` and ``golden.json``: what ``make bench`` measured.

The classes are the source of ``sim.schema.json`` and ``golden.schema.json``; docs/interfaces.md
has what each field means.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from golden.config import NumberFormat, ProductMode
from golden.files import write_whole
from tb.cosim.failure import Text
from tb.flows.documents import VERSION, Commit, Date, Schema, fields, one_of, schema

THREADS: Final = 1
SIM_SCHEMA: Final = Path(__file__).with_name("sim.schema.json")
GOLDEN_SCHEMA: Final = Path(__file__).with_name("golden.schema.json")

Number = Annotated[int, Meta(ge=1)]
Figure = Annotated[float, Meta(gt=0)]
_Size = Annotated[int, Meta(ge=32, multiple_of=32)]
_Mode = Annotated[str, one_of(ProductMode)]
_Simulator = Annotated[str, one_of(["verilator", "icarus", "verilator, beats from Python"])]


class MeasureError(RuntimeError):
    """A measurement failed; the text says in one line which and why."""


class _Positive:
    """Refuses figures of nothing done, or in no time, with a ValueError."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for name, figure in asdict(self).items():  # type: ignore[call-overload]
            if not isinstance(figure, str) and figure <= 0:
                raise ValueError(f"{name} {figure}: a measurement is above zero")


@dataclass(frozen=True, slots=True)
class Timing(_Positive):
    """What a simulation did, from the first start to the last end, and what it took.

    Raises
    ------
    ValueError
        Nothing was done, or in no time.
    """

    layers: Number
    macs: Number
    cycles: Number
    cpu_seconds: Figure
    wall_seconds: Figure

    @property
    def macs_per_second(self) -> float:
        """Multiplications a second of CPU time."""
        return self.macs / self.cpu_seconds


@dataclass(frozen=True, slots=True)
class SimRun:
    """A simulation that ended green."""

    simulator: _Simulator
    array: tuple[Number, Number]
    mode: _Mode
    image_size: _Size
    timing: Timing

    def document(self, scalar: float) -> dict[str, Any]:
        """The run as ``sim.json`` has it, beside `scalar` multiplications a second."""
        speed = self.timing.macs_per_second
        known = {**asdict(self), **asdict(self.timing), "macs_per_second": speed}
        del known["timing"]
        return {**known, "ratio_to_scalar_c": speed / scalar}

    def scaling(self) -> dict[str, Any]:
        """The run as a point of time against image size."""
        figures = asdict(self.timing)
        del figures["layers"]
        speed = self.timing.macs_per_second
        return {"image_size": self.image_size, **figures, "macs_per_second": speed}


@dataclass(frozen=True, slots=True)
class Beat:
    """Microseconds of CPU time for a beat of a stream, by what moves it; None: not measured."""

    python_driver_us: Figure
    cocotbext_axi_us: Figure | None
    player_us: Figure


@dataclass(frozen=True, slots=True)
class GoldenRun(_Positive):
    """One way to compute a frame, timed; `ratio` is that of `seconds` to torch's in float64.

    Raises
    ------
    ValueError
        Nothing was done, or in no time.
    """

    name: Text
    mode: _Mode
    format: Annotated[str, one_of(NumberFormat)]
    seconds: Figure
    macs: Number
    peak_bytes: Number
    ratio: Figure

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


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


@dataclass(frozen=True)
class _Measured:
    """What every record has: when, of which commit, on which machine."""

    date: Date = field(default_factory=_now, kw_only=True)
    commit: Commit
    machine: Text = field(default_factory=this_machine, kw_only=True)

    def figures(self) -> dict[str, Any]:
        """What was measured."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the text of the file: indented, with a final newline."""
        known = {"date": self.date, "commit": self.commit, "machine": self.machine}
        document = {"schema": VERSION, **known, **self.figures()}
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the file whole, or leave what was there."""
        write_whole(path, self.to_json())


@dataclass(frozen=True)
class Record(_Measured):
    """What ``make bench`` measured of the simulation; `scaling` differs by the image's size."""

    scalar_c_macs_per_second: Figure
    runs: Sequence[SimRun]
    beat: Beat
    scaling: Sequence[SimRun]

    def figures(self) -> dict[str, Any]:
        """What was measured, as ``sim.json`` has it."""
        scalar = self.scalar_c_macs_per_second
        return {
            "scalar_c_macs_per_second": scalar,
            "runs": [run.document(scalar) for run in self.runs],
            "beat": asdict(self.beat),
            "scaling": [run.scaling() for run in self.scaling],
        }


@dataclass(frozen=True)
class GoldenRecord(_Measured):
    """What ``make bench`` measured of the reference model."""

    runs: Sequence[GoldenRun]

    def figures(self) -> dict[str, Any]:
        """What was measured, as ``golden.json`` has it."""
        return {"threads": THREADS, "runs": [run.document() for run in self.runs]}


def _several(name: str, hints: dict[str, Any]) -> Any:
    """The type of a list that is not empty."""
    return Annotated[list[msgspec.defstruct(name, list(hints.items()))], Meta(min_length=1)]  # type: ignore[misc]


def sim_schema() -> dict[str, Any]:
    """The JSON schema of ``sim.json``."""
    speed = {"macs_per_second": Figure}
    run = {**fields(SimRun, timing=None), **fields(Timing), **speed, "ratio_to_scalar_c": Figure}
    point = {"image_size": _Size, **fields(Timing, layers=None), **speed}
    lists = {"runs": _several("Run", run), "scaling": _several("Point", point)}
    return schema("build/bench/sim.json", {"schema": Schema, **fields(Record), **lists})


def golden_schema() -> dict[str, Any]:
    """The JSON schema of ``golden.json``."""
    rates = {"macs_per_second": Figure, "ratio_to_torch_float64": Figure}
    runs = _several("Way", fields(GoldenRun, ratio=None, **rates))
    known = fields(GoldenRecord, threads=Schema, runs=runs)
    return schema("build/bench/golden.json", {"schema": Schema, **known})
