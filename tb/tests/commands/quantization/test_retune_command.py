"""The command ``convpe retune``, and the patch in ``make sim``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from golden.config import ConfigError, InputError
from golden.files import sha256_of
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.retune_patch import SHIPPED, Patch, read_patch, write_patch
from golden.vision.images import shipped
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import prepare
from tb.tests.commands.commands import results, run
from tb.toolchain.build import ROOT

SMALL = ("--size", "64", "--views", "3", "--judge-views", "2")
STEPS = ("--method", "distil", "--steps", "3", "--batch", "1")
CONVPE = (sys.executable, "-c", "from tb.cli import main; main()")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small pictures, and a damaged one."""
    made = tmp_path_factory.mktemp("pictures")
    for name in ("color.png", "cell.png"):
        (made / name).write_bytes(shipped(name).read_bytes())
    (made / "torn.png").write_bytes(shipped("color.png").read_bytes()[:99])
    return made


def test_closed_form_writes_a_patch_with_its_provenance(
    official: ModelFiles, folder: Path, tmp_path: Path
) -> None:
    patch, found = tmp_path / "patch.safetensors", tmp_path / "new" / "r.json"
    output = run("retune", *SMALL, "--images", folder, "--out", patch, "--json", found)
    about, made = read_patch(patch).about, results(found)
    assert about["weights_sha256"] == made["weights_sha256"] == official.sha256
    assert about["tuned_on"]["files"] == ["cell.png", "color.png"]
    assert about["method"] == "closed form"
    assert [one["name"] for one in made["results"]] == ["untuned", "closed form"]
    untuned, closed = made["results"]
    assert (untuned["numbers_tuned"], closed["numbers_tuned"]) == (0, 7388)
    assert closed["head_snr_db"] > untuned["head_snr_db"]
    assert made["file"]["sha256"] == sha256_of(patch)
    assert list(made["unreadable"]) == ["torn.png"]
    for words in ("skipped torn.png", "none of them tuned on", f"make sim RETUNE={patch}"):
        assert words in output


def test_distilling_writes_patch_losses_and_plot(
    official: ModelFiles, folder: Path, tmp_path: Path
) -> None:
    patch, found = tmp_path / "patch.safetensors", tmp_path / "r.json"
    words = (*SMALL, *STEPS, "--images", folder, "--out", patch, "--json", found)
    output = run("retune", *words, "--plots", tmp_path / "plots")
    made = results(found)
    assert len(made["distillation"]["losses"]) == made["distillation"]["steps"] == 3
    assert [one["name"] for one in made["results"]][2] == "scale and bias, distilled"
    assert read_patch(patch).about["distillation"]["steps"] == 3
    assert (tmp_path / "plots" / "retune-loss.png").read_bytes().startswith(b"\x89PNG")
    assert not patch.with_suffix(".checkpoint").exists()
    shown = [line for line in output.splitlines() if "/" not in line]
    assert len(shown) > 5 and max(map(len, shown)) <= 110


def test_an_interrupted_distillation_goes_on_from_its_checkpoint(
    official: ModelFiles, folder: Path, tmp_path: Path
) -> None:
    patch = tmp_path / "patch.safetensors"
    kept = patch.with_suffix(".checkpoint")
    options = ["retune", *SMALL, "--method", "distil", "--batch", "1", "--images", str(folder)]
    options += ["--out", str(patch)]
    asked = subprocess.Popen(
        [*CONVPE, *options, "--minutes", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    for _ in range(600):
        if kept.exists() or asked.poll() is not None:
            break
        time.sleep(0.1)
    asked.send_signal(signal.SIGINT)
    output, _ = asked.communicate(timeout=60)
    assert asked.returncode == 130, output
    assert f"go on with --resume {kept}" in output
    assert not patch.exists()
    with pytest.raises(InputError, match="of another run: its seed is 1, not 2"):
        run("retune", *options[1:], "--steps", "1", "--resume", kept, "--seed", "2")
    resumed = run("retune", *options[1:], "--steps", "1", "--resume", kept)
    assert "going on from step" in resumed
    assert patch.exists() and not kept.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--method", "magic"), "choose closed or distil"),
        (("--what", "everything"), "choose scale-and-bias or weights"),
        (("--what", "weights"), "the closed form tunes scale and bias alone"),
        (("--resume", "x"), "--resume is of --method distil"),
        (("--method", "distil", "--steps", "1", "--minutes", "1"), "not both"),
        (("--size", "100"), "multiple of 32"),
        (("--out", "patch.pth"), "the ending is .safetensors"),
        (("--out", str(SHIPPED)), "it would replace what others read"),
        (("--held-out", "{folder}", "--images", "{folder}"), "the network is tuned on it"),
    ],
)
def test_choices_that_cannot_be_are_one_clear_line(
    official: ModelFiles, folder: Path, words: tuple[str, ...], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        run("retune", *SMALL, *(word.format(folder=folder) for word in words))


def test_an_empty_folder_is_refused(official: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture is in this folder"):
        run("retune", *SMALL, "--images", tmp_path)


def test_sim_runs_the_patch_that_ships_or_none(official: ModelFiles) -> None:
    options = {"size": 32, "layer": "conv1", "tiles": 1, "array": "4x4"}
    tuned = prepare(SimOptions(**options), lambda _: None)  # type: ignore[arg-type]
    plain = prepare(SimOptions(**options, retune="none"), lambda _: None)  # type: ignore[arg-type]
    assert tuned.quantized.retune_sha256 == sha256_of(SHIPPED)
    assert plain.quantized.retune_sha256 is None
    one, two = (next(made.network.convs()) for made in (tuned, plain))
    assert not np.array_equal(one.weight, two.weight)
    assert SimOptions(retune="none").command() == "make sim RETUNE=none"


def test_sim_refuses_a_patch_of_other_weights(official: ModelFiles, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    known = read_patch(SHIPPED)
    write_patch(path, Patch(known.scale, known.shift, {"weights_sha256": "b" * 64, "slope": "1/8"}))
    with pytest.raises(InputError, match="belongs to weights of sha256 bbbbbbbbbbbb"):
        prepare(SimOptions(size=32, retune=str(path)), lambda _: None)
    with pytest.raises(ConfigError, match="the patch is for slope 1/8, not 13/128"):
        prepare(SimOptions(size=32, retune=str(SHIPPED), slope="13/128"), lambda _: None)
