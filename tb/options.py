"""What a user may ask of ``make sim``, checked where it is made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from golden.config import (
    ConfigError,
    LeakyPlace,
    NumberFormat,
    PoolPad,
    ProductMode,
    Slope,
)
from golden.options import NumericOptions
from golden.yolov3_tiny import DARKNET_ORDER

FITS: Final = ("letterbox", "plain")
SIMULATORS: Final = ("verilator", "icarus")
INJECTIONS: Final = ("expected", "rtl", "stream")
DEFAULT_ARRAYS: Final = {"verilator": "16x16", "icarus": "4x4"}

_E = TypeVar("_E", bound=Enum)


def choose(name: str, value: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    ConfigError
        Otherwise; the text names the choices.

    Examples
    --------
    >>> choose("SIM", "icarus", ["verilator", "icarus"])
    'icarus'
    """
    known = list(choices)
    if value not in known:
        raise ConfigError(f"{name}={value}: choose {', '.join(known[:-1])} or {known[-1]}")
    return value


def _member(kind: type[_E], name: str, value: str) -> _E:
    return kind(choose(name, value, (str(member.value) for member in kind)))


def parse_array(text: str) -> tuple[int, int]:
    """Lanes from their usual notation.

    Raises
    ------
    ConfigError
        If it is not two lane counts.

    Examples
    --------
    >>> parse_array("16x8")
    (16, 8)
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    lanes = (int(match[1]), int(match[2])) if match else (0, 0)
    if any(count not in (2, 4, 8, 16, 32, 64) for count in lanes):
        raise ConfigError(
            f"ARRAY={text}: give input lanes x output lanes, each 2, 4, 8, 16, 32 or 64: 16x16"
        )
    return lanes


def parse_natural(name: str, text: str) -> int:
    """An integer of 0 or more.

    Raises
    ------
    ConfigError
        If it is not one.
    """
    if not re.fullmatch(r"\d{1,9}", text):
        raise ConfigError(f"{name}={text}: give an integer from 0 to 999999999")
    return int(text)


@dataclass(frozen=True, slots=True)
class SimOptions:
    """The variables of ``make sim`` as given; None or empty where they were not.

    Parameters
    ----------
    layer, mode, format, slope, leaky_place, pool_pad, array, fit, sim, verilator, inject : str
        By the names of docs/interfaces.md.
    job : int, optional
        Only this job of the layer, counted from 0; needs `layer`.
    image, model : Path or None
    seed : int
    waves : bool

    Raises
    ------
    ConfigError
        An unknown value, with the choices, or two that contradict each other.
    """

    layer: str = ""
    job: int | None = None
    mode: str = ProductMode.FULL.value
    format: str = NumberFormat.PER_LAYER.value
    slope: str = Slope.EIGHTH.value
    leaky_place: str = LeakyPlace.AFTER_REQUANT.value
    pool_pad: str = PoolPad.MINUS_INF.value
    array: str = ""
    image: Path | None = None
    fit: str = "letterbox"
    model: Path | None = None
    sim: str = "verilator"
    verilator: str = ""
    seed: int = 1
    waves: bool = False
    inject: str = ""

    def __post_init__(self) -> None:
        choose("FIT", self.fit, FITS)
        choose("SIM", self.sim, SIMULATORS)
        if self.inject:
            choose("INJECT", self.inject, INJECTIONS)
        if self.layer:
            choose("LAYER", self.layer, DARKNET_ORDER)
        elif self.job is not None:
            raise ConfigError(f"JOB={self.job}: say of which layer, such as LAYER=conv4")
        parse_array(self.lanes)
        self.numerics()

    @property
    def lanes(self) -> str:
        """The array asked for, or the simulator's default."""
        return self.array or DEFAULT_ARRAYS[self.sim]

    def numerics(self) -> NumericOptions:
        """The arithmetic that these options choose."""
        return NumericOptions(
            format=_member(NumberFormat, "FORMAT", self.format),
            mode=_member(ProductMode, "MODE", self.mode),
            slope=_member(Slope, "SLOPE", self.slope),
            place=_member(LeakyPlace, "LEAKY_PLACE", self.leaky_place),
            pool_pad=_member(PoolPad, "POOL_PAD", self.pool_pad),
        )

    def command(self, **changes: str) -> str:
        """The ``make sim`` that repeats this run, with `changes` to its variables."""
        words = ["make", "sim"]
        default = SimOptions()
        for option in fields(self):
            value = changes.get(option.name, getattr(self, option.name))
            if value != getattr(default, option.name):
                text = "1" if value is True else str(value)
                words.append(f"{option.name.upper()}={shlex.quote(text)}")
        return " ".join(words)
