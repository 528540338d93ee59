"""The main job: real tensors through the RTL, green and red."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from golden.networks.yolov3_tiny.graph import graph
from golden.vision.images import shipped
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.refusal import SCHEMA_FILE
from tb.toolchain.build import ROOT

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"array": "4x4", "layer": "conv1", "size": 64}
LAYERS = [node.name for node in graph().nodes]
MAC_PER_PIXEL = 3_090_174_464 / 416**2


def run(base: Path, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of one run."""
    text = StringIO()
    options.setdefault("diagnose", False)
    code = simulate(SimOptions(**options), Console(file=text, width=120), base)
    report = json.loads((base / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text()))
    return code, report, text.getvalue()


@pytest.mark.parametrize(("array", "least"), [("16x16", 0.95), ("32x32", 0.88)])
def test_the_whole_frame_is_equal_in_every_value(array: str, least: float, tmp_path: Path) -> None:
    code, report, text = run(tmp_path, array=array)
    assert (code, report["passed"], report["failure"]) == (0, True, None)
    assert report["scope"] == "frame"
    assert [layer["name"] for layer in report["layers"]] == LAYERS
    for layer in report["layers"]:
        assert layer["values_compared"] == layer["values_expected"] > 0
        assert layer["mismatches"] == 0
        assert layer["cycles"] == layer["mac_cycles"] + sum(layer["stalls"].values())
        if layer["cycles"] == 0:
            assert layer["utilisation"] is None and layer["kind"] != "conv"
    assert report["total"]["macs"] == 3_090_174_464
    assert report["total"]["utilisation"] >= least
    zeros = {layer["name"]: layer["macs_on_zero_weights"] for layer in report["layers"]}
    assert {name for name, macs in zeros.items() if macs} == {"conv_set_2"}
    (frame,) = report["frames"]
    assert {"motorbike"} == {box["label"] for box in frame["boxes"]}
    assert "the RTL finds motorbike" in text and "MMAC (354.4 of them on embedded zeros)" in text
    assert "frames/s at 200MHz" in text and "where the cycles go" in text
    for folder in (tmp_path, tmp_path / report["run"] / "frame_00000"):
        assert (folder / "detections.png").is_file()
    heads = np.load(tmp_path / report["run"] / "frame_00000" / "pred_2.npy")
    assert heads.shape == (75, 13, 13)
    assert (tmp_path / report["run"] / "report.json").is_file()


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "cut_floor", "format": "q7.8"},
        {"mode": "cut_round", "format": "q7.8", "slope": "13/128"},
        {"leaky_place": "before_requant", "pool_pad": "zero", "fit": "plain", "seed": 7},
        {"array": "8x4", "pool_pad": "zero"},
    ],
    ids=lambda options: "-".join(map(str, options.values())).replace("/", ":"),
)
def test_every_arithmetic_is_equal_over_a_small_frame(
    options: dict[str, Any], tmp_path: Path
) -> None:
    code, report, _ = run(tmp_path, **{"array": "4x4", "size": 64, **options})
    assert (code, report["passed"]) == (0, True)
    assert report["scope"] == "frame" and report["total"]["macs"] == MAC_PER_PIXEL * 64**2
    for name in ("mode", "slope", "leaky_place", "pool_pad", "seed"):
        assert report[name] == options.get(name, report[name])


def test_a_part_of_the_frame_reads_golden_where_it_begins(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, array="4x4", size=64, from_layer="conv7")
    assert (code, report["passed"], report["scope"]) == (0, True, "filtered")
    names = [layer["name"] for layer in report["layers"]]
    assert names == LAYERS[LAYERS.index("conv7") :]
    assert report["frames"] is not None and "frames/s" not in text


@pytest.mark.parametrize("layer", ["pool5", "conv6", "conv_set_1"])
def test_one_layer_has_all_its_jobs(layer: str, tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, array="4x4", size=96, layer=layer)
    assert (code, report["passed"], report["scope"]) == (0, True, "filtered")
    fused = {"conv6": ["conv6", "pool6"]}
    assert [entry["name"] for entry in report["layers"]] == fused.get(layer, [layer])
    assert all(entry["values_compared"] > 0 for entry in report["layers"])
    assert report["frames"] is None


