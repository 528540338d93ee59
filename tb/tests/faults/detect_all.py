"""Breaks the design in every way on file, and says which check caught it.

``make broken`` runs all of it; a named few run with every ``make test``. Names given to
this module choose among them: ``python -m tb.tests.faults.detect_all "edge pixel lost"``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from golden.config import ProductMode
from tb.console import new_console, print_failure
from tb.tests.configs import TINY
from tb.tests.cosim.suite import TOPS, run_suite
from tb.tests.faults.detection import Detection
from tb.tests.faults.detections import DETECTIONS
from tb.toolchain.build import TOP
from tb.toolchain.simulators import Simulator, ToolError, find_icarus, find_verilator


def caught(detection: Detection, simulator: Simulator, folder: Path) -> tuple[bool, str]:
    """Run the test that a fault has to turn red.

    Returns
    -------
    bool
        Whether it turned red by the check expected; or, where this simulator cannot
        see the fault, whether it stayed green.
    str
        The message, or what was expected instead.
    """
    module, test = detection.test
    failed = run_suite(
        simulator,
        TINY[ProductMode.FULL],
        module,
        folder,
        patch=detection.patch,
        top=TOPS.get(module, TOP),
        testcase=test,
    )
    expected = detection.expected(simulator)
    if expected is None:
        return failed == {}, "not to be seen by this simulator" if not failed else str(failed)
    if test not in failed:
        return False, f"stayed green, not: {expected}"
    message = " ".join(failed[test].split())
    return bool(re.search(expected, message)), message


def main(names: Sequence[str] = ()) -> int:
    """Run the named faults, or all, on both simulators; 1 if one got away."""
    chosen = [detection for detection in DETECTIONS if not names or detection.patch.name in names]
    console = new_console()
    simulators = [find_verilator()]
    try:
        simulators.append(find_icarus())
    except ToolError as error:
        print_failure(console, f"Verilator alone: {error}")
    missed = 0
    for detection in chosen:
        for simulator in simulators:
            with tempfile.TemporaryDirectory() as folder:
                red, message = caught(detection, simulator, Path(folder))
            missed += not red
            style = "green" if red else "bold red"
            console.print(
                f"{detection.patch.name:32} {simulator.name:10} {detection.test[1]}\n"
                f"    {'caught' if red else 'MISSED'}: {message[:160]}",
                style=style,
                markup=False,
                highlight=False,
            )
    console.print(f"{len(chosen) * len(simulators) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
