"""The command line: what it imports, what it lists, and how it reads make's variables."""

from __future__ import annotations

import inspect
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from golden.config import ConfigError
from tb.cli import COMMANDS, app, load, summary
from tb.flows.fuzz.options import FuzzOptions
from tb.flows.sim.options import SimOptions
from tb.flows.variables import read_options, variables

HEAVY = (
    *("torch", "numba", "matplotlib", "skimage", "scipy", "sklearn", "supervision"),
    *("safetensors", "pandas"),
)
LISTED = """if True:
    import json, sys
    sys.argv[0] = "convpe"
    from tb.cli import main
    try:
        main()
    finally:
        print(json.dumps(sorted(sys.modules)), file=open("modules.json", "w"))
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["multiply", "1.1234", "1.1234"], 0),
        (["simm"], 2),
        (["sim", "--no-such-option"], 2),
        (["sim", "LAYRE=conv1"], 2),
        (["fuzz", "--no-such-option"], 2),
    ],
)
def test_command_imports_what_it_uses(tmp_path: Path, words: list[str], code: int) -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}
    command = [sys.executable, "-c", LISTED, *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    known = set(json.loads((tmp_path / "modules.json").read_text()))
    assert known & set(HEAVY) == set()
    if words == ["--help"]:
        assert "numpy" not in known and not any(name.startswith("tb.commands") for name in known)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_read_from_the_function(name: str) -> None:
    documentation = inspect.getdoc(load(COMMANDS[name].function)) or ""
    assert (
        summary(COMMANDS[name].function) == " ".join(documentation.split("\n\n")[0].split()) != ""
    )
    assert not COMMANDS[name].options or variables(load(COMMANDS[name].options))


def test_every_variable_is_read_from_either_form() -> None:
    words = ["LAYER=conv4", "TILES=2", "IMAGE=a=b.png", "WAVES=1", "DIAGNOSE=0", "SIZE="]
    options: dict[str, Any] = {"layer": "conv4", "tiles": "2", "image": "a=b.png", "waves": True}
    made = SimOptions(layer="conv4", tiles=2, image=Path("a=b.png"), waves=True, diagnose=False)
    assert read_options(SimOptions, {}, words) == made
    assert read_options(SimOptions, {**options, "diagnose": False, "size": ""}) == made
    assert read_options(SimOptions, {"layer": "conv4"}, ["LAYER=conv4"]).layer == "conv4"
    for options, words in (
        ({"layer": "conv1"}, ["LAYER=conv4"]),
        ({}, ["LAYER=conv1", "LAYER=conv4"]),
    ):
        with pytest.raises(ConfigError, match="LAYER=conv4: LAYER is given twice: leave one out"):
            read_options(SimOptions, options, words)


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name].options])
def test_every_flag_is_taken_as_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command, taken = COMMANDS[name], []
    flags = [each for each in variables(load(command.options)) if each.flag]
    stubs = {
        command.options: load(command.options),
        command.early: lambda options: None,
        command.function: lambda options, _: taken.append(options),
    }
    monkeypatch.setattr("tb.cli.load", stubs.__getitem__)
    for each, value in itertools.product(flags, ("0", "1")):
        app([name, f"{each.name}={value}"], standalone_mode=False)
        assert getattr(taken.pop(), each.field) == (value == "1")
    assert not taken


@pytest.mark.parametrize(
    ("kind", "word", "line"),
    [
        (
            SimOptions,
            "LAYRE=conv1",
            r"LAYRE is no variable of .*; did you mean LAYER\? make",
        ),
        (SimOptions, "layer", r"Got unexpected extra argument \(layer\)"),
        (SimOptions, "WAVES=yes", "WAVES=yes: choose 0 or 1"),
        (SimOptions, "TILES=x", "TILES=x: give an integer from 0 to 999999999"),
        (SimOptions, "layer=conv1", r"layer is no .* did you mean LAYER\? make help lists"),
        (SimOptions, "N=3", "N is no variable of this command; make help lists them"),
        (
            SimOptions,
            "BUG=rouding",
            r"BUG=rouding: did you mean rounding.*\? docs/tables",
        ),
        (SimOptions, "SIM=icaru", r"SIM=icaru: did you mean icarus\? choose verilator or icarus"),
        (FuzzOptions, "N=0", "N=0: give a number of jobs from 1 to 100000"),
        (FuzzOptions, "ARRAY=0x3", "ARRAY=0x3: give"),
    ],
)
def test_wrong_word_is_one_line(kind: type, word: str, line: str) -> None:
    with pytest.raises(ConfigError, match=f"^{line}"):
        read_options(kind, {}, [word])


def test_an_option_given_as_nothing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^MODE=: choose full"):
        read_options(SimOptions, {"mode": ""})
