"""What a user may ask of ``make sim``, checked where it is made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    ConfigError,
    InputError,
    LeakyPlace,
    NumberFormat,
    PoolPad,
    ProductMode,
    Slope,
    Standardization,
)
from golden.graph.image_size import ImageSize, parse_size
from tb.choices import DEFAULT_CLOCK, choose, parse_array, parse_clock, parse_jobs
from tb.faults import catalogue
from tb.flows.variables import NOT_GIVEN, variable, variables
from tb.networks.registry import NETWORKS, NetworkAdapter
from tb.networks.registry import find as find_network
from tb.toolchain.patch import Patch

DEFAULT_BUG: Final = "rounding"
"""What `INJECT=rtl` puts in, unless another is chosen."""
FITS: Final = ("letterbox", "plain")
SIZE_SOURCES: Final = ("SIZE", "model", "default")
SIMULATORS: Final = ("verilator", "icarus")
INJECTIONS: Final = ("expected", "rtl", "stream")
FRAME_ARRAY: Final = "16x16"
"""The array that ends a whole frame soonest from a cold build."""
DEFAULT_ARRAYS: Final = {"verilator": FRAME_ARRAY, "icarus": "4x4"}
WEIGHT_FORMATS: Final = ("integer", "sm8")
WIDTHS: Final = (16, 8)
EXPLICIT: Final = ("mode", "array", "sim", "seed")
"""Variables that a replay line names whatever their values."""

_E = TypeVar("_E", bound=Enum)


def _member(kind: type[_E], name: str, value: str) -> _E:
    return kind(choose(name, value, (str(member.value) for member in kind)))


def _check_layer(net: NetworkAdapter, name: str, layer: str) -> None:
    """Refuse a layer without jobs of its own."""
    maker = net.makers.get(layer)
    if maker is not None and maker != layer:
        raise ConfigError(
            f"{name}={layer}: it has no jobs of its own, those of {maker} make it: "
            f"give {name}={maker}"
        )
    choose(name, layer, net.job_layers)


@dataclass(frozen=True, slots=True)
class SimOptions:
    """The variables of ``make sim`` as given; None or empty where they were not.

    Raises
    ------
    ConfigError
        An unknown value, with the choices, or two that contradict each other.
    """

    net: str = variable(
        next(iter(NETWORKS)),
        "Network: `yolov3-tiny` (default), `facenet`, `digits`",
    )
    layer: str = variable(
        "",
        "Only this layer, on the reference model's input: `conv1` ... `conv7`, `pool5`, "
        "`conv_set_2`, `conv_1x1_2`, `conv_set_1`, `pred_1`, `extra_conv_2`, `pred_2`; all by "
        "default",
    )
    from_layer: str = variable(
        "",
        "Only this layer, on the reference model's input, and all after it, on the RTL's",
        name="FROM",
        options=("--from",),
    )
    tiles: int | None = variable(
        None, "At most so many sampled tiles of each layer, on the reference model's inputs"
    )
    job: str = variable(
        "",
        "Only this job of `LAYER`, counted from 0, or several: `3-5`",
    )
    mode: str = variable(
        ProductMode.FULL.value,
        "Product: `full` (default), `cut_floor`, `cut_round`; the cuts need `FORMAT=q7.8`",
    )
    format: str = variable(
        NumberFormat.PER_LAYER.value, "Fraction bits: `per_layer` (default), `q7.8`"
    )
    act_bits: int = variable(
        16, "Width of an activation: `16` (default); or `8`, with `NET=facenet` or `digits`"
    )
    weight_bits: int = variable(
        16, "Width of a weight: `16` (default); or `8`, with `NET=facenet` or `digits`"
    )
    weight_format: str = variable(
        "integer",
        "`integer` (default); or `sm8`, sign and magnitude, with `WEIGHT_BITS=8`",
        name="WEIGHTS",
    )
    slope: str = variable(Slope.EIGHTH.value, "Leaky slope: `1/8` (default), `13/128`")
    leaky_place: str = variable(
        LeakyPlace.AFTER_REQUANT.value,
        "Activation: `after_requant` (default), `before_requant`",
    )
    pool_pad: str = variable(
        PoolPad.MINUS_INF.value,
        "Beyond the edge of the stride-1 pool: `minus_inf` (default), `zero`",
    )
    array: str = variable(
        "",
        "Lanes, input x output channels, each 2 to 64, a power of two: `16x16` (default), `4x4` "
        "(default with `SIM=icarus`), `32x32`, `16x8`, ...",
    )
    size: ImageSize = variable(
        NOT_GIVEN,
        "Rows and columns of the network's image, or width x height, `640x384`; multiples of 32 up "
        "to 1024 (default what the model's `.cfg` says, or 416); with `NET=facenet` 75 to 298 "
        "(default 160); with `NET=digits` 8",
        read=parse_size,
    )
    clock: str = variable(
        DEFAULT_CLOCK,
        "Clock used to compute latency and frames per second, in Hz, kHz, MHz or GHz (default "
        "`200MHz`)",
    )
    image: Path | None = variable(
        None, "Picture file; the sample photograph `motorcycle_left.png` by default"
    )
    images: Path | None = variable(
        None,
        "Folder of pictures: one frame after the other; goes on where it stopped",
    )
    fit: str = variable(
        "letterbox", "How a picture is brought to that size: `letterbox` (default), `plain`"
    )
    standardize: str = variable(
        Standardization.FIXED.value,
        "How FaceNet's pictures are standardised: `fixed` (default), by 127.5 and 128; "
        "`per_image`, by each picture's mean and deviation, for models of 2017",
    )
    model: Path | None = variable(
        None,
        "Darknet `.weights`, torch `.pth` or `.pt`, `.safetensors`, or a `manifest.json` of "
        "`convpe quantize`; the official YOLOv3-tiny by default, fetched once. With `NET=facenet` "
        "`.pth`, `.pt`, `.safetensors` or a TensorFlow checkpoint; weights drawn by default; with "
        "`NET=digits` `.pth` or `.safetensors`; trained on the spot by default",
    )
    retune: str = variable(
        "",
        "Retuning patch: `shipped` (default: for slope 1/8 and the official model), `none`, or a "
        "file that `convpe retune` has made",
    )
    sim: str = variable(
        "verilator",
        "Simulator: `verilator` (default), `icarus` (tiles alone)",
    )
    verilator: str = variable(
        "", "Verilator program or folder, 5.036 or later; pip's own by default"
    )
    seed: int = variable(1, "Integer that repeats every random choice (default 1)")
    waves: bool = variable(
        False, "`1` diagnoses the first job where none fails; `0` (default) does not"
    )
    window: int | None = variable(
        None,
        "Cycles that those waves cover, around the wrong value; by default the whole job, or as "
        "many as 8 MB hold",
    )
    diagnose: bool = variable(
        True,
        "`0` does not diagnose the first job that fails; `1` (default) runs it once more, says "
        "where it went wrong and records its waves; `build/debug`",
        options=("--diagnose/--no-diagnose",),
    )
    inject: str = variable(
        "", "Fault put in on purpose, to see it found: `expected`, `rtl`, `stream`"
    )
    bug: str = variable(
        "",
        "Which fault `INJECT=rtl` puts in, by its name in `docs/tables/diagnosis.md`; `rounding` "
        "by default",
    )

    def __post_init__(self) -> None:
        find_network(self.net)
        if self.size == NOT_GIVEN:
            object.__setattr__(self, "size", self._model_size() or self.network.size)
        choose("FIT", self.fit, FITS)
        _member(Standardization, "STANDARDIZE", self.standardize)
        choose("SIM", self.sim, SIMULATORS)
        if self.inject:
            choose("INJECT", self.inject, INJECTIONS)
        if self.bug:
            self._check_bug()
        if self.window is not None and self.window < 1:
            raise ConfigError("WINDOW=0: give at least 1 cycle")
        self._check_parts()
        self._check_widths()
        self._check_net()
        parse_clock(self.clock)
        if self.image is not None and self.images is not None:
            raise ConfigError(f"IMAGES={self.images}: give IMAGE or IMAGES, not both")
        parse_array(self.lanes)
        self.numerics()

    def _check_parts(self) -> None:
        """Refuse parts of the network that are not there or contradict each other."""
        if self.layer:
            _check_layer(self.network, "LAYER", self.layer)
        elif self.job:
            layer = self.network.job_layers[0]
            raise ConfigError(f"JOB={self.job}: say of which layer, such as LAYER={layer}")
        if self.job:
            parse_jobs(self.job)
        if self.from_layer:
            _check_layer(self.network, "FROM", self.from_layer)
            if self.layer:
                raise ConfigError(f"FROM={self.from_layer}: give LAYER or FROM, not both")
        if self.tiles == 0:
            raise ConfigError("TILES=0: give at least 1")

    def _check_widths(self) -> None:
        """Refuse widths that the PE has not, and a coding that does not fit them."""
        for name, width in (("ACT_BITS", self.act_bits), ("WEIGHT_BITS", self.weight_bits)):
            choose(name, str(width), map(str, WIDTHS))
        choose("WEIGHTS", self.weight_format, WEIGHT_FORMATS)
        if self.weight_format == "sm8" and self.weight_bits != 8:
            raise ConfigError("WEIGHTS=sm8: its codes have 8 bits: give WEIGHT_BITS=8 too")

    def _check_net(self) -> None:
        """Refuse what means nothing to the network."""
        for option in variables(SimOptions):
            value = getattr(self, option.field)
            if option.field in self.network.without and value != option.default:
                raise ConfigError(
                    f"{option.name}={value}: NET={self.net} has no such choice: leave it out"
                )
        self.network.check(self)

    def _check_bug(self) -> None:
        """Refuse a bug that is not on file, or that another fault would hide."""
        catalogue.find(self.bug)
        if self.inject not in ("", "rtl"):
            raise ConfigError(f"BUG={self.bug}: it is what INJECT=rtl puts in, not {self.inject}")

    @property
    def network(self) -> NetworkAdapter:
        """The description of the network."""
        return find_network(self.net)

    def _model_size(self) -> ImageSize | None:
        """The size beside the model; None also where it is damaged, which its reader refuses."""
        with suppress(InputError):
            return self.network.own_size(self.model)
        return None

    @property
    def size_source(self) -> str:
        """Where the image's size comes from."""
        own = self._model_size()
        if self.size != (own or self.network.size):
            return "SIZE"
        return "model" if own else "default"

    @property
    def injected(self) -> str:
        """The kind of fault that is put in, or empty."""
        return "rtl" if self.bug else self.inject

    @property
    def patch(self) -> Patch | None:
        """What breaks the design on purpose."""
        return catalogue.find(self.bug or DEFAULT_BUG).patch if self.injected == "rtl" else None

    @property
    def lanes(self) -> str:
        """The array asked for, or the simulator's default."""
        return self.array or DEFAULT_ARRAYS[self.sim]

    @property
    def sampled(self) -> bool:
        """Whether tiles of each layer are simulated, on reference inputs, not all of it."""
        return self.sim == "icarus" or self.tiles is not None

    @property
    def job_layers(self) -> tuple[str, ...]:
        """The layers whose jobs are simulated, in data-flow order."""
        if self.layer:
            return (self.layer,)
        every = self.network.job_layers
        return every[every.index(self.from_layer) :] if self.from_layer else every

    @property
    def distinct(self) -> bool:
        """Whether one layer of each shape is simulated, rather than every layer."""
        return self.sim == "icarus" and self.network.distinct and not self.layer

    @property
    def draws(self) -> bool:
        """Whether the run ends in a drawing of the network's outputs."""
        net = self.network
        made = {net.makers[head] for head in net.heads} <= set(self.job_layers)
        return bool(net.drawing) and made and not self.sampled

    @property
    def golden_inputs(self) -> bool:
        """Whether each job reads what golden computed, rather than what the RTL did."""
        return self.sampled or bool(self.layer)

    @property
    def scope(self) -> str:
        """How much of the network is simulated, by the report's names."""
        if self.layer or self.from_layer or self.tiles is not None:
            return "filtered"
        return "tiles" if self.sampled else "frame"

    def numerics(self) -> NumericOptions:
        """The arithmetic that these options choose."""
        return NumericOptions(
            format=_member(NumberFormat, "FORMAT", self.format),
            mode=_member(ProductMode, "MODE", self.mode),
            slope=_member(Slope, "SLOPE", self.slope),
            place=_member(LeakyPlace, "LEAKY_PLACE", self.leaky_place),
            pool_pad=_member(PoolPad, "POOL_PAD", self.pool_pad),
            act_w=self.act_bits,
            weight_w=self.weight_bits,
        )

    def command(self, **changes: Any) -> str:
        """The ``make sim`` that repeats this run, with `changes` to its variables."""
        return self._command((), changes)

    def replay(self, **changes: Any) -> str:
        """The command that repeats part of this run whatever its user's environment holds."""
        return self._command(EXPLICIT, {"array": self.lanes, **changes})

    def _command(self, explicit: Sequence[str], changes: Mapping[str, Any]) -> str:
        """Variables that are not at their defaults, and the explicit ones."""
        words = ["make sim"]
        default = SimOptions(net=self.net)
        for option in variables(SimOptions):
            value = changes.get(option.field, getattr(self, option.field))
            chosen = option.field == "net" and value != option.default
            if chosen or option.field in explicit or value != getattr(default, option.field):
                text = str(int(value)) if option.flag else str(value)
                words.append(f"{option.name}={shlex.quote(text)}")
        return " ".join(words)
