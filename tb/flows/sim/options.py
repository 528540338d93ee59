"""What a user may ask of ``make sim``, checked where it is made."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    ConfigError,
    LeakyPlace,
    NumberFormat,
    PoolPad,
    ProductMode,
    Slope,
)
from tb.choices import DEFAULT_CLOCK, choose, parse_array, parse_clock, parse_jobs
from tb.faults import catalogue
from tb.networks.registry import NETWORKS, NetworkAdapter
from tb.networks.registry import find as find_network
from tb.toolchain.patch import Patch

DEFAULT_BUG: Final = "rounding"
"""What `INJECT=rtl` puts in, unless told otherwise."""
FITS: Final = ("letterbox", "plain")
SIMULATORS: Final = ("verilator", "icarus")
INJECTIONS: Final = ("expected", "rtl", "stream")
FRAME_ARRAY: Final = "16x16"
"""The array that ends a whole frame soonest from a cold build."""
DEFAULT_ARRAYS: Final = {"verilator": FRAME_ARRAY, "icarus": "4x4"}
NET_SIZE: Final = -1
"""Stands for the size that the network is usually run with."""
WEIGHT_FORMATS: Final = ("integer", "sm8")
WIDTHS: Final = (16, 8)
FEW: Final = 40
"""Layers that a refusal lists."""
EXPLICIT: Final = ("mode", "array", "sim", "seed")
"""Variables that a replay line names whatever their values."""
VARIABLES: Final = {"from_layer": "FROM", "weight_format": "WEIGHTS"}
"""Variables of make that are not called as their option is."""

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
    if layer not in net.job_layers and len(net.job_layers) > FEW:
        near = difflib.get_close_matches(layer, net.job_layers, 3, 0) or net.job_layers[:3]
        raise ConfigError(
            f"{name}={layer}: {net.title} has no such layer; nearest: {', '.join(near)}"
        )
    choose(name, layer, net.job_layers)


@dataclass(frozen=True, slots=True)
class SimOptions:
    """The variables of ``make sim`` as given; None or empty where they were not.

    Parameters
    ----------
    net : str
        Network: a name of `tb.networks.registry.NETWORKS`.
    layer, mode, format, slope, leaky_place, pool_pad, array, fit, sim, verilator, inject : str
        By the names of docs/interfaces.md.
    from_layer : str
        This layer and all after it: variable ``FROM``.
    tiles : int, optional
        At most so many tiles of each layer.
    job : str
        Only this job of the layer, counted from 0, or these: ``3-5``; needs `layer`.
    act_bits, weight_bits : int
        Width of an activation and of a weight, 16 or 8.
    weight_format : str
        ``integer``; or ``sm8``, sign and magnitude: variable ``WEIGHTS``.
    size : int
        Rows and columns of the network's image; its usual ones unless given.
    clock : str
        Frequency that frames a second are given for.
    image, images, model : Path or None
        A picture; or a folder of them, one frame each.
    retune : str
        Retuning patch: ``shipped`` (also where empty), ``none`` or a file.
    seed : int
    waves : bool
        Waves of the first job even where none fails.
    window : int, optional
        Cycles that waves cover; as many as fit the limit unless given.
    diagnose : bool
        Look into the first job that fails.
    bug : str
        Break the design with this bug of `tb.faults.catalogue`: the fault that ``INJECT=rtl`` puts
        in.

    Raises
    ------
    ConfigError
        An unknown value, with the choices, or two that contradict each other.
    """

    net: str = next(iter(NETWORKS))
    layer: str = ""
    from_layer: str = ""
    tiles: int | None = None
    job: str = ""
    mode: str = ProductMode.FULL.value
    format: str = NumberFormat.PER_LAYER.value
    act_bits: int = 16
    weight_bits: int = 16
    weight_format: str = "integer"
    slope: str = Slope.EIGHTH.value
    leaky_place: str = LeakyPlace.AFTER_REQUANT.value
    pool_pad: str = PoolPad.MINUS_INF.value
    array: str = ""
    size: int = NET_SIZE
    clock: str = DEFAULT_CLOCK
    image: Path | None = None
    images: Path | None = None
    fit: str = "letterbox"
    model: Path | None = None
    retune: str = ""
    sim: str = "verilator"
    verilator: str = ""
    seed: int = 1
    waves: bool = False
    window: int | None = None
    diagnose: bool = True
    inject: str = ""
    bug: str = ""

    def __post_init__(self) -> None:
        find_network(self.net)
        if self.size == NET_SIZE:
            object.__setattr__(self, "size", self.network.size)
        choose("FIT", self.fit, FITS)
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
            raise ConfigError(f"JOB={self.job}: say of which layer, such as LAYER=conv4")
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
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name in self.network.without and value != option.default:
                name = VARIABLES.get(option.name, option.name.upper())
                raise ConfigError(
                    f"{name}={value}: NET={self.net} has no such choice: leave it out"
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
        """Whether tiles of each layer are simulated, on golden's inputs, not all of it."""
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
        return self._command("sim", (), changes)

    def replay(self, **changes: Any) -> str:
        """The command that repeats part of this run whatever its user's environment holds."""
        return self._command("sim", EXPLICIT, {"array": self.lanes, **changes})

    def _command(self, target: str, explicit: Sequence[str], changes: Mapping[str, Any]) -> str:
        """Variables that are not at their defaults, and the explicit ones."""
        words = ["make", target]
        default = SimOptions(net=self.net)
        for option in fields(self):
            value = changes.get(option.name, getattr(self, option.name))
            chosen = option.name == "net" and value != option.default
            if chosen or option.name in explicit or value != getattr(default, option.name):
                text = str(int(value)) if isinstance(value, bool) else str(value)
                name = VARIABLES.get(option.name, option.name.upper())
                words.append(f"{name}={shlex.quote(text)}")
        return " ".join(words)
