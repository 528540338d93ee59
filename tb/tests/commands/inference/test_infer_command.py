"""The command ``infer``."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.config import ConfigError, InputError
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.graph import HEADS
from golden.study.dumps.dump import Dump, read_dump, write_dump
from tb.tests.commands.commands import results, run

SMALL = ("--size", "32", "--retune", "none")


pytestmark = pytest.mark.usefixtures("official")


@pytest.fixture(scope="module")
def whole(official: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dump and the JSON of a small run."""
    folder = tmp_path_factory.mktemp("infer")
    shown = run("infer", *SMALL, "--check", "--dump", folder / "a.npz", "--json", folder / "a.json")
    assert "torch computes the same values in all 21 layers" in shown
    assert "22 tensors in" in shown and "pred_2" in shown
    return folder


def test_every_layers_tensor_is_dumped_as_shown(whole: Path) -> None:
    dump, found = read_dump(whole / "a.npz"), results(whole / "a.json")
    assert [layer["name"] for layer in found["layers"]] == list(dump.tensors)
    assert dump.fracs == {layer["name"]: layer["frac"] for layer in found["layers"]}
    for layer in found["layers"]:
        tensor = dump.tensors[layer["name"]]
        assert tensor.dtype == np.int16 and list(tensor.shape) == layer["shape"]
        assert layer["sha256"] == hashlib.sha256(tensor.astype("<i2").tobytes()).hexdigest()
        assert (layer["saturated"] is None) == (layer["kind"] != "conv")
    assert found["options"]["mode"] == "full" and found["size"] == 32
    assert set(found["differences"].values()) == {0}
    assert dump.about["options"] == found["options"]


def test_a_part_starts_from_a_dump(whole: Path, tmp_path: Path) -> None:
    where = ("--from", "conv7", "--input", whole / "a.npz")
    run("infer", *SMALL, *where, "--dump", tmp_path / "b.npz")
    before, after = read_dump(whole / "a.npz").tensors, read_dump(tmp_path / "b.npz").tensors
    assert list(after)[:3] == ["pool6", "conv5", "conv7"] and list(after)[-1] == "pred_2"
    for name, tensor in after.items():
        np.testing.assert_array_equal(tensor, before[name])


def test_another_tensor_changes_what_follows(whole: Path, tmp_path: Path) -> None:
    dump = read_dump(whole / "a.npz")
    dump.tensors["conv_set_2"][:] //= 2
    write_dump(tmp_path / "half.npz", Dump(dump.tensors, dump.fracs))
    where = ("--from", "conv_1x1_2", "--input", tmp_path / "half.npz")
    run("infer", *SMALL, *where, "--json", tmp_path / "b.json")
    before = {layer["name"]: layer["sha256"] for layer in results(whole / "a.json")["layers"]}
    after = {layer["name"]: layer["sha256"] for layer in results(tmp_path / "b.json")["layers"]}
    assert before["conv5"] == after["conv5"]
    assert all(before[head] != after[head] for head in HEADS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mode", "cut_floor"], "mode cut_floor is defined for format q7.8 only"),
        (["--mode", "cut_round"], "mode cut_round is defined for format q7.8 only"),
        (["--format", "q7.8", "--act-bits", "8"], "format q7.8 is 16 bits wide, not 8x16"),
        (
            ["--format", "q7.8", "--mode", "cut_floor", "--weight-bits", "8"],
            "format q7.8 is 16 bits wide, not 16x8",
        ),
        (["--act-bits", "12"], "act_w 12: choose 8 or 16"),
        (["--size", "33"], "SIZE=33"),
        (["--fit", "crop"], "fit crop: choose letterbox or plain"),
        (["--from", "conv7"], "give --from LAYER and --input DUMP together"),
        (["--input", "a.npz"], "give --from LAYER and --input DUMP together"),
        (["--from", "nix", "--input", "a.npz"], "no node nix: choose conv1, pool1"),
        (["--from", "conv2", "--input", "none.npz"], "none.npz: no such file"),
        (["--from", "conv2", "--input", "a.npz", "--image", "x.png"], "not both"),
        (["--from", "conv2", "--input", "a.npz", "--dump", "a.npz"], "the file of --input"),
        (["--dump", "a.txt"], "give a name that ends in .npz"),
        (["--image", "none.png"], "none.png: no such picture"),
    ],
)
def test_what_cannot_be_run_is_refused(words: list[str], message: str) -> None:
    with pytest.raises((ConfigError, InputError)) as caught:
        run("infer", *words, *(() if "--size" in words else SMALL))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dump_of_other_options_is_refused(whole: Path) -> None:
    where = ("--from", "conv7", "--input", whole / "a.npz", "--retune", "none")
    with pytest.raises(InputError, match=r"a\.npz: array pool6 has shape \(512, 1, 1\): the net"):
        run("infer", *where, "--size", "64")
    with pytest.raises(InputError, match=r"a\.npz: array pool6 has \d+ fraction bits: the net"):
        run("infer", *where, "--size", "32", "--format", "q7.8")


def test_a_refusal_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    script = "import sys; from tb.cli import main; sys.argv[0] = 'convpe'; main()"
    command = [sys.executable, "-c", script, "infer", "--mode", "cut_floor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("convpe: mode cut_floor")
