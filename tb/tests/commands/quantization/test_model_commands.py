"""``convpe model``, ``fuse`` and ``quantize``: what they say, write and refuse."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError
from golden.export.reader import read_integers
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from golden.networks.yolov3_tiny.files.reading import read_convs, read_stored
from golden.tests.networks.yolov3_tiny import checkpoints
from tb.cli import app
from tb.flows.sim import command
from tb.flows.sim.options import SimOptions
from tb.tests.commands.commands import run

CONVPE = "import sys; from tb.cli import main; sys.argv[0] = 'convpe'; main()"
ON_NOTHING_BIG = ("--size", "32")


def refusal(*words: object) -> str:
    """Run a command that has to be refused, and return the one line."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, InputError | ConfigError), done.output
    return str(done.exception)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    state = checkpoints.tensors(checkpoints.stored(normalised=True))
    return checkpoints.write(tmp_path / "mine.pth", state)


def test_model_shows_modules_shapes_and_macs(official: ModelFiles, tmp_path: Path) -> None:
    printed = run("model", "--json", tmp_path / "m.json")
    assert printed.startswith("YOLOv3_tiny_quantize_bnfuse(")
    assert "80 classes; conv_set_2 1x1; 11 batch normalisations" in printed
    assert "354 MMAC of them, 11.5%, multiply the zeros" in printed
    document = json.loads((tmp_path / "m.json").read_text())
    assert document["macs"] == 3_090_174_464
    assert document["model"]["order"][-1] == "pred_1" and document["model"]["official"]
    conv5 = next(node for node in document["nodes"] if node["name"] == "conv5")
    assert conv5 == {
        "name": "conv5",
        "kind": "conv",
        "kernel": 3,
        "inputs": [[128, 26, 26]],
        "output": [256, 26, 26],
        "parameters": 256 * (128 * 9 + 1),
        "macs": 256 * 128 * 9 * 26 * 26,
        "macs_on_zero_weights": 0,
    }
    assert document["parameters"] == sum(node["parameters"] for node in document["nodes"])


def test_model_shows_what_trackers_learnt(tmp_path: Path) -> None:
    state = checkpoints.tensors(checkpoints.stored())
    for name, value in (("min_val", -3.5), ("max_val", 5.25), ("first_a", 1.0)):
        state[f"a_tracker7.{name}"] = torch.tensor([value])
    path = checkpoints.write(tmp_path / "x.safetensors", state)
    printed = run("model", path, "--no-tree", *ON_NOTHING_BIG)
    assert "YOLOv3_tiny" not in printed and "batch normalisation is folded" in printed
    assert "a_tracker7" in printed and "-3.5" in printed and "5.25" in printed
    assert "multiply the zeros" not in printed


def test_fuse_reports_every_layer_and_saves(checkpoint: Path, tmp_path: Path) -> None:
    out, document = tmp_path / "folded.safetensors", tmp_path / "f.json"
    printed = run("fuse", checkpoint, *ON_NOTHING_BIG, "--out", out, "--json", document)
    assert "pred_1 (none to fold)" in printed and f"wrote {out}" in printed.replace("\n", "")
    layers = json.loads(document.read_text())["layers"]
    assert len(layers) == 13 and all(0 < layer["float64"] < 1e-10 for layer in layers)
    assert max(layer["float32"] for layer in layers) > 1e-8
    wanted = read_convs(model_files(checkpoint), NumericOptions(), None)
    for name, conv in read_stored(model_files(out)).items():
        assert conv.norm is None
        assert np.array_equal(conv.weight, wanted[name].weight.astype(np.float32))


def test_quantize_writes_every_form(checkpoint: Path, tmp_path: Path) -> None:
    out, results = tmp_path / "out", tmp_path / "q.json"
    words = ("--format", "q7.8", "--rounding", "floor", *ON_NOTHING_BIG, "--json", results)
    printed = run("quantize", checkpoint, "--out", out, *words)
    assert "read back, every number is equal" in printed
    assert "conv_set_2" in printed and "cut (floor)" in printed
    assert sorted(path.name for path in out.iterdir()) == [
        *("hex", "integers.bin", "manifest.json", "mine.pth")
    ]
    integers = read_integers(out)
    saved = read_convs(model_files(out / "mine.pth"), NumericOptions(), None)
    source = read_convs(model_files(checkpoint), NumericOptions(), None)
    for layer in integers.network.convs():
        real = source[layer.name].weight
        assert np.array_equal(layer.weight, np.clip(np.floor(real * 256), -32768, 32767))
        assert np.array_equal(layer.weight / 256, saved[layer.name].weight)
        first = (out / "hex" / f"{layer.name}.weight.hex").read_text().split("\n")[1]
        assert int(first, 16) == int(layer.weight.flat[0]) % 65536
    assert list(torch.load(out / "mine.pth", weights_only=True)) == list(
        torch.load(checkpoint, weights_only=True)
    )
    assert integers.image is not None and integers.image.max() <= 256
    document = json.loads(results.read_text())
    assert document["fraction_bits"]["conv1.weight"] == 8
    errors = document["weights"][0]["errors"]
    assert errors["floor"]["largest"] > errors["round_half_to_even"]["largest"] > 0
    assert document["picture"]["errors"]["floor"]["largest"] < 1 / 256


