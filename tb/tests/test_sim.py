"""The main job: real tensors through the RTL, green and red."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from golden.yolov3_tiny import DARKNET_ORDER
from tb.build import ROOT
from tb.options import SimOptions
from tb.report import SCHEMA_FILE
from tb.simulate import simulate

pytestmark = pytest.mark.slow

SMALL = {"array": "4x4", "layer": "conv1"}


def run(base: Path, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of one run."""
    text = StringIO()
    code = simulate(SimOptions(**options), Console(file=text, width=120), base)
    report = json.loads((base / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text()))
    return code, report, text.getvalue()


def test_thirteen_layers_are_equal_in_every_value(tmp_path: Path) -> None:
    code, report, text = run(tmp_path)
    assert (code, report["passed"], report["failure"]) == (0, True, None)
    assert sorted(layer["name"] for layer in report["layers"]) == sorted(DARKNET_ORDER)
    for layer in report["layers"]:
        assert layer["macs"] >= 4_000_000
        assert layer["values_compared"] == layer["values_expected"] > 0
        assert layer["mismatches"] == 0
        assert 0 < layer["utilisation"] <= 1
        assert layer["cycles"] == layer["mac_cycles"] + sum(layer["stalls"].values())
    zeros = {layer["name"]: layer["macs_on_zero_weights"] for layer in report["layers"]}
    assert {name for name, macs in zeros.items() if macs} == {"conv_set_2"}
    assert report["scope"] == "tiles"
    assert report["total"]["macs_per_second"] > 0
    assert "PASSED  13 layers" in text and "0 mismatches" in text
    assert (tmp_path / report["run"] / "report.json").is_file()


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "cut_floor", "format": "q7.8"},
        {"mode": "cut_round", "format": "q7.8", "slope": "13/128"},
        {"leaky_place": "before_requant", "pool_pad": "zero", "fit": "plain", "seed": 7},
    ],
    ids=lambda options: "-".join(map(str, options.values())).replace("/", ":"),
)
def test_every_arithmetic_is_equal(options: dict[str, Any], tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, array="4x4", layer="conv6", **options)
    assert (code, report["passed"]) == (0, True)
    assert report["scope"] == "filtered"
    for name in ("mode", "slope", "leaky_place", "pool_pad", "seed"):
        assert report[name] == options.get(name, report[name])


def test_a_wrong_expected_bit_is_found_and_its_replay_finds_it_again(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, inject="expected", **SMALL)
    failure = report["failure"]
    assert (code, report["passed"], failure["kind"]) == (1, False, "mismatch")
    assert report["total"]["mismatches"] == 1
    difference = failure["expected"] ^ failure["actual"]
    assert bin(difference & 0xFFFF).count("1") == 1
    for name in ("layer", "channel", "row", "column", "expected", "actual"):
        assert str(failure[name]) in text
    assert failure["replay"] == "make sim LAYER=conv1 JOB=0 ARRAY=4x4 INJECT=expected"
    again = subprocess.run(
        failure["replay"], shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert again.returncode != 0
    assert failure["message"].split(", left the PE")[0] in again.stdout


def test_a_wrong_rounding_constant_is_found(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, inject="rtl", **SMALL)
    failure = report["failure"]
    assert (code, report["passed"], failure["kind"]) == (1, False, "mismatch")
    assert failure["actual"] == failure["expected"] + 1
    assert failure["layer"] == "conv1" and failure["message"] in " ".join(text.split())


def test_a_lost_beat_is_found(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, inject="stream", **SMALL)
    failure = report["failure"]
    assert (code, report["passed"], failure["kind"]) == (1, False, "shortage")
    assert "ACT_EARLY" in failure["message"] and "missing" in failure["message"]
    assert failure["layer"] == "conv1" and "FAILED" in text
    # The job before the fault and those after it are right.
    assert report["total"]["mismatches"] == 0
    assert 0 < report["total"]["values_compared"] < report["total"]["values_expected"]


def test_a_job_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, job=99, **SMALL)
    assert code == 1
    assert report["failure"]["kind"] == "setup"
    assert "JOB=99: conv1 has jobs 0 to " in report["failure"]["message"]


def test_one_layer_on_icarus(tmp_path: Path, simulator: Any) -> None:
    options: dict[str, Any] = {"sim": simulator.name, "array": "4x4", "layer": "pred_2"}
    code, report, _ = run(tmp_path, **options)
    assert (code, report["passed"]) == (0, True)
    assert report["simulator"] == simulator.name
