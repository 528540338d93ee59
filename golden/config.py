"""Every width, lane count and mode of the PE and of the golden model, in one place.

The bench hands `PEConfig.verilog_parameters` to the simulator and asserts that
the built design reports the same figures back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final

LISTED: Final = 25
"""Names that a message lists; of more it offers those that are like the wrong one."""


class ConfigError(ValueError):
    """A choice that the PE or the golden model cannot honour; the text names it."""


class InputError(ValueError):
    """A file or tensor that cannot be used; one line says what, where and the cure."""


def first_few(names: Iterable[str], most: int = 5) -> str:
    """The first names of many, and how many more there are, for a message.

    >>> first_few("abcd", 3)
    'a, b, c and 1 more'
    """
    several = list(names)
    more = f" and {len(several) - most} more" if len(several) > most else ""
    return ", ".join(several[:most]) + more


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that a misspelt one is likely to mean, the likeliest first; capitals count little.

    >>> nearest("LAYRE", ["NET", "LAYER", "FROM"])
    ['LAYER']
    """
    import difflib  # for a mistake alone

    by_lower = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), by_lower, most)
    return [by_lower[each] for each in found]


def offer(name: str, names: Iterable[str], where: str = "") -> str:
    """What to choose in the place of a name that is not there: those like it, then all.

    Parameters
    ----------
    where : str
        Where all are listed, for names that are too many for a line.

    Examples
    --------
    >>> offer("ful", ["full", "cut_floor"])
    'did you mean full? choose full or cut_floor'
    >>> offer("rouding", ["rounding", *"abcdefghijklmnopqrstuvwxyz"], "the table lists all")
    'did you mean rounding? the table lists all'
    """
    known = list(names)
    near = nearest(name, known)
    question = f"did you mean {_either(near)}? " if near else ""
    if len(known) > LISTED:
        return question + (where or f"there are {first_few(known)}")
    return f"{question}choose {_either(known)}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


class ProductMode(str, Enum):
    """What one 16x16-bit product adds to the sum (docs/numerics.md)."""

    FULL = "full"
    CUT_FLOOR = "cut_floor"
    CUT_ROUND = "cut_round"


class NumberFormat(str, Enum):
    """How fraction bits are chosen: per layer, or 8 everywhere (Q7.8)."""

    PER_LAYER = "per_layer"
    Q7_8 = "q7.8"


class Activation(str, Enum):
    """Non-linearity of a layer."""

    LINEAR = "linear"
    RELU = "relu"
    LEAKY = "leaky"


class Slope(str, Enum):
    """Slope of the leaky rectifier: ``x >>> 3`` or ``(x * 13) >>> 7``."""

    EIGHTH = "1/8"
    THIRTEEN_128THS = "13/128"

    @property
    def real(self) -> float:
        """Its value: 0.125 or 0.1015625."""
        return float(Fraction(self.value))


class LeakyPlace(str, Enum):
    """Whether the activation sees the requantised value or the wide sum."""

    AFTER_REQUANT = "after_requant"
    BEFORE_REQUANT = "before_requant"


class Standardization(str, Enum):
    """How pixels p get a sign: (p - 127.5) / 128, or by the picture's own mean and deviation."""

    FIXED = "fixed"
    PER_IMAGE = "per_image"


class PoolPad(str, Enum):
    """Value beyond the right and bottom edge of the stride-1 pool."""

    MINUS_INF = "minus_inf"
    ZERO = "zero"


class Rounding(str, Enum):
    """Rounding of the requantising right shift."""

    ROUND_HALF_TO_POSITIVE_INFINITY = "round_half_to_positive_infinity"
    FLOOR = "floor"


class Overflow(str, Enum):
    """What a requantised value beyond the activation width becomes."""

    SATURATE = "saturate"
    WRAP = "wrap"


ACC_WIDTHS = (32, 40, 48)
MAX_KERNEL = 7
MAX_PAD = 7
MAX_SIDE = 1023
MAX_CHANNELS = 4095


@dataclass(frozen=True, slots=True)
class PEConfig:
    """What one build of ``conv_pe`` is elaborated with.

    Raises
    ------
    ConfigError
        If a figure is outside what the RTL can be built with.
    """

    p_ic: int
    p_oc: int
    """Input channels a cycle, and output-channel lanes."""
    acc_w: int = 40
    """Width of a partial sum, bits: 32, 40 or 48."""
    mode: ProductMode = ProductMode.FULL
    """What one product contributes."""
    act_w: int = 16
    weight_w: int = 16
    """Width of an activation and of a weight, bits."""
    tile_pixels: int = 1024
    """Output pixels that one job may hold (depth of an accumulator bank)."""
    input_words: int = 8192
    """Depth of the input tile memory; a word holds `p_ic` activations."""

    def __post_init__(self) -> None:
        for name, lanes in (("p_ic", self.p_ic), ("p_oc", self.p_oc)):
            if not (2 <= lanes <= 64 and lanes & (lanes - 1) == 0):
                raise ConfigError(f"{name} {lanes}: lanes are a power of two from 2 to 64")
        if self.acc_w not in ACC_WIDTHS:
            raise ConfigError(f"acc_w {self.acc_w}: choose one of {ACC_WIDTHS}")
        if self.act_w not in (8, 16) or self.weight_w not in (8, 16):
            raise ConfigError("act_w and weight_w are 8 or 16 bits")
        if self.mode is not ProductMode.FULL and (self.act_w, self.weight_w) != (16, 16):
            raise ConfigError(f"mode {self.mode.value} is defined for 16x16-bit products only")
        for name, depth in (("tile_pixels", self.tile_pixels), ("input_words", self.input_words)):
            if not (16 <= depth <= 65536 and depth & (depth - 1) == 0):
                raise ConfigError(f"{name} {depth}: a power of two from 16 to 65536")

    @property
    def array(self) -> str:
        """Lanes as users write them, ``16x16``."""
        return f"{self.p_ic}x{self.p_oc}"

    def verilog_parameters(self) -> dict[str, int]:
        """Parameters of ``conv_pe`` by their Verilog names."""
        return {
            "P_IC": self.p_ic,
            "P_OC": self.p_oc,
            "A_W": self.act_w,
            "W_W": self.weight_w,
            "ACC_W": self.acc_w,
            "MODE": list(ProductMode).index(self.mode),
            "TILE_PIXELS": self.tile_pixels,
            "INPUT_WORDS": self.input_words,
        }


FPGA: Final = PEConfig(p_ic=8, p_oc=8, acc_w=40, tile_pixels=1024, input_words=16384)
"""For synthesis on an ECP5-85K: the memories of a whole frame's tiles on 64 multipliers."""
