"""From a red run to the guilty step: the replay, what surrounds it, and the files that are left."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from tb.flows.sim.command import BASE, debug_folder, simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.refusal import SCHEMA_FILE
from tb.toolchain.build import ROOT
from tb.toolchain.simulators import Simulator

pytestmark = pytest.mark.slow

LEFT = ("diagnosis.json", "diagnosis.txt", "job.json", "map.png", "wave.gtkw", "replay")
ALIKE = ("kind", "layer", "channel", "row", "column", "expected", "actual")


def run(base: Path, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of one run on a small array."""
    text = StringIO()
    chosen = SimOptions(**{"array": "4x4", "size": 64, **options})
    code = simulate(chosen, Console(file=text, width=120), base)
    report = json.loads((base / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text()))
    return code, report, text.getvalue()


def test_a_wrong_value_is_followed_to_its_step(simulator: Simulator, tmp_path: Path) -> None:
    options = {"sim": simulator.name, "layer": "conv2", "tiles": 1, "bug": "rounding"}
    code, report, text = run(tmp_path, **options)
    failure = report["failure"]
    seen, first = failure["diagnosis"], failure["diagnosis"]["first"]
    assert code == 1 and (report["inject"], report["bug"]) == ("rtl", "rounding")
    assert (seen["step"], seen["certain"], seen["reproduced"]) == ("requantiser", True, True)
    assert (seen["before"], seen["behind"]) == (0, 0)
    for name in ("layer", "channel", "row", "column", "expected", "actual"):
        assert first[name] == failure[name]
    assert first["difference"] == failure["actual"] - failure["expected"]
    assert seen["cycle"] < first["cycle"] <= first["left_cycle"]

    folder = tmp_path / "debug" / "conv2-0"
    assert Path(seen["folder"]) == folder
    wave = Path(seen["waves"]["file"])
    assert wave.parent == folder and wave.stat().st_size == seen["waves"]["bytes"] > 1000
    assert all((folder / name).exists() for name in LEFT)
    whole = json.loads((folder / "diagnosis.json").read_text())
    assert whole["step"] == seen["step"] and whole["schema"] == 1
    contributions = 4 * 3 * 3
    assert len(whole["inside"]["rows"]) == contributions
    told = (folder / "diagnosis.txt").read_text()
    assert "guilty: requantiser" in told and "guilty: requantiser" in text
    starts = ("FAILED  mismatch: ", "guilty: requantiser", f"replay: {failure['replay']}")
    for line, start in zip(text.strip().splitlines()[-3:], starts, strict=True):
        assert line.startswith(start)


def test_a_job_that_fails_with_its_neighbour_alone_is_found(tmp_path: Path) -> None:
    options = {"tiles": 1, "size": 32, "bug": "arithmetic-of-the-next-job"}
    code, report, text = run(tmp_path, **options)
    seen = report["failure"]["diagnosis"]
    assert code == 1 and seen["reproduced"] and seen["step"] == "drain"
    assert (seen["before"], seen["behind"]) == (0, 1)
    assert "does not fail alone" in text
    # The next job is another layer's: no choice of jobs of one layer holds both.
    assert "JOB=" not in report["failure"]["replay"]


def test_a_replay_line_fails_in_the_same_way(simulator: Simulator, tmp_path: Path) -> None:
    options = {"sim": simulator.name, "layer": "conv3", "tiles": 1, "size": 96}
    _, report, _ = run(tmp_path, **options, bug="wrong-channel-group")
    failure = report["failure"]
    for word in ("LAYER=conv3", "JOB=0", "MODE=full", "ARRAY=4x4", "SEED=1", "BUG="):
        assert word in failure["replay"]
    assert f"SIM={simulator.name}" in failure["replay"]
    command = f"{failure['replay']} DIAGNOSE=0"
    again = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert again.returncode != 0
    (line,) = (line for line in again.stdout.splitlines() if line.startswith("FAILED"))
    where = line.split("(")[-1].rstrip(")")
    repeated = json.loads((ROOT / where).read_text())["failure"]
    assert {name: repeated[name] for name in ALIKE} == {name: failure[name] for name in ALIKE}


def test_a_wrong_expectation_is_no_fault_of_the_design(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, layer="conv1", tiles=1, inject="expected")
    seen = report["failure"]["diagnosis"]
    assert code == 1 and seen["reproduced"] and seen["step"] is None
    assert "which nothing in the streams explains" in " ".join(text.split())


def test_a_lost_beat_is_the_inputs(tmp_path: Path) -> None:
    _, report, _ = run(tmp_path, layer="conv1", tiles=1, inject="stream")
    seen = report["failure"]["diagnosis"]
    assert (report["failure"]["kind"], seen["step"]) == ("shortage", "input")
    assert seen["first"]["kind"] == "shortage" and seen["first"]["actual"] is None


def test_waves_of_a_green_job(simulator: Simulator, tmp_path: Path) -> None:
    options = {"sim": simulator.name, "layer": "conv2", "job": "0", "tiles": 1}
    code, report, text = run(tmp_path, **options, waves=True, window=300)
    assert (code, report["failure"]) == (0, None)
    whole = json.loads((tmp_path / "debug" / "conv2-0" / "diagnosis.json").read_text())
    waves = whole["waves"]
    assert (whole["step"], whole["reproduced"]) == (None, True)
    assert waves["last_cycle"] - waves["first_cycle"] + 1 == 300
    left = whole["inside"]["output_steps"][-1]["cycle"]
    assert waves["first_cycle"] < left <= waves["last_cycle"]
    assert Path(waves["file"]).is_file() and "gtkwave " in text


def test_a_window_that_is_too_large_is_refused(tmp_path: Path) -> None:
    options = {"layer": "conv1", "tiles": 1, "waves": True, "window": 10**8}
    code, report, _ = run(tmp_path, **options)
    assert code == 1 and report["failure"]["kind"] == "setup"
    assert "WINDOW=100000000: choose 1 to " in report["failure"]["message"]


def test_a_diagnosis_that_fails_leaves_the_failure(tmp_path: Path) -> None:
    (tmp_path / "debug").write_text("a file where the folder belongs")
    code, report, text = run(tmp_path, layer="conv1", tiles=1, inject="expected")
    assert code == 1 and report["failure"]["kind"] == "mismatch"
    assert report["failure"]["diagnosis"] is None
    assert "no diagnosis: " in text and "replay: make sim" in text


def test_diagnoses_lie_beside_the_runs(tmp_path: Path) -> None:
    assert debug_folder(BASE) == ROOT / "build" / "debug"
    assert debug_folder(tmp_path) == tmp_path / "debug"
