"""What ``make bench`` measures, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from golden.config import NumberFormat, ProductMode
from tb.choices import choose
from tb.flows.sim.options import SimOptions
from tb.flows.variables import variable

FRAME_ARRAYS: Final = ("8x8", "16x16", "32x32")
TILE_ARRAYS: Final = ("4x4", "8x8")
SIZES: Final = (128, 224, 416)
SCALING_ARRAY: Final = "16x16"
"""Array on which time is taken against the image's size."""
TILES: Final = 1
"""Tiles of each layer, where beats are slow: in Icarus and from Python."""


PARTS: Final = ("sim", "golden")


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The variables of ``make bench``.

    Raises
    ------
    ConfigError
        An unknown part, with the choices.
    """

    part: str = variable("", "`sim` or `golden` alone; both by default")
    verilator: str = variable("", "Verilator program or folder, as for `sim`")

    def __post_init__(self) -> None:
        if self.part:
            choose("PART", self.part, PARTS)


class Way(Enum):
    """How a simulation is run."""

    FRAME = "frame"
    ICARUS = "tiles under icarus"
    PYTHON = "tiles under verilator, beats from Python"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One simulation to be timed.

    Parameters
    ----------
    way : Way
    options : SimOptions
    listed : bool
        Whether it is one of the runs, or only a point of the scaling.
    scaling : bool
        Whether it is a point of the scaling.
    """

    way: Way
    options: SimOptions
    listed: bool = True
    scaling: bool = False

    @property
    def title(self) -> str:
        """The measurement in words, for the lines that are shown."""
        options = self.options
        under = " under verilator" if self.way is Way.FRAME else ""
        size = f"{options.size}x{options.size} " if self.way is Way.FRAME else ""
        return f"{size}{self.way.value}{under}, {options.lanes}, {options.mode}"

    @property
    def name(self) -> str:
        """Name of its folder."""
        options = self.options
        return f"{self.way.name.lower()}-{options.lanes}-{options.mode}-{options.size}"


def measurements(verilator: str = "") -> list[Measurement]:
    """Everything that is simulated: frames of each array and mode, sizes, tiles.

    Parameters
    ----------
    verilator : str
        A Verilator of the user's, as for ``make sim``.
    """
    frames = [
        Measurement(
            Way.FRAME,
            SimOptions(array=array, mode=mode.value, format=_format(mode), verilator=verilator),
            scaling=array == SCALING_ARRAY and mode is ProductMode.FULL,
        )
        for array in FRAME_ARRAYS
        for mode in ProductMode
    ]
    default = SimOptions().size
    smaller = [
        Measurement(
            Way.FRAME,
            SimOptions(array=SCALING_ARRAY, size=size, verilator=verilator),
            listed=False,
            scaling=True,
        )
        for size in SIZES
        if size != default
    ]
    tiles = [
        Measurement(way, SimOptions(sim="icarus", array=array, tiles=TILES, verilator=verilator))
        for way in (Way.ICARUS, Way.PYTHON)
        for array in TILE_ARRAYS
    ]
    return [*frames, *smaller, *tiles]


def _format(mode: ProductMode) -> str:
    """The default number format, or the one that a mode needs."""
    format_ = NumberFormat.PER_LAYER if mode is ProductMode.FULL else NumberFormat.Q7_8
    return str(format_.value)
