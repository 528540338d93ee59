"""Every failure ends with a command, and the command fails in the same way."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from golden.config import PEConfig, ProductMode
from tb.flows.fuzz.options import FuzzOptions
from tb.tests.configs import TINY, TINY_BYTES
from tb.tests.cosim.suite import Suite
from tb.tests.faults.detections import DETECTIONS
from tb.tests.replay_lines import OWN_LINE, command_of
from tb.toolchain.build import ROOT
from tb.toolchain.simulators import Simulator

RED = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no ground to stand on")

@pytest.mark.parametrize("word", ["plain", "it's two words"])
def test_of_a_word(word):
    assert word == "right", "word: " + word

def test_with_a_command():
    assert False, "conv4: channel 1\\nreplay: make sim LAYER=conv4 JOB=0 SEED=7"

def test_that_prints():
    print("replay: make fuzz N=1 SEED=9")
    print("a replay: is no command")
    assert False

def test_without_ground(broken):
    pass

def test_that_is_right():
    pass
"""


def session(folder: Path, *words: str) -> tuple[int, str]:
    """Run pytest in a folder with the plugin; its exit code and what it printed."""
    command = [sys.executable, "-m", "pytest", "-p", "tb.tests.replay_lines", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env |= {"PYTHONPATH": str(ROOT), "VERILATOR": "/opt/my v", "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.fixture
def red(tmp_path: Path) -> Path:
    (tmp_path / "test_red.py").write_text(RED)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_red_session_ends_with_its_commands(red: Path, workers: tuple[str, ...]) -> None:
    code, text = session(red, *workers)
    assert code == 1
    lines = [line for line in text.split("= replay =")[-1].splitlines() if "replay: " in line]
    start = f"replay: VERILATOR='/opt/my v' {sys.executable} -m pytest "
    tests = [line[len(start) :] for line in lines if line.startswith(start)]
    assert sorted(shlex.split(" ".join(tests))) == [
        "test_red.py::test_of_a_word[it's two words]",
        "test_red.py::test_of_a_word[plain]",
        "test_red.py::test_that_prints",
        "test_red.py::test_with_a_command",
        "test_red.py::test_without_ground",
    ]
    own = [line for line in lines if not line.startswith(start)]
    assert sorted(own) == [
        "replay: make fuzz N=1 SEED=9",
        "replay: make sim LAYER=conv4 JOB=0 SEED=7",
    ]
    assert lines.index(own[0]) + 1 == lines.index(
        next(line for line in lines if "that_prints" in line or "with_a_command" in line)
    )


def test_the_command_fails_in_the_same_way(red: Path) -> None:
    _, text = session(red, "-k", "two or ground")
    commands = [line[len("replay: ") :] for line in text.splitlines() if line.startswith("replay:")]
    assert len(commands) == 2
    messages = ("word: it's two words", "no ground to stand on")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command, message in zip(commands, messages, strict=True):
        done = subprocess.run(
            command, shell=True, cwd=red, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 1
        assert message in done.stdout
        assert "1 " in done.stdout.splitlines()[-1] and "passed" not in done.stdout


def test_a_green_session_names_no_command(red: Path) -> None:
    code, text = session(red, "-k", "right and not word")
    assert code == 0
    assert "replay" not in text


def test_only_lines_that_are_commands_are_taken() -> None:
    text = """
        assert printed[-1] == f"replay: {command}"
E   AssertionError: replay: make sim LAYER=conv4
E     replay: VERILATOR=/v .venv/bin/python -m tb.tests.cosim.suite cocotb_axi a
    replay: the same again
"""
    assert OWN_LINE.findall(text) == [
        "make sim LAYER=conv4",
        "VERILATOR=/v .venv/bin/python -m tb.tests.cosim.suite cocotb_axi a",
    ]


def test_an_interpreter_inside_the_project_is_named_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VERILATOR", raising=False)
    monkeypatch.setenv("SIM", "icarus")
    command = command_of("tb/x.py::test[a b]", Path("/p"), "/p/.venv/bin/python")
    assert command == "SIM=icarus .venv/bin/python -m pytest 'tb/x.py::test[a b]'"


@pytest.mark.parametrize(
    ("config", "rest"),
    [
        (TINY[ProductMode.FULL], ""),
        (TINY[ProductMode.CUT_FLOOR], ""),
        (TINY_BYTES, " --acc-w 32 --act-w 8 --weight-w 8"),
        (
            PEConfig(8, 2, acc_w=48, tile_pixels=64, input_words=1024),
            " --acc-w 48 --input-words 1024",
        ),
    ],
    ids=["full", "cut_floor", "8bit", "8x2"],
)
def test_a_suite_names_its_whole_design(
    config: PEConfig, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERILATOR", raising=False)
    icarus = Simulator("icarus", "12.0", Path("/usr/bin/iverilog"), None)
    command = Suite(icarus, config, "cocotb_axi", seed=3).command("agrees")
    start = ".venv/bin/python -m tb.tests.cosim.suite cocotb_axi agrees --sim icarus"
    assert command == f"{start} --array {config.array} --mode {config.mode.value} --seed 3{rest}"


def test_fuzz_names_its_whole_design(tmp_path: Path) -> None:
    assert FuzzOptions().command(jobs=1, seed=5) == "make fuzz N=1 SEED=5 ARRAY=4x4 SIM=verilator"
    assert FuzzOptions().replay_command(tmp_path) == f"make fuzz REPLAY={tmp_path} SIM=verilator"


@pytest.mark.slow
def test_a_suite_s_command_fails_in_the_same_way(simulator: Simulator, tmp_path: Path) -> None:
    broken = next(broken for broken in DETECTIONS if broken.patch.name == "lanes swapped")
    module, test = broken.test
    suite = Suite(simulator, TINY[ProductMode.FULL], module, broken.patch)
    (message,) = suite.run(tmp_path, test).values()
    told = suite.told(test, message)
    (command,) = OWN_LINE.findall(told)
    done = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(told)
    shutil.rmtree(ROOT / done.stdout.split("1 failed; their files: ")[1].strip())
    green = command.split(" --patch")[0]
    done = subprocess.run(green, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "passed\n"), done.stderr