def test_tiles_read_golden_inputs(tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, array="4x4", size=96, tiles=1)
    assert (code, report["passed"], report["scope"]) == (0, True, "filtered")
    assert [entry["name"] for entry in report["layers"]] == [n for n in LAYERS if n != "concat"]


def test_a_wrong_expected_bit_is_found_and_its_replay_finds_it_again(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, array="4x4", size=64, inject="expected")
    failure = report["failure"]
    assert (code, report["passed"], failure["kind"]) == (1, False, "mismatch")
    assert report["total"]["mismatches"] == 1
    # The layer is finished; the ones behind it would read a wrong tensor.
    compared = {layer["name"]: layer["values_compared"] for layer in report["layers"]}
    expected = {layer["name"]: layer["values_expected"] for layer in report["layers"]}
    assert compared["conv1"] == expected["conv1"] == 16 * 64 * 64
    assert compared["conv4"] == 0 < expected["conv4"]
    difference = failure["expected"] ^ failure["actual"]
    assert bin(difference & 0xFFFF).count("1") == 1
    for name in ("layer", "channel", "row", "column", "expected", "actual"):
        assert str(failure[name]) in text
    assert failure["replay"] == (
        "make sim LAYER=conv1 JOB=0 MODE=full ARRAY=4x4 SIZE=64 SIM=verilator SEED=1 DIAGNOSE=0 "
        "INJECT=expected"
    )
    again = subprocess.run(
        failure["replay"], shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert again.returncode != 0
    assert failure["message"].split(", activated in")[0] in again.stdout


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
    assert "ACT_EARLY" in failure["message"] and "came of" in failure["message"]
    assert failure["layer"] == "conv1" and "FAILED" in text
    # The jobs behind the fault are right.
    assert report["total"]["mismatches"] == 0
    assert 0 < report["total"]["values_compared"] < report["total"]["values_expected"]


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for name in ("astronaut.png", "coffee.png"):
        shutil.copy(shipped(name), folder)
    (folder / "notes.txt").write_text("no picture, and not meant as one")
    return folder


def test_a_folder_of_pictures_is_frame_after_frame(tmp_path: Path) -> None:
    images = pictures(tmp_path / "pictures")
    code, report, text = run(tmp_path, array="4x4", size=64, images=images)
    assert (code, report["passed"]) == (0, True)
    assert [Path(frame["image"]).name for frame in report["frames"]] == [
        "astronaut.png",
        "coffee.png",
    ]
    assert report["total"]["macs"] == 2 * MAC_PER_PIXEL * 64**2
    assert "PASSED  2 frames" in text and "frames/s" in text
    for number in range(2):
        assert (tmp_path / report["run"] / f"frame_0000{number}" / "detections.png").is_file()
    assert not list((tmp_path / "kept").iterdir())


def test_the_clock_is_the_users(tmp_path: Path) -> None:
    _, report, text = run(tmp_path, array="4x4", size=32, clock="1GHz")
    cycles = report["total"]["cycles"]
    assert f"{1e9 / cycles:.1f} frames/s at 1GHz" in text


def test_a_job_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, job="99", **SMALL)
    assert code == 1
    assert report["failure"]["kind"] == "setup"
    assert "JOB=99: conv1 has jobs 0 to " in report["failure"]["message"]


def test_tiles_of_every_layer_on_icarus(tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus is not installed")
    code, report, _ = run(tmp_path, sim="icarus", size=96, tiles=1)
    assert (code, report["passed"], report["failure"]) == (0, True, None)
    assert len(report["layers"]) == len(LAYERS) - 1


def test_one_layer_on_icarus(tmp_path: Path, simulator: Any) -> None:
    options: dict[str, Any] = {"sim": simulator.name, "array": "4x4", "layer": "pred_2"}
    options["tiles"] = 2
    code, report, _ = run(tmp_path, **options)
    assert (code, report["passed"]) == (0, True)
    assert report["simulator"] == simulator.name
