"""``report.json``: what a run did, in figures, whether it went well or not.

The classes are the one source of ``report.schema.json`` and of the tables in docs/interfaces.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta

from golden.files import write_whole
from tb.cosim.failure import Count, Failure, Name, Seconds, Text
from tb.flows.documents import VERSION, Commit, Date, Schema, fields, one_of, schema

LAYER_KINDS: Final = ("conv", "pool", "upsample", "concat", "residual", "avgpool", "fc")

_Depth = Annotated[int, Meta(ge=1)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_UTILISATION: Final = (
    "macs / (cycles x P_IC x P_OC), useful multiplications alone, so that an array that is busy "
    "with empty lanes stays below 1; null without cycles"
)


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

    name: Annotated[Name, Meta(description="see below; never a slash")]
    kind: Annotated[
        Annotated[str, one_of(*LAYER_KINDS)],
        Meta(description=", ".join(f"`{kind}`" for kind in LAYER_KINDS)),
    ]
    macs: Annotated[
        Count,
        Meta(
            description="KH x KW x I x O multiplications for each output pixel of the tiles, "
            "padding taps included, pixels that tiles share not twice; a pool alone has none; a "
            "job that ended early counts none"
        ),
    ] = 0
    macs_on_zero_weights: Annotated[
        Count, Meta(description="those of them whose weight is zero")
    ] = 0
    values_expected: Annotated[
        Count,
        Meta(
            description="output values; a convolution's before pooling, a concatenation's as its "
            "reader gets them"
        ),
    ] = 0
    values_compared: Annotated[
        Count,
        Meta(
            description="those that were compared: after a failure the layer is finished and the "
            "rest is not compared"
        ),
    ] = 0
    mismatches: Annotated[Count, Meta(description="those of them that differ")] = 0
    cycles: Annotated[
        Count,
        Meta(
            description="clocks from the end of the layer before to the end of this one, gaps "
            "included; the first layer's from its first start. While a job's last values leave, "
            "the array already multiplies for the next one: those clocks are the next layer's"
        ),
    ] = 0
    mac_cycles: Annotated[
        Count, Meta(description="clocks in which the array multiplied for this layer")
    ] = 0
    stalls: Annotated[
        Stalls,
        Meta(
            description="{`input`, `weights`, `drain`, `other`}: clocks in which it did not, by "
            "cause"
        ),
    ] = field(default_factory=Stalls)
    sim_seconds: Annotated[Seconds, Meta(description="wall time")] = 0.0
    sim_cpu_seconds: Annotated[Seconds, Meta(description="CPU time of the simulator's process")] = (
        0.0
    )
    utilisation: Annotated[_Share | None, Meta(description=_UTILISATION)] = None

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

    macs: Annotated[Count, Meta(description="sum")]
    values_expected: Annotated[Count, Meta(description="sum")]
    values_compared: Annotated[Count, Meta(description="sum")]
    mismatches: Annotated[Count, Meta(description="sum")]
    cycles: Annotated[Count, Meta(description="sum: those from the first start to the last done")]
    utilisation: Annotated[
        _Share | None,
        Meta(description="macs / (cycles x P_IC x P_OC); null without cycles"),
    ]
    sim_seconds: Annotated[Seconds, Meta(description="sum")]
    sim_cpu_seconds: Annotated[Seconds, Meta(description="sum")]
    wall_seconds: Annotated[
        Seconds, Meta(description="the whole command after set-up, builds included")
    ]
    macs_per_second: Annotated[
        Seconds | None,
        Meta(
            description="macs / sim_cpu_seconds, which another load on the machine does not "
            "change; null without CPU time"
        ),
    ]


@dataclass(frozen=True)
class Report:
    """One run. What an early failure left unknown is None.

    ``report.json`` has the layers' total in the place of `wall_seconds`, the command's after
    set-up, and of the failure `first_failure`: the counts alone may show one.
    """

    run: Annotated[Name, Meta(description="name of the run's folder")]
    command: Annotated[Text, Meta(description="repeats the run")]
    commit: Annotated[
        Commit,
        Meta(description="git hash, `-dirty` after it if the tree differs; `unknown` outside git"),
    ]
    date: Annotated[Date, Meta(description="start, ISO 8601 with zone")] = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    network: Annotated[Text | None, Meta(description="`yolov3-tiny`, `facenet`, or a user's")] = (
        None
    )
    scope: Annotated[
        Annotated[str, one_of("tiles", "frame", "filtered")] | None,
        Meta(
            description="`frame`: everything; `tiles`: chosen tiles of it; `filtered`: `LAYER`, "
            "`FROM` or `TILES` given"
        ),
    ] = None
    image: Annotated[
        Text | None, Meta(description="path or name of the picture; null with `IMAGES`")
    ] = None
    frames: Annotated[
        Sequence[FrameReport] | None,
        Meta(
            description="for each picture whose heads were made {`image`, `seconds`, `boxes`}: "
            "wall time of its simulation, and at most 100 boxes {`label`, `confidence`, `box`}, "
            "the box as left, top, right, bottom in the picture's pixels"
        ),
    ] = None
    embedding_cosine: Annotated[
        Annotated[float, Meta(ge=-1.000001, le=1.000001)] | None,
        Meta(
            description="FaceNet: of the angle between the RTL's embedding and the float "
            "network's, -1 to 1; of several pictures the least; null where the run did not make "
            "it, or of other networks"
        ),
    ] = None
    weights_sha256: Annotated[
        _Sha256 | None,
        Meta(
            description="of the weight file; of the file generated where the network is drawn "
            "from a seed"
        ),
    ] = None
    retune_sha256: Annotated[
        _Sha256 | None,
        Meta(description="of the retuning patch's file, where one is applied"),
    ] = None
    format: Annotated[
        Annotated[str, Meta(pattern=r"^(per_layer|q\d+\.\d+)$")] | None,
        Meta(description="`per_layer`; or fixed, as `q7.8`"),
    ] = None
    mode: Annotated[
        Annotated[str, one_of("full", "cut_floor", "cut_round")] | None,
        Meta(description="`full`, `cut_floor`, `cut_round`"),
    ] = None
    slope: Annotated[
        Annotated[str, Meta(pattern=r"^\d+/\d+$")] | None,
        Meta(
            description="`1/8`, `13/128`; null, as the next two, where the network has no such "
            "layer"
        ),
    ] = None
    leaky_place: Annotated[
        Annotated[str, one_of("after_requant", "before_requant")] | None,
        Meta(description="`after_requant`, `before_requant`"),
    ] = None
    pool_pad: Annotated[
        Annotated[str, one_of("minus_inf", "zero")] | None,
        Meta(description="`minus_inf`, `zero`"),
    ] = None
    simulator: Annotated[
        Annotated[str, one_of("verilator", "icarus")] | None,
        Meta(description="`verilator`, `icarus`"),
    ] = None
    simulator_version: Annotated[Text | None, Meta(description="as the simulator counts")] = None
    array: Annotated[tuple[_Depth, _Depth] | None, Meta(description="lanes, [P_IC, P_OC]")] = None
    acc_w: Annotated[_Depth | None, Meta(description="bits of a sum")] = None
    act_w: Annotated[_Depth | None, Meta(description="bits of an activation")] = None
    weight_w: Annotated[_Depth | None, Meta(description="bits of a weight")] = None
    memories: Annotated[
        Memories | None, Meta(description="{`tile_pixels`, `input_words`}: depths")
    ] = None
    seed: Annotated[int | None, Meta(description="repeats every random choice")] = None
    inject: Annotated[
        Annotated[str, one_of("expected", "rtl", "stream")] | None,
        Meta(description="fault put in on purpose: `expected`, `rtl`, `stream`"),
    ] = None
    bug: Annotated[
        Text | None,
        Meta(description="name of the bug that `rtl` put in, where `BUG` chose one"),
    ] = None
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
        """Return the text of ``report.json``.

        Returns
        -------
        str
            JSON, indented, with a final newline.
        """
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
        """Write ``report.json`` whole, or leave what was there.

        Parameters
        ----------
        path : Path
            File to replace; its folder is made where missing.
        """
        write_whole(path, self.to_json())

    def publish(self, base: Path) -> None:
        """Write the report into the run's folder, then as the latest of all runs.

        Parameters
        ----------
        base : Path
            Usually ``build/sim``, the folder that holds the run's.
        """
        self.write(base / self.run / "report.json")
        self.write(base / "report.json")

    def _utilised(self, layer: LayerReport) -> LayerReport:
        return replace(layer, utilisation=utilisation(layer.macs, layer.cycles, self.array))


def utilisation(macs: int, cycles: int, array: tuple[int, int] | None) -> float | None:
    """Return the share of the array's multiplications that were useful.

    Parameters
    ----------
    macs : int
        Useful multiplications.
    cycles : int
        Elapsed clocks.
    array : tuple of int, optional
        ``(P_IC, P_OC)``.

    Returns
    -------
    float or None
        Between 0 and 1; None where nothing elapsed or the array is unknown.

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
        layers=Annotated[
            list[layer],
            Meta(description="one entry a layer, in data-flow order, summed over the pictures"),
        ],
        total=Annotated[Totals, Meta(description="the layers' sums")],
        passed=Annotated[
            bool,
            Meta(
                description="true only if at least one value was expected, every one was compared "
                "and equal, and nothing else failed"
            ),
        ],
        failure=Annotated[
            failure | None,
            Meta(description="what failed first; null if and only if `passed`"),
        ],
    )
    return schema("ConvPE report.json, schema 1", {"schema": Schema, **known}, rules)
