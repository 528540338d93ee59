"""A narrow FaceNet through the RTL, whole and in parts."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from golden.networks.facenet.graph import facenet
from golden.tests.networks.facenet.facenet_narrow import PREFIX
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.refusal import SCHEMA_FILE

pytestmark = pytest.mark.slow

SIZE = 96
"""Leaves a map of 1x1 at the end."""


def run(base: Path, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of one run."""
    text = StringIO()
    given: dict[str, Any] = {
        "net": "facenet",
        "model": PREFIX,
        "array": "4x4",
        "size": SIZE,
        "diagnose": False,
    }
    code = simulate(SimOptions(**(given | options)), Console(file=text, width=120), base)
    report = json.loads((base / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text()))
    return code, report, text.getvalue()


def test_every_value_of_every_layer_is_equal(tmp_path: Path) -> None:
    code, report, text = run(tmp_path)
    assert (code, report["passed"], report["failure"]) == (0, True, None)
    assert (report["network"], report["scope"]) == ("facenet", "frame")
    layers = {layer["name"]: layer for layer in report["layers"]}
    assert list(layers) == [node.name for node in facenet().nodes]
    kinds = {layer["kind"] for layer in report["layers"]}
    assert kinds == {"conv", "pool", "concat", "residual", "avgpool", "fc"}
    for layer in report["layers"]:
        assert layer["values_compared"] == layer["values_expected"] > 0
        assert layer["mismatches"] == 0
    assert layers["Block8.add"]["macs"] == 0 < layers["Block8.add"]["cycles"]
    assert report["slope"] is report["leaky_place"] is report["pool_pad"] is None
    assert 0.9999 < report["embedding_cosine"] <= 1
    assert "cosine 0.9999" in text and "block17" in text and "PASSED  181 layers" in text
    assert len(report["weights_sha256"]) == 64 and "drawn from seed" not in text


def test_bytes_in_sign_and_magnitude_are_equal(tmp_path: Path) -> None:
    code, report, text = run(tmp_path, weight_bits=8, act_bits=8, weight_format="sm8")
    assert (code, report["passed"]) == (0, True)
    assert (report["act_w"], report["weight_w"]) == (8, 8)
    assert len(report["layers"]) == len(facenet().nodes)
    assert report["embedding_cosine"] < 0.99  # and the RTL made just what golden did
    assert "8-bit weights in SM8, 8-bit activations" in " ".join(text.split())


def test_a_residual_add_reads_golden_where_the_run_begins(tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, from_layer="Block8.Conv2d_1x1")
    assert (code, report["passed"], report["scope"]) == (0, True, "filtered")
    names = [layer["name"] for layer in report["layers"]]
    assert names == [node.name for node in facenet().nodes][-4:]
    assert report["embedding_cosine"] > 0.9999


@pytest.mark.parametrize("layer", ["Repeat.block35_2.add", "Mixed_6a.Branch_2.MaxPool_1a_3x3"])
def test_layers_without_weights_have_jobs_of_their_own(layer: str, tmp_path: Path) -> None:
    code, report, _ = run(tmp_path, array="8x4", layer=layer, size=160)
    assert (code, report["passed"]) == (0, True)
    assert [entry["name"] for entry in report["layers"]] == [layer]


def test_a_wrong_bit_of_a_sum_is_found_where_it_is(tmp_path: Path) -> None:
    given: dict[str, Any] = {"layer": "Repeat_1.block17_1.add", "inject": "expected"}
    code, report, text = run(tmp_path, diagnose=True, **given)
    failure = report["failure"]
    assert (code, failure["kind"], failure["layer"]) == (1, "mismatch", given["layer"])
    shape = facenet().shapes((3, SIZE, SIZE))[given["layer"]]
    assert failure["row"] < shape[1] and failure["column"] < shape[2]
    assert "NET=facenet LAYER=Repeat_1.block17_1.add JOB=0" in failure["replay"]
    assert "no diagnosis" not in text


def test_tiles_of_every_shape_on_icarus(tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus is not installed")
    code, report, _ = run(tmp_path, sim="icarus", array="")
    assert (code, report["passed"], report["scope"]) == (0, True, "tiles")
    names = [layer["name"] for layer in report["layers"]]
    assert len(names) == 34
    assert {"Repeat.block35_1.add", "Logits.AvgPool_1a_8x8", "Bottleneck"} <= set(names)
    assert "Repeat.block35_2.add" not in names