def test_darknet_in_darknet_out(official: ModelFiles, tmp_path: Path) -> None:
    run(
        "quantize",
        "--out",
        tmp_path,
        "--no-hex",
        "--act-bits",
        8,
        "--weight-bits",
        8,
        "--by",
        "mse",
        "--fraction",
        "conv1.weight=3",
        *ON_NOTHING_BIG,
    )
    again = tmp_path / "yolov3-tiny.weights"
    assert again.stat().st_size == official.weights.stat().st_size
    conv1 = read_convs(model_files(again), NumericOptions(), None)["conv1"].weight
    assert np.array_equal(conv1 * 8, np.rint(conv1 * 8)) and np.abs(conv1 * 8).max() <= 128
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["fraction_bits"]["conv1.weight"] == 3
    assert manifest["source"]["sha256"] == official.sha256
    assert manifest["rule"] == "mse" and manifest["tensors"][1]["type"] == "int8"
    # What was chosen can be given again.
    other = tmp_path / "again"
    run(
        "quantize",
        "--out",
        other,
        "--no-hex",
        "--act-bits",
        8,
        "--weight-bits",
        8,
        "--fractions",
        tmp_path / "manifest.json",
        *ON_NOTHING_BIG,
    )
    assert (other / "integers.bin").read_bytes() == (tmp_path / "integers.bin").read_bytes()


Spoil = Callable[[Path], object]


@pytest.mark.parametrize("command", ["model", "fuse", "quantize"])
def test_a_bad_model_is_one_line(command: str, checkpoint: Path, tmp_path: Path) -> None:
    words: tuple[Any, ...] = (*ON_NOTHING_BIG,)
    assert "none.pth does not exist; give a" in refusal(command, tmp_path / "none.pth", *words)
    other = checkpoints.write(tmp_path / "other.pth", torch.nn.Linear(2, 2).state_dict())
    assert "a checkpoint of another network" in refusal(command, other, *words)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    assert "mine.pth: not a torch file, or a damaged" in refusal(command, checkpoint, *words)
    assert "SIZE=33" in refusal(command, "--size", 33)


def test_quantize_refuses_what_makes_no_sense(checkpoint: Path, tmp_path: Path) -> None:
    def printed(*words: object) -> str:
        return refusal("quantize", checkpoint, "--out", tmp_path / "o", *ON_NOTHING_BIG, *words)

    source = checkpoint.read_bytes()
    assert "is the source itself" in printed("--out", tmp_path)
    assert "give tensor=bits" in printed("--fraction", "conv1")
    assert "no such tensor" in printed("--fraction", "conv77.weight=8")
    assert "q7.8 is 16 bits wide" in printed("--format", "q7.8", "--act-bits", 8)
    assert "mode cut_floor is defined for format q7.8 only" in printed("--mode", "cut_floor")
    assert "none.json: cannot be read" in printed("--fractions", tmp_path / "none.json")
    assert "no such picture" in printed("--image", tmp_path / "none.png")
    assert "fit wide" in printed("--fit", "wide")
    assert not (tmp_path / "o").exists() and checkpoint.read_bytes() == source


def test_fuse_refuses_to_write_elsewhere(checkpoint: Path, tmp_path: Path) -> None:
    for target, message in (
        (checkpoint, "is the source itself"),
        (tmp_path / "x.weights", "a folded model is written as .pth, .pt, .safetensors"),
    ):
        assert message in refusal("fuse", checkpoint, "--out", target, *ON_NOTHING_BIG)


def test_a_full_disk_leaves_what_was_there(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("mine.pth", "manifest.json"):
        (out / name).write_bytes(b"old")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    words = ["quantize", str(checkpoint), "--out", str(out), *ON_NOTHING_BIG]
    done = subprocess.run(
        [sys.executable, "-c", CONVPE, *words],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=small_files,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "File too large" in done.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "mine.pth": b"old",
        "manifest.json": b"old",
    }


def simulated(base: Path, model: Path, size: int = 32) -> dict[str, Any]:
    """The report of ``make sim LAYER=conv1`` with a model."""
    options = SimOptions(layer="conv1", array="4x4", model=model, size=size)
    command.simulate(options, Console(file=io.StringIO(), width=80), base)
    report: dict[str, Any] = json.loads((base / "report.json").read_text())
    return report


def test_a_simulation_names_what_is_wrong_with_a_checkpoint(
    checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    del state["conv2.convs.1.running_var"]
    checkpoints.write(checkpoint, state)
    failure = simulated(tmp_path / "sim", checkpoint)["failure"]
    assert failure["kind"] == "setup"
    assert failure["message"] == f"{checkpoint}: missing: conv2.convs.1.running_var"


@pytest.mark.slow
def test_every_form_of_a_model_is_simulated(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folded = tmp_path / "folded.safetensors"
    run("quantize", checkpoint, "--out", out, "--no-hex", *ON_NOTHING_BIG)
    run("fuse", checkpoint, "--out", folded, *ON_NOTHING_BIG)
    models = (checkpoint, folded, out / "mine.pth", out / "manifest.json")
    for number, model in enumerate(models):
        report = simulated(tmp_path / f"sim{number}", model)
        assert report["passed"], report["failure"]
        assert report["layers"][0]["values_compared"] == 16 * 32 * 32
    report = simulated(tmp_path / "sim", out / "manifest.json", 64)
    assert "made with size 32, not 64: choose that" in report["failure"]["message"]
