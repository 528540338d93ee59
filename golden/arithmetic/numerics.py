"""The numeric choices that a whole network is quantised with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from golden.config import (
    ConfigError,
    LeakyPlace,
    NumberFormat,
    Overflow,
    PoolPad,
    ProductMode,
    Rounding,
    Slope,
)

CHOICES: dict[str, type[Enum]] = {
    "format": NumberFormat,
    "mode": ProductMode,
    "slope": Slope,
    "place": LeakyPlace,
    "pool_pad": PoolPad,
    "rounding": Rounding,
    "overflow": Overflow,
}
"""Fields that hold an enumeration."""


@dataclass(frozen=True, slots=True)
class NumericOptions:
    """Arithmetic of every layer of one network.

    Raises
    ------
    ConfigError
        If the choices contradict each other; the text names the cure.
    """

    format: NumberFormat = NumberFormat.PER_LAYER
    """Fraction bits chosen per layer, or 8 everywhere."""
    mode: ProductMode = ProductMode.FULL
    """What one product contributes."""
    slope: Slope = Slope.EIGHTH
    """Slope of the leaky rectifier."""
    place: LeakyPlace = LeakyPlace.AFTER_REQUANT
    """Activation after or before requantising."""
    pool_pad: PoolPad = PoolPad.MINUS_INF
    """Value beyond the edge of the stride-1 pool."""
    rounding: Rounding = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY
    """Rounding of the requantising shift."""
    overflow: Overflow = Overflow.SATURATE
    """What a requantised value out of range becomes."""
    act_w: int = 16
    weight_w: int = 16
    """Width of an activation and of a weight, 8 or 16 bits."""

    def __post_init__(self) -> None:
        for field, kind in CHOICES.items():
            if not isinstance(getattr(self, field), kind):
                raise ConfigError(f"{field} {getattr(self, field)!r} is not a {kind.__name__}")
        widths = (self.act_w, self.weight_w)
        for name, width in zip(("act_w", "weight_w"), widths, strict=True):
            if width not in (8, 16):
                raise ConfigError(f"{name} {width}: choose 8 or 16")
        cut = self.mode is not ProductMode.FULL
        if cut and self.format is not NumberFormat.Q7_8:
            raise ConfigError(
                f"mode {self.mode.value} is defined for format q7.8 only: choose that format"
            )
        if self.format is NumberFormat.Q7_8 and widths != (16, 16):
            raise ConfigError(
                f"format q7.8 is 16 bits wide, not {self.act_w}x{self.weight_w}: "
                "choose format per_layer"
            )
