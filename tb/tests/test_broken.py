"""A named few of the broken designs; ``make broken`` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb.tests.break_all import caught
from tb.tests.broken import BROKEN, FEW
from tb.toolchain import Simulator


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_turns_exactly_the_right_check_red(simulator: Simulator, name: str, tmp_path: Path) -> None:
    broken = next(broken for broken in BROKEN if broken.patch.name == name)
    red, message = caught(broken, simulator, tmp_path)
    assert red, message


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [broken.patch.name for broken in BROKEN]
    assert len(set(names)) == len(names)
    assert set(FEW) <= set(names)
