"""Breaks the design in every way on file, and says which check caught it.

``make broken`` runs all of it; a named few run with every ``make test``. Names given to
this module choose among them: ``python -m tb.tests.faults.break_all "edge pixel lost"``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from golden.config import ProductMode
from tb.tests.configs import TINY
from tb.tests.cosim.suite import run_suite
from tb.tests.faults.broken import BROKEN
from tb.tests.faults.fault import Broken
from tb.toolchain.build import TOP
from tb.toolchain.simulators import Simulator, ToolError, find_icarus, find_verilator


def caught(broken: Broken, simulator: Simulator, folder: Path) -> tuple[bool, str]:
    """Run the test that a fault has to turn red.

    Returns
    -------
    bool
        Whether it turned red by the check expected; or, where this simulator cannot
        see the fault, whether it stayed green.
    str
        The message, or what was expected instead.
    """
    module, test = broken.test
    failed = run_suite(
        simulator,
        TINY[ProductMode.FULL],
        module,
        folder,
        patch=broken.patch,
        top="port_top" if module == "cocotb_axi" else TOP,
        testcase=test,
    )
    expected = broken.expected(simulator)
    if expected is None:
        return failed == {}, "not to be seen by this simulator" if not failed else str(failed)
    if test not in failed:
        return False, f"stayed green, not: {expected}"
    message = " ".join(failed[test].split())
    return bool(re.search(expected, message)), message


def main(names: Sequence[str] = ()) -> int:
    """Run the named faults, or all, on both simulators; 1 if one got away."""
    chosen = [broken for broken in BROKEN if not names or broken.patch.name in names]
    console = Console(width=None if sys.stdout.isatty() else 150)
    simulators = [find_verilator()]
    try:
        simulators.append(find_icarus())
    except ToolError as error:
        console.print(f"[bold red]Verilator alone:[/] {error}")
    missed = 0
    for broken in chosen:
        for simulator in simulators:
            with tempfile.TemporaryDirectory() as folder:
                red, message = caught(broken, simulator, Path(folder))
            missed += not red
            style = "green" if red else "bold red"
            console.print(
                f"{broken.patch.name:32} {simulator.name:10} {broken.test[1]}\n"
                f"    {'caught' if red else 'MISSED'}: {message[:160]}",
                style=style,
                markup=False,
                highlight=False,
            )
    console.print(f"{len(chosen) * len(simulators) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
