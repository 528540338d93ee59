"""``report.json``: what a run did, in figures, whether it went well or not.

The classes are the source of ``report.schema.json``; docs/interfaces.md has what each field means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta

from golden.config import LeakyPlace, PoolPad, ProductMode
from golden.files import write_whole
from tb.cosim.failure import Count, Failure, Name, Seconds, Text
from tb.flows.documents import VERSION, Commit, Date, Schema, fields, one_of, schema
from tb.flows.sim.options import INJECTIONS, SIMULATORS, SIZE_SOURCES

LAYER_KINDS: Final = ("conv", "pool", "upsample", "concat", "residual", "avgpool", "fc")

_Depth = Annotated[int, Meta(ge=1)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Stalls:
    """Cycles in which the array stood still, by cause."""

    input: Count = 0
    weights: Count = 0
    drain: Count = 0
    other: Count = 0


@dataclass(frozen=True)
class LayerReport:
    """One layer, all its jobs summed; `Report` fills in the utilisation.

    Raises
    ------
    ValueError
        The kind or the name is not allowed, or more values differ than were compared.
    """

    name: Name
    kind: Annotated[str, one_of(LAYER_KINDS)]
    macs: Count = 0
    macs_on_zero_weights: Count = 0
    values_expected: Count = 0
    values_compared: Count = 0
    mismatches: Count = 0
    cycles: Count = 0
    mac_cycles: Count = 0
    stalls: Stalls = field(default_factory=Stalls)
    sim_seconds: Seconds = 0.0
    sim_cpu_seconds: Seconds = 0.0
    utilisation: _Share | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"layer name {self.name!r} is empty or holds a slash")
        if self.kind not in LAYER_KINDS:
            raise ValueError(f"{self.name}: layer kind {self.kind!r}: choose one of {LAYER_KINDS}")
        if self.mismatches > self.values_compared:
            raise ValueError(
                f"{self.name}: {self.mismatches} mismatches in {self.values_compared} values"
            )


@dataclass(frozen=True)
class Memories:
    """Depths of the PE's memories: output pixels a job, and words of input."""

    tile_pixels: _Depth
    input_words: _Depth


@dataclass(frozen=True)
class FrameReport:
    """One picture of a run over several: its path, wall time, and what was detected."""

    image: Text
    seconds: Seconds
    boxes: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Totals:
    """The sums over all layers."""

    macs: Count
    values_expected: Count
    values_compared: Count
    mismatches: Count
    cycles: Count
    utilisation: _Share | None
    sim_seconds: Seconds
    sim_cpu_seconds: Seconds
    wall_seconds: Seconds
    macs_per_second: Seconds | None


