"""A named few of the broken designs; ``make broken`` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb.tests.cosim.suite import SUITES
from tb.tests.faults.detect_all import caught
from tb.tests.faults.detection import Detection
from tb.tests.faults.detections import DETECTIONS, FEW
from tb.toolchain.build import HDL, RTL
from tb.toolchain.simulators import Simulator


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_turns_exactly_the_right_check_red(simulator: Simulator, name: str, tmp_path: Path) -> None:
    detection = next(detection for detection in DETECTIONS if detection.patch.name == name)
    red, message = caught(detection, simulator, tmp_path)
    assert red, message


@pytest.mark.parametrize("detection", DETECTIONS, ids=lambda detection: detection.patch.name)
def test_every_fault_still_has_its_place(detection: Detection) -> None:
    patch = detection.patch
    (path,) = (folder / patch.file for folder in (RTL, HDL) if (folder / patch.file).is_file())
    assert path.read_text().count(patch.old) == 1
    assert patch.new != patch.old
    module, test = detection.test
    suite = (SUITES / f"{module}.py").read_text()
    assert f"async def {test}(" in suite


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [detection.patch.name for detection in DETECTIONS]
    assert len(set(names)) == len(names)
    assert set(FEW) <= set(names)
