"""What a user may ask of ``make bench``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tb.choices import choose
from tb.flows.variables import variable

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
