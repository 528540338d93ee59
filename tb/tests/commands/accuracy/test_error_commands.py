"""The commands ``multiply``, ``errors``, ``conv-error`` and ``perturb``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.config import ConfigError, InputError
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.study.dumps.dump import Dump, write_dump
from golden.study.errors import format_errors
from tb.tests.commands.commands import results, run

SMALL = ("--size", "64", "--retune", "none")


def test_multiply_shows_the_product(tmp_path: Path) -> None:
    shown = run("multiply", "1.1234", "1.1234", "--json", tmp_path / "m.json")
    assert "0|0000001|00100000" in shown
    assert "288 x 288 = 82944 = 0x00014400; in real numbers 1.26202756" in shown
    assert "[00000000]0|0000001|01000100[00000000]" in shown
    made = results(tmp_path / "m.json")
    assert [one["integer"] for one in made["modes"]] == [324, 324, 324]
    assert "wraps" not in shown
    assert "saturates" not in shown


def test_multiply_says_what_wraps_and_what_saturates() -> None:
    shown = run("multiply", "0x3DC3", "0x3DC3")
    assert "0x0EE68289" in shown
    assert "-6526  0xE682" in shown
    for line in ("cut_floor wraps", "cut_round wraps", "full saturates"):
        assert line in shown
    assert "operand 300 is beyond Q7.8" in run("multiply", "300", "0.01")


@pytest.mark.parametrize("words", [("-1.5", "2"), ("--", "-1.5", "2"), ("2", "-1.5")])
def test_multiply_takes_negative_numbers(words: tuple[str, ...]) -> None:
    assert "= -196608 = 0xFFFD0000; in real numbers -3" in run("multiply", *words)


def test_what_is_no_operand_ends_with_code_2() -> None:
    words = ["-c", "from tb.cli import main; main()", "multiply", "1", "two"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("convpe: operand 'two' is no number: give one such as -1.5")
    assert done.stderr.count("\n") == 1


def test_errors_of_two_dumps(tmp_path: Path) -> None:
    real = np.linspace(-1, 1, 24).reshape(2, 3, 4)
    ints = np.rint(real * 256).astype(np.int16)
    write_dump(tmp_path / "a.npz", Dump({"conv1": real, "same": real, "gone": real}))
    np.savez(tmp_path / "b.npz", conv1=ints / 256, same=real)
    words = ("--json", tmp_path / "e.json", "--plots", tmp_path / "plots")
    shown = run("errors", tmp_path / "a.npz", tmp_path / "b.npz", *words)
    assert f"only in {tmp_path / 'a.npz'}: gone" in shown
    assert "exact" in shown
    made = results(tmp_path / "e.json")
    assert [layer["name"] for layer in made["layers"]] == ["conv1", "same"]
    assert made["layers"][1]["sqnr_db"] is None
    assert abs(made["layers"][0]["max"]) <= 1 / 512
    assert made["only_reference"] == ["gone"]
    assert (tmp_path / "plots" / "errors.png").is_file()


def test_errors_of_a_run(official: ModelFiles, tmp_path: Path) -> None:
    shown = run("errors", *SMALL, "--format", "q7.8", "--json", tmp_path / "e.json")
    assert "q7.8 full, 16 bits" in shown
    made = results(tmp_path / "e.json")
    assert made["pictures"] == {"kind": "picture", "count": 1, "unreadable": {}}
    assert made["retune_sha256"] == {"1/8": None}
    (only,) = made["runs"]
    assert only["slope"] == "1/8"
    heads = [layer for layer in only["layers"] if layer["name"].startswith("pred")]
    assert all(15 < layer["sqnr_db"] < 45 for layer in heads)


def test_errors_of_every_format(
    official: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = {name: made for name, made in format_errors.HEADLINE.items() if "q7.8" in name}
    monkeypatch.setattr(format_errors, "HEADLINE", fast)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"not a picture")
    from PIL import Image

    Image.new("RGB", (64, 48), (200, 30, 90)).save(folder / "plain.png")
    words = ("--all", "--slope", "13/128", "--images", folder, "--plots", tmp_path)
    shown = run("errors", *SMALL, *words, "--json", tmp_path / "e.json")
    assert "skipped broken.png" in shown
    made = results(tmp_path / "e.json")
    assert [one["mode"] for one in made["runs"]] == ["cut_floor", "cut_round", "full"]
    assert {one["slope"] for one in made["runs"]} == {"13/128"}
    assert made["pictures"]["count"] == 1
    assert (tmp_path / "errors_13_128.png").is_file()


def test_conv_error(tmp_path: Path) -> None:
    words = ("--in-channels", "8", "--size", "9", "--draws", "2", "--plots", tmp_path)
    shown = run("conv-error", *words, "--json", tmp_path / "c.json")
    assert "8 x 9 x 9 to 16 channels, kernel 3 x 3, 72 products a sum; draws: 2" in shown
    made = results(tmp_path / "c.json")
    assert [one["name"] for one in made["modes"]] == ["cut_floor", "cut_round", "full"]
    assert made["modes"][0]["count"] == 2 * 16 * 81
    assert (tmp_path / "conv_error.png").is_file()


@pytest.mark.parametrize("more", [(), ("--bit-true", "--format", "q7.8")])
def test_perturb(official: ModelFiles, more: tuple[str, ...], tmp_path: Path) -> None:
    words = ("--layer", "conv2", "--layer", "conv5", "--two-sided", "--draws", "2")
    shown = run("perturb", *SMALL, *words, *more, "--json", tmp_path / "p.json")
    assert "noise from -0.05 to 0.05, draws: 2" in shown
    made = results(tmp_path / "p.json")
    assert made["network"] == ("integer" if more else "float")
    assert [one["name"] for one in made["layers"] if one["disturbed"]] == ["conv2", "conv5"]
    layers = {one["name"]: one for one in made["layers"]}
    assert layers["pool1"]["rms"]["mean"] == 0
    assert layers["pred_1"]["rms"]["margin_95"] > 0


def test_perturb_disturbs_every_convolution_unless_told(
    official: ModelFiles, tmp_path: Path
) -> None:
    run("perturb", *SMALL, "--draws", "1", "--json", tmp_path / "p.json")
    made = results(tmp_path / "p.json")
    assert len(made["noise"]["layers"]) == 13
    assert made["layers"][-1]["rms"]["margin_95"] is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("errors", "a.npz"), "give two dumps to compare"),
        (("errors", "a.npz", "b.npz", "--all"), "give two dumps to compare"),
        (("errors", "no.npz", "b.npz"), "no.npz: no such file"),
        (("errors", "--image", "a.png", "--views", "3"), "give one of --image"),
        (("errors", "--mode", "cut_floor"), "mode cut_floor .* choose that format"),
        (
            ("perturb", "--layer", "conv99"),
            "no layer conv99: did you mean conv7, ",
        ),
        (("perturb", "--amplitude", "0"), "amplitude 0.0: give a number above 0"),
        (("perturb", "--fit", "x"), "fit x: choose letterbox or plain"),
        (("conv-error", "--kernel", "4"), "kernel 4: choose 1, 3, 5 or 7"),
    ],
)
def test_refuses_in_one_line(words: tuple[str, ...], line: str) -> None:
    with pytest.raises((ConfigError, InputError), match=line) as caught:
        run(*words)
    assert "\n" not in str(caught.value)
