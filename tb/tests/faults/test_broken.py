"""A named few of the broken designs; ``make broken`` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb.tests.cosim.suite import SUITES
from tb.tests.faults.break_all import caught
from tb.tests.faults.broken import BROKEN, FEW
from tb.tests.faults.fault import Broken
from tb.toolchain.build import HDL, RTL
from tb.toolchain.simulators import Simulator


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_turns_exactly_the_right_check_red(simulator: Simulator, name: str, tmp_path: Path) -> None:
    broken = next(broken for broken in BROKEN if broken.patch.name == name)
    red, message = caught(broken, simulator, tmp_path)
    assert red, message


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.patch.name)
def test_every_fault_still_has_its_place(broken: Broken) -> None:
    patch = broken.patch
    (path,) = (folder / patch.file for folder in (RTL, HDL) if (folder / patch.file).is_file())
    assert path.read_text().count(patch.old) == 1
    assert patch.new != patch.old
    module, test = broken.test
    suite = (SUITES / f"{module}.py").read_text()
    assert f"async def {test}(" in suite


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [broken.patch.name for broken in BROKEN]
    assert len(set(names)) == len(names)
    assert set(FEW) <= set(names)
