"""``convpe inspect``: trees of modules and tensors, their sums, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from typer.testing import CliRunner

from golden.config import ConfigError, InputError
from golden.networks.facenet.files import tensors_of
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.study.parameters.modules import Module
from golden.tests.networks.facenet import facenet_narrow
from golden.tests.networks.facenet.facenets import narrow_network
from golden.tests.networks.yolov3_tiny import checkpoints
from tb.cli import app
from tb.commands.inspection.inspect_tables import Branch
from tb.tests.commands.commands import results, run

CHECKPOINT = facenet_narrow.FOLDER / "narrow.ckpt-1"


def refusal(*words: object) -> str:
    done = CliRunner().invoke(app, ["inspect", *(str(word) for word in words)])
    assert isinstance(done.exception, InputError | ConfigError), done.output
    return str(done.exception)


def cells(output: str, name: str) -> list[str]:
    """The words of the first row of that name, without the tree's lines."""
    rows = [line.replace("│", " ").split() for line in output.splitlines()]
    return next(row for row in ([w for w in r if w not in "├─└─"] for r in rows) if name in row[:1])


@pytest.fixture
def safetensors(tmp_path: Path) -> Path:
    network, path = narrow_network(), tmp_path / "face.safetensors"
    state = tensors_of(network.graph, network.convs, "torch")
    numbers = {name: x.astype(np.float32) for name, x in state.items()}
    save_file({**numbers, "logits.weight": np.zeros((7, 10), np.float32)}, path)
    return path


def test_facenet_shows_every_module(tmp_path: Path) -> None:
    output = run("inspect", "facenet", "--json", tmp_path / "f.json")
    assert "132 convolutions, 1 fully connected; 23,467,824 parameters, 1.418 GMAC" in output
    assert cells(output, "Conv2d_0b_1x7")[1:] == [
        "conv",
        "1x7",
        "same",
        "128x8x8",
        "114,816",
        "7.34",
    ]
    assert cells(output, "Conv2d_1a_3x3")[1:4] == ["conv", "3x3/2", "valid"]
    assert cells(output, "Repeat_1")[1:] == ["896x8x8", "6,895,360", "440.40"]
    document = results(tmp_path / "f.json")
    assert (document["convolutions"], document["macs"]) == (132, 1_417_662_304)
    assert len(document["modules"]) == 181 and document["tensors"] == []
    up = next(m for m in document["modules"] if m["name"] == "Repeat_1.block17_10.Conv2d_1x1")
    assert (up["scale"], up["kernel"], up["inputs"]) == (0.1, [1, 1], [[256, 8, 8]])
    assert sum(module["parameters"] for module in document["modules"]) == 23_467_824


def test_depth_size_and_embedding_are_heeded(tmp_path: Path) -> None:
    output = run("inspect", "facenet", "--depth", 1, "--size", 96, "--embedding", 128)
    assert "facenet at 96x96" in output and "block35_1" not in output
    assert cells(output, "Bottleneck")[1:3] == ["fc", "128x1x1"]
    assert len(run("inspect", "facenet", "--depth", 2).splitlines()) < 60


def test_yolov3_tiny_needs_no_file(tmp_path: Path) -> None:
    output = run("inspect", "yolov3-tiny", "--json", tmp_path / "y.json")
    assert "13 convolutions, 0 fully connected; 10,807,734 parameters, 3.090 GMAC" in output
    assert results(tmp_path / "y.json")["macs"] == 3_090_174_464
    assert cells(output, "pool6")[1:] == ["pool", "2x2", "same", "512x13x13"]


def test_a_tensorflow_checkpoint_shows_tensors_network_and_leftovers(tmp_path: Path) -> None:
    output = run("inspect", CHECKPOINT, "--size", 96, "--json", tmp_path / "c.json")
    assert (
        "495 tensors" in output
        and "132 convolutions, 1 fully connected; 93,819 parameters" in output
    )
    assert cells(output, "moving_variance")[1:] == ["12", "float32", "12", "48"]
    assert "no part of the network, kept: " in output and "global_step" in output
    document = results(tmp_path / "c.json")
    assert len(document["tensors"]) == 495 and "Logits/weights" in document["unknown"]
    assert document["size"] == 96 and document["network"] == "facenet"


def test_a_state_dict_shows_its_own_widths(safetensors: Path) -> None:
    output = run("inspect", safetensors, "--depth", 1)
    assert cells(output, "Bottleneck")[1:3] == ["fc", "10x1x1"]
    assert "no part of the network, kept: logits.weight" in output
    assert cells(output, "last_linear")[-1].replace(",", "").isdigit()


def test_a_yolo_checkpoint_is_found(tmp_path: Path) -> None:
    state = checkpoints.tensors(checkpoints.stored(normalised=True))
    output = run("inspect", checkpoints.write(tmp_path / "mine.pth", state), "--size", 64)
    assert "yolov3-tiny at 64x64" in output and "13 convolutions" in output


def test_the_official_file_shows_its_own_heads(official: ModelFiles) -> None:
    output = run("inspect", official.weights, "--depth", 1)
    assert "59 tensors, 35.43 MB" in output
    assert "255x26x26" in output
    modules = output[output.index("yolov3-tiny at 416x416") :]
    assert cells(modules, "conv_set_2")[1:4] == ["conv", "1x1", "256x13x13"]


def test_other_tensors_are_shown_without_a_network(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"a.b": torch.zeros(2, 3, dtype=torch.bfloat16), "a.c": torch.tensor(7)}, path)
    output = run("inspect", path, "--json", tmp_path / "o.json")
    assert cells(output, "a")[1:] == ["7", "32"] and cells(output, "c")[1:3] == [
        "scalar",
        "int64",
    ]
    assert "neither FaceNet nor YOLOv3-tiny is in it" in output
    assert results(tmp_path / "o.json")["network"] is None


def test_what_is_wrong_is_named(safetensors: Path, tmp_path: Path) -> None:
    assert refusal("facenet", "--size", 74).startswith("SIZE=74: FaceNet takes 75")
    assert refusal("yolov3-tiny", "--size", 100).startswith("SIZE=100: give a multiple of 32")
    assert "none.pth: no such file; choose facenet or yolov3-tiny, or give" in refusal(
        tmp_path / "none.pth"
    )
    assert "facnet: no such file; did you mean facenet?" in refusal("facnet")
    network = narrow_network()
    state = tensors_of(network.graph, network.convs, "torch")
    name = "block8.branch0.bn.bias"
    save_file({key: x for key, x in state.items() if key != name}, safetensors)
    assert refusal(safetensors) == f"{safetensors}: {name} is missing"


def test_a_name_that_is_both_tensor_and_folder_keeps_both() -> None:
    shape = (1, 1, 1)
    tree = Branch("root")
    tree.put(["a"], Module(name="a", kind="conv", inputs=(shape,), output=shape))
    tree.put(["a", "b"], Module(name="a.b", kind="conv", inputs=(shape,), output=shape))
    assert [leaf.name for leaf in tree.leaves()] == ["a", "a.b"]