@dataclass(frozen=True)
class Report:
    """One run. What an early failure left unknown is None.

    ``report.json`` has the layers' total in the place of `wall_seconds`, the command's after
    set-up, and of the failure `first_failure`: the counts alone may show one.
    """

    run: Name
    command: Text
    commit: Commit
    date: Date = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    network: Text | None = None
    scope: Annotated[str, one_of(["tiles", "frame", "filtered"])] | None = None
    image: Text | None = None
    frames: Sequence[FrameReport] | None = None
    unreadable: dict[str, str] = field(default_factory=dict)
    embedding_cosine: Annotated[float, Meta(ge=-1.000001, le=1.000001)] | None = None
    weights_sha256: _Sha256 | None = None
    retune_sha256: _Sha256 | None = None
    image_size: Annotated[str, Meta(pattern=r"^\d+(x\d+)?$")] | None = None
    size_source: Annotated[str, one_of(SIZE_SOURCES)] | None = None
    format: Annotated[str, Meta(pattern=r"^(per_layer|q\d+\.\d+)$")] | None = None
    mode: Annotated[str, one_of(ProductMode)] | None = None
    slope: Annotated[str, Meta(pattern=r"^\d+/\d+$")] | None = None
    leaky_place: Annotated[str, one_of(LeakyPlace)] | None = None
    pool_pad: Annotated[str, one_of(PoolPad)] | None = None
    simulator: Annotated[str, one_of(SIMULATORS)] | None = None
    simulator_version: Text | None = None
    array: tuple[_Depth, _Depth] | None = None
    acc_w: _Depth | None = None
    act_w: _Depth | None = None
    weight_w: _Depth | None = None
    memories: Memories | None = None
    seed: int | None = None
    inject: Annotated[str, one_of(INJECTIONS)] | None = None
    bug: Text | None = None
    layers: Sequence[LayerReport] = ()
    wall_seconds: float = 0.0
    failure: Failure | None = None

    @property
    def total(self) -> Totals:
        """The sums over `layers`."""
        macs = sum(layer.macs for layer in self.layers)
        cycles = sum(layer.cycles for layer in self.layers)
        cpu = sum(layer.sim_cpu_seconds for layer in self.layers)
        return Totals(
            macs=macs,
            values_expected=sum(layer.values_expected for layer in self.layers),
            values_compared=sum(layer.values_compared for layer in self.layers),
            mismatches=sum(layer.mismatches for layer in self.layers),
            cycles=cycles,
            utilisation=utilisation(macs, cycles, self.array),
            sim_seconds=sum(layer.sim_seconds for layer in self.layers),
            sim_cpu_seconds=cpu,
            wall_seconds=self.wall_seconds,
            macs_per_second=macs / cpu if cpu > 0 else None,
        )

    @property
    def first_failure(self) -> Failure | None:
        """What makes the run red: `failure`, or what the layers' counts give away."""
        if self.failure is not None:
            return self.failure
        for layer in self.layers:
            if layer.mismatches:
                text = f"{layer.mismatches} of {layer.values_compared} values differ"
                return Failure("mismatch", f"{layer.name}: {text}", layer=layer.name)
            if layer.values_compared != layer.values_expected:
                kind = "shortage" if layer.values_compared < layer.values_expected else "surplus"
                text = f"{layer.values_compared} values compared, {layer.values_expected} expected"
                return Failure(kind, f"{layer.name}: {text}", layer=layer.name)
        if not any(layer.values_compared for layer in self.layers):
            return Failure("shortage", "not one value was compared")
        return None

    @property
    def passed(self) -> bool:
        """Whether nothing failed and every expected value was compared and equal."""
        return self.first_failure is None

    def to_json(self) -> str:
        """Return the text of ``report.json``: JSON, indented, with a final newline."""
        document = {"schema": VERSION, **asdict(self)}
        for name in ("layers", "wall_seconds", "failure"):
            del document[name]
        failure = self.first_failure
        document["layers"] = [asdict(self._utilised(layer)) for layer in self.layers]
        document["total"] = asdict(self.total)
        document["passed"] = self.passed
        document["failure"] = None if failure is None else asdict(failure)
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write ``report.json`` whole, or leave what was there."""
        write_whole(path, self.to_json())

    def publish(self, base: Path) -> None:
        """Write it into the run's folder below `base`, then into `base` as the latest."""
        self.write(base / self.run / "report.json")
        self.write(base / "report.json")

    def _utilised(self, layer: LayerReport) -> LayerReport:
        return replace(layer, utilisation=utilisation(layer.macs, layer.cycles, self.array))


def utilisation(macs: int, cycles: int, array: tuple[int, int] | None) -> float | None:
    """Return the share of the array's multiplications that were useful, 0 to 1.

    None where nothing elapsed or the array, ``(P_IC, P_OC)``, is unknown.

    Examples
    --------
    >>> utilisation(256, 2, (16, 16))
    0.5
    """
    if array is None or cycles == 0:
        return None
    return macs / (cycles * array[0] * array[1])


def _if(condition: Any, then: Any, **otherwise: Any) -> dict[str, Any]:
    """A rule between the fields of an object, each schema by the field's name."""
    return {
        "if": {"properties": condition},
        "then": {"properties": then},
        **{key: {"properties": value} for key, value in otherwise.items()},
    }


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``report.json``."""
    there: dict[str, Any] = {"not": {"type": "null"}}
    described = dict.fromkeys(
        [
            *("network", "scope", "weights_sha256", "format", "mode", "simulator"),
            *("simulator_version", "array", "acc_w", "act_w", "weight_w", "memories", "seed"),
        ],
        there,
    )
    sums = {
        "values_expected": {"minimum": 1},
        "values_compared": {"minimum": 1},
        "mismatches": {"const": 0},
    }
    whole = {
        "failure": {"type": "null"},
        "layers": {"minItems": 1},
        "total": {"properties": sums},
        **described,
    }
    unbegun = {"properties": {"kind": {"not": {"enum": ["setup", "interrupted"]}}}}
    rules = [
        {
            "description": "A run that passed knows everything about itself and has no failure.",
            **_if({"passed": {"const": True}}, whole, **{"else": {"failure": {"type": "object"}}}),
        },
        {
            "description": "Only a failed set-up or an interruption leaves the run undescribed.",
            **_if({"failure": unbegun}, described),
        },
    ]
    layer_rule = _if({"cycles": {"const": 0}}, {"utilisation": {"type": "null"}})
    failure_rule = _if({"kind": {"const": "mismatch"}}, {"layer": there})
    layer = Annotated[LayerReport, Meta(extra_json_schema={"allOf": [layer_rule]})]
    failure = Annotated[Failure, Meta(extra_json_schema={"allOf": [failure_rule]})]
    known = fields(
        Report,
        wall_seconds=None,
        layers=list[layer],
        total=Totals,
        passed=bool,
        failure=failure | None,
    )
    return schema("ConvPE report.json, schema 1", {"schema": Schema, **known}, rules)
