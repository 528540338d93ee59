"""The set-up, and the Makefile in front of it, in a copy of the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tb import bootstrap
from tb.bootstrap import SetupError
from tb.flows.sim.refusal import SCHEMA_FILE
from tb.tests.test_imports import STANDALONE

SCHEMA = json.loads(SCHEMA_FILE.read_text())
MAKEFILE = (bootstrap.ROOT / "Makefile").read_text()
PACKAGES = {
    str(folder / "__init__.py")
    for name in STANDALONE
    for folder in Path(name).parents
    if folder.name
}
COPIED = [
    *("Makefile", "pyproject.toml", "tb/flows/sim/report.schema.json"),
    *STANDALONE,
    *PACKAGES,
]
RECORDER = """#!{python}
import json, os, sys
record = {{"arguments": sys.argv[1:], "environment": dict(os.environ)}}
open("record.json", "w").write(json.dumps(record))
sys.exit(int(os.environ.get("EXIT", "0")))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy what the set-up reads into a folder of its own."""
    root = tmp_path / "tree"
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bootstrap.ROOT / name, root / name)
    return root


@pytest.fixture
def ready(tree: Path) -> Path:
    """Make the copy look set up, with a `convpe` that records how it was called."""
    folder = tree / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    (folder / "convpe").write_text(RECORDER.format(python=sys.executable))
    (folder / "convpe").chmod(0o755)
    (tree / "stubs").mkdir()
    for name in ("iverilog", "vvp"):
        (tree / "stubs" / name).symlink_to(folder / "convpe")
    code = "from tb.bootstrap import STAMP, stamp; STAMP.write_text(stamp())"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True)
    return tree


def run(root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    hidden = (*re.findall(r"^##   ([A-Z_]+) ", MAKEFILE, re.MULTILINE), "MAKEFLAGS", "MAKELEVEL")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    path = f"{root / 'stubs'}{os.pathsep}{os.environ['PATH']}"
    env |= {"PYTHON": sys.executable, "PATH": path, **environment}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=300)


def record(root: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((root / "record.json").read_text())
    return plain


def failure(root: Path) -> dict[str, Any]:
    plain = json.loads((root / "build" / "sim" / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)
    assert plain["passed"] is False
    own = root / "build" / "sim" / plain["run"] / "report.json"
    assert json.loads(own.read_text()) == plain
    found: dict[str, Any] = {**plain["failure"], "command": plain["command"]}
    return found


def test_finished_set_up_is_silent_and_quick(ready: Path) -> None:
    began = time.monotonic()
    done = run(ready, sys.executable, "-m", "tb.bootstrap")
    assert time.monotonic() - began < 1
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (ready / "build").exists()


def test_missing_programs_are_one_line_and_a_report(tree: Path) -> None:
    stale = tree / "build" / "sim" / "report.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("stale")
    (tree / "bin").mkdir()
    for name in ("make", "sh", "rm"):
        (tree / "bin" / name).symlink_to(str(shutil.which(name)))
    done = run(tree, "make", "sim", "LAYER=conv4", "IMAGE=a b.png", PATH=str(tree / "bin"))
    assert done.returncode == 2
    line = done.stderr.splitlines()[0]
    assert line == "setup: g++, perl are missing; run: sudo apt-get install g++ perl"
    assert "Traceback" not in done.stderr
    found = failure(tree)
    assert found["kind"] == "setup"
    assert found["message"] in line
    assert found["command"] == "make sim LAYER=conv4 'IMAGE=a b.png'"
    assert not (tree / ".venv").exists()


@pytest.mark.slow
def test_no_network_is_one_line_and_the_set_up_goes_on_later(tree: Path, tmp_path: Path) -> None:
    done = run(
        tree,
        "make",
        "sim",
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="1",
        HOME=str(tmp_path),
    )
    assert done.returncode == 2
    assert "pip failed: no network" in done.stderr.splitlines()[0]
    assert failure(tree)["kind"] == "setup"
    assert not (tree / ".venv" / ".convpe-ready").exists()


def test_folder_that_make_cannot_compile_in_is_refused(tree: Path) -> None:
    spaced = tree.rename(tree.with_name("a tree"))
    done = run(spaced, "make", "sim")
    assert done.returncode == 2
    assert "cannot compile in a folder with ' ' in its path" in done.stderr.splitlines()[0]
    assert failure(spaced)["kind"] == "setup"


def test_python_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "NEWEST", (3, 9))
    with pytest.raises(SetupError, match=r"3\.10 to 3\.14 are supported; .* make PYTHON="):
        bootstrap._check_python()


def test_missing_pieces_of_python_are_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_has_shared_library", lambda: False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    python = f"python3.{sys.version_info[1]}"
    assert bootstrap.missing_packages()[-2:] == [f"{python}-venv", f"lib{python}"]
    with pytest.raises(SetupError, match=f"sudo apt-get install .*{python}-venv lib{python}$"):
        bootstrap._check_machine()


def test_interruption_is_one_line_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "_set_up_once", interrupt)
    monkeypatch.setattr(bootstrap, "RUNS", tmp_path / "build" / "sim")
    assert bootstrap.main(["--report", "make", "sim"]) == 130
    assert capsys.readouterr().err.count("\n") == 1
    assert failure(tmp_path)["kind"] == "interrupted"


def test_file_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/some/.venv")

    monkeypatch.setattr(bootstrap, "_set_up_once", fail)
    assert bootstrap.main([]) == 1
    assert capsys.readouterr().err.startswith("setup: /some/.venv: Permission denied;")


@pytest.mark.parametrize(
    ("state", "kept"),
    [("unfinished", False), ("moved", False), ("no python", False), ("older", True), ("own", True)],
)
def test_environment_is_kept_only_if_it_is_whole(
    ready: Path, monkeypatch: pytest.MonkeyPatch, state: str, kept: bool
) -> None:
    venv = ready / ".venv"
    for name, value in (("VENV", venv), ("STAMP", venv / ".convpe-ready"), ("ROOT", ready)):
        monkeypatch.setattr(bootstrap, name, value)
    monkeypatch.setattr(bootstrap, "UNFINISHED", venv / ".convpe-unfinished")
    if state == "unfinished":
        bootstrap.UNFINISHED.touch()
    elif state == "moved":
        bootstrap.STAMP.write_text("root /elsewhere\npython 3.10\n")
    elif state == "no python":
        (venv / "bin" / "python").unlink()
    elif state == "older":
        bootstrap.STAMP.write_text(bootstrap._identity() + "requirements 0\n")
    else:
        bootstrap.STAMP.unlink()
    made: subprocess.CompletedProcess[str] = subprocess.CompletedProcess("", 0)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: made)
    assert not bootstrap._ready()
    bootstrap._make_venv(0)
    assert (venv / "bin" / "convpe").exists() == kept
    assert bootstrap.UNFINISHED.exists()


def test_two_set_ups_at_once_are_one(tree: Path) -> None:
    code = """if True:
        import sys, time
        from tb import bootstrap
        def set_up():
            time.sleep(0.5)
            (bootstrap.VENV / "bin").mkdir(parents=True)
            (bootstrap.VENV / "bin" / "python").symlink_to(sys.executable)
            bootstrap.STAMP.write_text(bootstrap.stamp())
            print("done")
        bootstrap._set_up = set_up
        sys.exit(bootstrap.main([]))"""
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    output = "".join(process.communicate(timeout=60)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert output.count("done") == 1


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("WARNING: Retrying after connection broken by 'X'\nERROR: none\n", "no network"),
        ("ERROR: Could not install: [Errno 28] No space left on device\n", "the disk is full"),
        ("noise\nERROR: first\nERROR: No matching distribution for x.\n", "No matching distr"),
        ("", "it gave no reason"),
    ],
)
def test_reason_of_a_failed_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, reason: str
) -> None:
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / "setup.log")
    bootstrap.LOG.write_text(log)
    assert bootstrap._last_words().startswith(reason)


def test_variables_arrive_word_for_word(ready: Path) -> None:
    given = {
        "LAYER": "conv4",
        "MODE": "cut_floor",
        "FORMAT": "q7.8",
        "SLOPE": "1/8",
        "LEAKY_PLACE": "before_requant",
        "POOL_PAD": "zero",
        "ARRAY": "16x16",
        "IMAGE": 'it\'s a "$HOME" `date` #1 \\  picture.png',
        "FIT": "plain",
        "MODEL": "/a b/$(x).weights",
        "SIM": "icarus",
        "VERILATOR": "/opt/my verilator",
        "SEED": "-3",
        "WINDOW": "500",
        "INJECT": "stream",
        "BUG": "stale weights",
    }
    done = run(
        ready, "make", "sim", "WAVES=1", "DIAGNOSE=0", *(f"{k}={v}" for k, v in given.items())
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    words = [f"{name}={value}" for name, value in given.items()]
    assert sorted(record(ready)["arguments"]) == sorted(["sim", "WAVES=1", "DIAGNOSE=0", *words])


def test_waves_are_of_the_first_job_unless_told(ready: Path) -> None:
    assert run(ready, "make", "waves", "LAYER=conv4", "WINDOW=90").returncode == 0
    words = ["LAYER=conv4", "WINDOW=90", "WAVES=1"]
    assert record(ready)["arguments"] == ["sim", "JOB=0", *words]
    assert run(ready, "make", "waves", "LAYER=conv4", "JOB=2").returncode == 0
    assert record(ready)["arguments"] == ["sim", "LAYER=conv4", "JOB=2", "WAVES=1"]


def test_nothing_of_make_reaches_the_simulation(ready: Path) -> None:
    assert run(ready, "make", "-j2", "sim", "MODE=full").returncode == 0
    environment = record(ready)["environment"]
    assert not {"MAKEFLAGS", "MFLAGS", "MODE"} & set(environment)


def test_environment_counts_only_where_it_is_meant_to(ready: Path) -> None:
    done = run(ready, "make", "sim", SIM="icarus", VERILATOR="/v", MODE="zz", MODEL="m", WAVES="1")
    assert done.returncode == 0
    assert record(ready)["arguments"] == ["sim", "SIM=icarus", "VERILATOR=/v"]


def test_what_python_reads_from_the_environment_reaches_nothing(
    ready: Path, tmp_path: Path
) -> None:
    (tmp_path / "tb.py").write_text("raise SystemExit('another tb')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('not ours')")
    names = ("PYTHONSAFEPATH", "PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTHONINSPECT")
    hostile = {**dict.fromkeys(names, "1"), "PYTHONPATH": str(tmp_path), "PYTHONHOME": "/no"}
    done = run(ready, "make", "sim", **hostile, PYTEST_PLUGINS="no_such")
    assert (done.returncode, done.stderr) == (0, "")
    assert not {*hostile, "PYTEST_PLUGINS"} & set(record(ready)["environment"])


def test_python_that_is_suggested_starts(tmp_path: Path) -> None:
    """Pyenv has a name on PATH for each version; only the chosen ones start."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert bootstrap._runs(sys.executable) and not bootstrap._runs(str(shim))


def test_empty_variables_are_not_given(ready: Path) -> None:
    assert run(ready, "make", "sim", "LAYER=", "WAVES=0", "DIAGNOSE=1", "SIM=").returncode == 0
    assert record(ready)["arguments"] == ["sim", "WAVES=0", "DIAGNOSE=1"]


def test_failure_comes_through_make(ready: Path) -> None:
    assert run(ready, "make", "sim", EXIT="1").returncode == 2


@pytest.mark.parametrize(
    ("word", "message"),
    [("LAYRE=conv1", "LAYRE is no variable"), ("WAVES=yes", "WAVES=yes: choose 0 or 1")],
)
def test_wrong_word_is_named(ready: Path, word: str, message: str) -> None:
    done = run(ready, "make", "sim", word)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (ready / "record.json").exists()


def test_help_lists_every_target_and_variable(tree: Path) -> None:
    text = run(tree, "make", "help").stdout
    listed = set(re.findall(r"^  ([A-Za-z_-]+) ", text, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    variables = re.findall(r"^[A-Z]+_VARIABLES := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony and variables
    names = set(" ".join(variables).replace("\\", " ").split()) | {"PYTHON"}
    assert listed == set(phony[1].split()) - {"venv"} | names
