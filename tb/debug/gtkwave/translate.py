"""Names for the numbers of states, codes and settings, as GTKWave's translate files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from vcd.gtkw import make_translation_filter

from golden.config import Activation, Overflow, Rounding
from golden.files import write_whole
from tb.duts.conv_pe.registers import COUNTERS, SLOT_STRIDE, Register, StatusCode

Names = Mapping[int, str]
FORMAT: Final = "dec"
"""How GTKWave shows the number that is replaced."""


def _registers() -> dict[int, str]:
    """Registers by address; the second result slot's behind the first one's."""
    first = {int(register): register.name for register in Register}
    slot = {
        register + SLOT_STRIDE: f"{register.name}_1" for register in (*COUNTERS, Register.ERROR)
    }
    return {**first, **slot}


TABLES: Final[Mapping[str, Names]] = MappingProxyType(
    {
        "status": {int(code): code.name for code in StatusCode},
        "control": dict(enumerate(("RUN", "WAIT", "FLUSH", "CLOSE"))),
        "fetch": dict(enumerate(("EMPTY", "CHECK", "LOAD", "LOADED", "FAILED"))),
        "activation": {number: kind.value for number, kind in enumerate(Activation)},
        "slope": {0: "1/8", 1: "13/128"},
        "place": {0: "after requantising", 1: "before requantising"},
        "rounding": {0: "half up", 1: Rounding.FLOOR.value},
        "overflow": {0: Overflow.SATURATE.value, 1: Overflow.WRAP.value},
        "response": {0: "OKAY", 1: "EXOKAY", 2: "SLVERR", 3: "DECERR"},
        "register": _registers(),
    }
)
"""A table's name, and what its numbers mean: those of ``rtl/`` and of AXI."""


def write_tables(folder: Path, names: set[str]) -> dict[str, Path]:
    """Write the translate files of the tables `names` into a folder; return where each table is."""
    paths = {}
    for name in sorted(names):
        paths[name] = folder / f"{name}.txt"
        write_whole(paths[name], make_translation_filter(list(TABLES[name].items()), FORMAT))
    return paths
