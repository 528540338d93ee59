"""Makes the simulators write waves in a window: text compiled in with the design.

cocotb's main program for Verilator writes every signal and every step. A copy of it, in
which two calls are replaced, lets `WaveWindow` decide. Both simulators write the top's own
signals and those of the design; the bench's players, recorders, checkers and probe only
repeat them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from golden.config import InputError

FOLDER: Final = Path(__file__).parent
ICARUS_MODULE: Final = FOLDER / "window.v"
VERILATOR_CLASS: Final = FOLDER / "window.h"
FLAGS: Final = ("--trace-max-width", str(1 << 20), "--trace-max-array", "1")
"""Of Verilator: all vectors, the multipliers' weights included, and no memories."""

_DECLARATION: Final = "static verilated_trace_t *tfp;\n"
_CALLS: Final = {
    "tfp->open(traceFile);": "wave_window.open(tfp, traceFile);",
    "tfp->dump(main_time);": "wave_window.dump(tfp, main_time);",
}
TOP: Final = "SIMULATION_TOP"
"""Stands for the simulation top in the texts."""


def text(simulator: str) -> str:
    """Return all that shapes the waves of a simulator's builds, for their keys."""
    if simulator == "icarus":
        return ICARUS_MODULE.read_text()
    return "\n".join([*FLAGS, VERILATOR_CLASS.read_text()])


def icarus_module(top: str) -> str:
    """Return the Verilog that writes waves under Icarus; the top has the design as ``dut``."""
    return ICARUS_MODULE.read_text().replace(TOP, top)


def verilator_main(original: Path, top: str) -> str:
    """Return cocotb's main program for Verilator, changed to write a window alone.

    Raises
    ------
    InputError
        It is not the program that this bench knows.
    """
    program = original.read_text()
    for part in (_DECLARATION, *_CALLS):
        if program.count(part) != 1:
            raise InputError(
                f"{original}: {part.strip()!r} is not in it once, so that no waves can be written; "
                "install the cocotb that pyproject.toml names"
            )
    for call, own in _CALLS.items():
        program = program.replace(call, own)
    window = VERILATOR_CLASS.read_text().replace(TOP, top)
    return program.replace(_DECLARATION, _DECLARATION + window)
