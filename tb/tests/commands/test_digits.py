"""The digits' network from torch to the RTL: the command, ``NET=digits``, and what is refused."""

from __future__ import annotations

import json
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from golden.config import ConfigError, InputError
from golden.networks.digits.build import build_digits, quantized, read_convs, read_off
from golden.networks.digits.graph import GRAPH, HEAD
from golden.networks.digits.samples import load_samples
from golden.networks.digits.training import model_bytes, train
from golden.reference.run import run as run_golden
from tb.cli import app
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.refusal import SCHEMA_FILE
from tb.networks.registry import Outputs, find
from tb.tests.commands.commands import results, run

SHOWN = 5


@lru_cache(maxsize=1)
def trained() -> bytes:
    return model_bytes(train())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "lenet.safetensors"
    path.write_bytes(trained())
    return path


def simulated(base: Path, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of one run."""
    text = StringIO()
    chosen = SimOptions(net="digits", diagnose=False, **options)
    code = simulate(chosen, Console(file=text, width=120), base)
    report = json.loads((base / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text()))
    return code, report, text.getvalue()


@pytest.mark.slow
def test_the_rtl_reads_what_torch_reads(tmp_path: Path) -> None:
    out, figures = tmp_path / "out", tmp_path / "d.json"
    printed = run("digits", "--pictures", SHOWN, "--array", "4x4", "--out", out, "--json", figures)
    assert f"PASSED  {SHOWN} frames, 7 layers" in printed
    readings = {each["by"]: each for each in results(figures)["readings"]}
    torch, golden, rtl = (readings[by] for by in readings)
    assert torch["accuracy"] > 0.95 and torch["changed"] is None
    assert golden["changed"] <= 1 and golden["pictures"] == 360
    assert rtl["pictures"] == SHOWN and rtl["by"] == "RTL" and rtl["changed"] == 0
    report = json.loads((out / "sim" / "report.json").read_text())
    for layer in report["layers"]:
        assert layer["values_compared"] == layer["values_expected"] > 0
        assert layer["mismatches"] == 0
    network = build_digits(read_convs(out / "lenet.safetensors"))
    for number, picture in enumerate(load_samples()[1].first(SHOWN).pictures):
        wanted = run_golden(network, quantized(network, picture))[HEAD]
        folder = out / "sim" / report["run"] / f"frame_{number:05d}"
        np.testing.assert_array_equal(np.load(folder / f"{HEAD}.npy"), wanted)


@pytest.mark.slow
def test_a_wrong_value_turns_the_command_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: dict[str, Any] = {"inject": "expected", "diagnose": False}
    monkeypatch.setattr(
        "tb.commands.digits.SimOptions", lambda **given: SimOptions(**(given | broken))
    )
    words = ["--pictures", "1", "--array", "4x4", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["digits", *words, "--json", str(tmp_path / "d.json")])
    assert done.exit_code == 1 and "FAILED  mismatch: conv1" in done.output
    readings = results(tmp_path / "d.json")["readings"]
    assert "RTL" not in [each["by"] for each in readings]


@pytest.mark.slow
def test_one_picture_by_make_sim(tmp_path: Path, model: Path) -> None:
    code, report, text = simulated(tmp_path, array="4x4", model=model)
    assert (code, report["passed"], report["network"]) == (0, True, "digits")
    assert [layer["name"] for layer in report["layers"]] == [node.name for node in GRAPH.nodes]
    kinds = [layer["kind"] for layer in report["layers"]]
    assert kinds == ["conv", "pool", "conv", "pool", "fc", "fc", "fc"]
    digit = find("digits").default_image().stem[-1]
    assert f"the RTL reads a {digit}" in text


@pytest.mark.slow
def test_every_layer_under_icarus(tmp_path: Path, model: Path) -> None:
    code, report, _ = simulated(tmp_path, sim="icarus", model=model)
    assert (code, report["passed"], report["scope"]) == (0, True, "tiles")
    assert len([layer for layer in report["layers"] if layer["values_compared"]]) == 7


def test_accuracies_without_a_simulation(tmp_path: Path) -> None:
    words = ("--pictures", 0, "--seed", 2, "--act-bits", 8, "--weight-bits", 8)
    printed = run("digits", *words, "--out", tmp_path / "out", "--json", tmp_path / "d.json")
    assert "trained on 1,437 pictures" in printed and "RTL" not in printed
    document = results(tmp_path / "d.json")
    assert [each["by"] for each in document["readings"]] == [
        "torch, floats",
        "golden model, integers",
    ]
    assert min(each["accuracy"] for each in document["readings"]) > 0.95
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["lenet.safetensors"]


def test_the_network_is_read_or_trained(model: Path) -> None:
    net = find("digits")
    printed: list[str] = []
    read = net.build(SimOptions(net="digits", model=model), printed.append)
    assert not printed and not read.note
    made = net.build(SimOptions(net="digits"), printed.append)
    assert printed == ["training the network"] and "trained just now" in made.note
    assert made.sha256 == read.sha256
    for one, other in zip(made.network.convs(), read.network.convs(), strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)


def test_the_digit_is_the_largest_score(model: Path) -> None:
    net, options = find("digits"), SimOptions(net="digits", model=model)
    built = net.build(options, lambda text: None)
    scores = np.arange(10, dtype=np.int16).reshape(10, 1, 1)
    blank = np.zeros((8, 8, 3), np.uint8)
    for values, digit in ((scores, 9), (-scores, 0), (np.full_like(scores, 3), 0)):
        heads = {HEAD: values}
        printed = net.decode(Outputs(heads, heads, blank, Path()), built, options)
        assert printed.text == f"the RTL reads a {digit}" and read_off([values])[0] == digit


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"size": 16}, "SIZE=16: the digits have 8 rows and columns"),
        ({"slope": "13/128"}, "SLOPE=13/128: NET=digits has no such choice"),
        ({"weight_bits": 8, "weight_format": "sm8"}, "WEIGHTS=sm8: NET=digits has no such choice"),
        ({"layer": "pool1"}, "LAYER=pool1: .* those of conv1 make it"),
    ],
)
def test_refuses_in_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=f"^{line}"):
        SimOptions(net="digits", **given)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "out" / "pictures-3"
    folder.mkdir(parents=True)
    (folder / "mine.png").touch()
    (tmp_path / "bad.safetensors").write_bytes(trained()[:-9])
    cases: list[tuple[tuple[object, ...], str]] = [
        (("--out", tmp_path / "file"), "file: give a folder"),
        (("--out", tmp_path / "out", "--pictures", 3), "mine.png: no test picture"),
        (("--array", "3x3"), "ARRAY=3x3"),
        (("--act-bits", 9), "ACT_BITS=9: choose 16 or 8"),
    ]
    for words, message in cases:
        done = CliRunner().invoke(app, ["digits", *map(str, words)])
        assert isinstance(done.exception, ConfigError | InputError), done.output
        assert message in str(done.exception)
    assert (folder / "mine.png").is_file()
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        find("digits").build(
            SimOptions(net="digits", model=tmp_path / "bad.safetensors"), lambda text: None
        )
