"""``convpe facenet``: six formats on a checkpoint, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from golden.config import ConfigError, InputError
from golden.tests.networks.facenet import facenet_narrow
from tb.cli import app
from tb.tests.commands.commands import results, run

CHECKPOINT = facenet_narrow.FOLDER / "narrow.ckpt-1"


def test_six_formats_are_compared(tmp_path: Path) -> None:
    words = ("--model", CHECKPOINT, "--size", 80, "--views", 1, "--blocks")
    printed = run("facenet", *words, "--json", tmp_path / "f.json")
    assert "W16A16" in printed and "Repeat_1.block17_10" in printed
    for part in ("weights", "stem", "block35", "Mixed_6a", "block17", "block8", "logits"):
        assert part in printed
    document = results(tmp_path / "f.json")
    assert document["model"] == {"file": str(CHECKPOINT), "seed": None}
    assert document["pictures"]["count"] == 1
    formats = {each["name"]: each for each in document["formats"]}
    assert len(formats) == 6
    assert min(formats["W16A16"]["cosines"]) > 0.9999 > min(formats["W8A8"]["cosines"])
    noise = {name: each["weights_sqnr_db"]["Bottleneck"] for name, each in formats.items()}
    assert noise["W16A16"] > noise["W8A16"] > noise["SM8 reference, best n"]
    assert {block["name"] for block in formats["W8A8"]["blocks"]} >= {"stem", "Bottleneck"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--size", "74"), "SIZE=74: FaceNet takes 75 to 1023"),
        (("--model", "none.pth"), "none.pth does not exist"),
        (("--model", str(CHECKPOINT), "--image", "none.png"), "none.png: no such picture"),
    ],
)
def test_what_is_wrong_is_named(words: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(app, ["facenet", *words])
    assert isinstance(done.exception, InputError | ConfigError), done.output
    assert message in str(done.exception)
