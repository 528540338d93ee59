"""The commands ``preprocess`` and ``distributions``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from golden.config import ConfigError, InputError
from golden.vision.images import default_image
from tb.cli import app
from tb.tests.commands.commands import results, run

SMALL = ("--size", "64", "--retune", "none")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of two good pictures, two bad ones and one that is none."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    with Image.open(default_image()) as image:
        image.save(folder / "a.png")
        image.convert("L").resize((1, 1)).save(folder / "b.png")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:5000])
    (folder / "text.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def test_preprocess_shows_integers_hex_and_real_values(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    Image.new("RGB", (9, 9), (255, 51, 0)).save(path)
    words = ("--size", "32", "--format", "q7.8", "--show", "3,4,2", "--json", tmp_path / "p.json")
    shown = run("preprocess", path, *words)
    assert "   row 3     256    256 | 0100 0100 | 1.00000 1.00000" in shown
    assert "   row 4      51     51 | 0033 0033 | 0.19922 0.19922" in shown
    assert "saturated 0 of 3,072" in shown
    made = results(tmp_path / "p.json")
    assert made["channels"]["green"]["max"] == 51 / 256
    assert (made["frac"], made["bits"], made["shape"]) == (8, 16, [3, 32, 32])
    assert made["sha256"][:16] in shown


def test_preprocess_writes_what_is_asked_for_and_leaves_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 20), (1, 2, 3)).save(path)
    before = path.read_bytes()
    run("preprocess", path, "--size", "32", "--bits", "8", "--raw", tmp_path / "out" / "a.bin")
    ints = np.fromfile(tmp_path / "out" / "a.bin", np.int8).reshape(3, 32, 32)
    assert ints[:, 0, 0].tolist() == [32, 32, 32], "grey above the letterboxed picture"
    with pytest.raises(InputError, match="is the picture that is read"):
        run("preprocess", path, "--png", path)
    with pytest.raises(ConfigError, match="call it"):
        run("preprocess", path, "--raw", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nosuch.png",), "nosuch.png: no such picture"),
        (("--size", "100"), "SIZE=100: give a multiple of 32"),
        (("--fit", "crop"), "fit crop: choose letterbox or plain"),
        (("--show", "9"), "give ROW,COLUMN,N"),
        (("--format", "q7.8", "--bits", "8"), "16 bits wide"),
    ],
)
def test_bad_choices_are_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises((ConfigError, InputError), match=message) as caught:
        run("preprocess", *words)
    assert "\n" not in str(caught.value)


def test_bad_picture_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    words = ["-c", "from tb.cli import main; main()", "preprocess", str(tmp_path / "a.png")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stdout == ""
    line = f"{tmp_path}/a.png: not a picture that Pillow can read; this is a text file"
    assert done.stderr == f"convpe: {line}\n"


@pytest.mark.usefixtures("official")
def test_distributions_skip_name_and_count_what_is_unreadable(mixed: Path, tmp_path: Path) -> None:
    shown = run("distributions", "--images", mixed, *SMALL, "--json", tmp_path / "d.json")
    assert "2 pictures in" in shown and "2 skipped" in shown
    assert "skipped cut.png" in shown and "skipped text.jpg" in shown
    assert "shipped photographs" not in shown
    assert "the source: -16 to +19 over 100 pictures" in shown
    made = results(tmp_path / "d.json")
    assert made["pictures"]["count"] == 2
    assert set(made["pictures"]["unreadable"]) == {"cut.png", "text.jpg"}
    assert set(made["weights"]) == {
        layer["name"]
        for layer in made["layers"]
        if layer["name"].startswith(("conv", "pred", "ex"))
    }
    conv1, image = made["tensors"]["conv1"], made["tensors"]["image"]
    assert image["count"] == 2 * 3 * 64 * 64 and conv1["count"] == 2 * 16 * 64 * 64
    assert conv1["min"] <= conv1["percentiles"]["0.01"] <= conv1["mean"] <= conv1["max"]
    octaves = conv1["octaves"]
    counted = [*octaves["negative"].values(), *octaves["positive"].values(), octaves["zero"]]
    assert sum(counted) == conv1["count"]
    assert made["range"]["high"]["value"] == max(t["max"] for t in made["tensors"].values())
    assert made["range"]["high"]["picture"] in ("a.png", "b.png")
    stages = made["weights"]["conv3"]
    assert set(stages) == {"before_folding", "after_folding", "q7.8", "per_layer", "formats"}
    assert stages["formats"]["q7.8"]["rounded_to_zero"] > 0.01
    assert made["bit_true"] is None


@pytest.mark.usefixtures("official")
def test_distributions_of_views_say_so_and_run_the_integers_too(tmp_path: Path) -> None:
    words = ("--views", "2", "--bit-true", "q7.8", "--mode", "cut_round", *SMALL)
    shown = run("distributions", *words, "--json", tmp_path / "d.json")
    assert "no folder of pictures given: 2 seeded crops and flips of shipped photographs" in shown
    made = results(tmp_path / "d.json")
    assert made["pictures"]["kind"] == "views"
    exact = made["bit_true"]
    assert (exact["format"], exact["mode"]) == ("q7.8", "cut_round")
    for name, tensor in exact["tensors"].items():
        assert tensor["count"] == made["tensors"][name]["count"]
        assert tensor["min"] * 256 == round(tensor["min"] * 256)
    assert exact["tensors"]["conv1"]["at_a_rail"] == 0
    assert exact["tensors"]["conv1"]["mean"] == pytest.approx(
        made["tensors"]["conv1"]["mean"], abs=0.02
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mode", "cut_round"), "give --bit-true q7.8 too"),
        (("--bit-true", "per_layer", "--mode", "cut_floor"), "defined for format q7.8 only"),
    ],
)
def test_modes_without_their_format_are_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run("distributions", "--views", "1", *words)


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture is in this folder"):
        run("distributions", "--images", tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: a file; give the folder"):
        run("distributions", "--images", tmp_path / "a.png")


@pytest.mark.usefixtures("official")
def test_folder_of_bad_pictures_alone_leaves_no_results(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of 1 pictures can be read"):
        run("distributions", "--images", tmp_path, *SMALL, "--json", tmp_path / "d.json")
    assert not (tmp_path / "d.json").exists()


@pytest.mark.usefixtures("official")
def test_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("golden.study.distributions.collect.add_float", interrupt)
    words = ("--views", "1", *SMALL, "--json", tmp_path / "d.json", "--plots", tmp_path / "plots")
    done = CliRunner().invoke(app, ["distributions", *map(str, words)])
    assert done.exit_code == 130, done.output
    assert list(tmp_path.iterdir()) == []
