"""What the design must keep for ``make synth-check``, and the exceptions, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from golden.config import PEConfig

ARRAY_MODULE: Final = "mac_array"
"""Products of two variables inside it are the array's."""

DEVICE: Final = "LFE5U-85"
CAPACITY: Final = {"LUT4": 83_640, "TRELLIS_FF": 83_640, "DP16KD": 208, "MULT18X18D": 156}
"""What the device has, by cell type."""


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A multiplier outside the array that the design may have.

    Parameters
    ----------
    module : str
    factor : str
        ``variable``, or ``constant`` and the number.
    count : int
        In one instance of the module.
    blocks : int
        MULT18X18D that they take together.
    reason : str
    """

    module: str
    factor: str
    count: int
    blocks: int
    reason: str


@dataclass(frozen=True, slots=True)
class Exempt:
    """A memory that may be something else than block RAM: module, array and reason."""

    module: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What one design must keep.

    Parameters
    ----------
    products : int
        Multipliers of the array; each takes one MULT18X18D.
    register_bits : int
        Bits of the largest register; a larger one is a memory in disguise.
    multipliers : sequence of Multiplier
        Every multiplier outside the array.
    lut_rams : sequence of Exempt
        Memories that are in LUT RAM.
    register_arrays : sequence of Exempt
        Verilog arrays that are registers.
    """

    products: int
    register_bits: int
    multipliers: Sequence[Multiplier] = ()
    lut_rams: Sequence[Exempt] = ()
    register_arrays: Sequence[Exempt] = ()


MULTIPLIERS: Final[tuple[Multiplier, ...]] = ()
LUT_RAMS: Final[tuple[Exempt, ...]] = ()
REGISTER_ARRAYS: Final[tuple[Exempt, ...]] = ()


def rules(config: PEConfig) -> Rules:
    """The rules for ``conv_pe`` in a configuration.

    The array's weights, in slots of 32 bits, are its largest register.
    """
    products = config.p_ic * config.p_oc
    return Rules(products, 32 * products, MULTIPLIERS, LUT_RAMS, REGISTER_ARRAYS)
