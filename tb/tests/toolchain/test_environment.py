"""What stands in the environment changes nothing, for a child and for ``convpe`` itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tb.toolchain import environment
from tb.toolchain.cocotb_runners import runner_environment
from tb.toolchain.environment import child_environment, own_environment
from tb.toolchain.simulators import Simulator, find_verilator

HOSTILE = {
    **dict.fromkeys(("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "COCOTB_TEST_MODULES"), "foo"),
    **dict.fromkeys(("COCOTB_RANDOM_SEED", "RANDOM_SEED", "COCOTB_RESULTS_FILE"), "abc"),
    **dict.fromkeys(("GPI_EXTRA", "GPI_USERS", "GPI_DEBUG", "PYGPI_USERS", "PYGPI_DEBUG"), "no.so"),
    **dict.fromkeys(("COCOTB_LOG_LEVEL", "GPI_LOG_LEVEL", "WAVES", "GUI"), "loud"),
    **dict.fromkeys(("OBJCACHE", "CC", "CXX", "AR", "LD", "LINK", "PERL", "PYTHON3"), "no-such"),
    **dict.fromkeys(("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDLIBS"), "--no-such-flag"),
    **dict.fromkeys(("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH"), "/no"),
    **dict.fromkeys(("GCC_EXEC_PREFIX", "COMPILER_PATH", "LD_PRELOAD", "LD_AUDIT"), ""),
    **dict.fromkeys(("MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS"), "-n"),
    **dict.fromkeys(("MAKEFILES", "MAKELEVEL", "MAKE"), "9"),
    **dict.fromkeys(("VERILATOR_ROOT", "VERILATOR_BIN", "VERILATOR_SOLVER", "IVL_ROOT"), "/no"),
    **dict.fromkeys(("PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PYTHONWARNINGS", "PYTHONINSPECT"), "1"),
    **dict.fromkeys(("PYTHONHASHSEED", "PYTHONDEVMODE", "PYTHONPROFILEIMPORTTIME"), "1"),
    **dict.fromkeys(("NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS", "NUMBA_DEBUG"), "1"),
    **dict.fromkeys(("MPLBACKEND", "MATPLOTLIBRC", "PYTEST_PLUGINS", "PYTEST_ADDOPTS"), "no-such"),
    **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CEILING_DIRECTORIES"), "/"),
    **dict.fromkeys(("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_REQUIREMENT"), "/no"),
    **dict.fromkeys(("LC_ALL", "LANGUAGE", "LC_NUMERIC"), "de_DE.ISO-8859-1"),
    **dict.fromkeys(("SIZE", "LAYER", "SEED", "N", "MODE", "OUT", "NET", "JOB", "PART"), "7"),
    "PYTHONPATH": "/no/such/place",
    "OMP_NUM_THREADS": "many",
    "LIBPYTHON_LOC": "/usr/lib/libpython2.7.so",
}
"""Variables that steer some program of the chain."""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_steers_a_program_reaches_no_child(hostile: None, name: str) -> None:
    assert name not in child_environment()


def test_a_child_gets_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    python = f"/opt/libpython3.{sys.version_info[1]}.so"
    wanted = {"PIP_INDEX_URL": "x", "https_proxy": "y", "DISPLAY": ":7", "LIBPYTHON_LOC": python}
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    found = child_environment({"OWN": "z"})
    assert {**wanted, "OWN": "z", "LANG": "C.UTF-8"}.items() <= found.items()
    assert found["PATH"] == os.environ["PATH"]


def test_without_a_path_there_is_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert child_environment()["PATH"] == os.defpath


@pytest.mark.parametrize("verilator", [True, False])
def test_cocotb_s_runner_sees_the_same(hostile: None, verilator: bool) -> None:
    icarus = Simulator("icarus", "12.0", Path("iverilog"), None)
    simulator = find_verilator() if verilator else icarus
    before = dict(os.environ)
    with runner_environment(simulator):
        seen = dict(os.environ)
    assert seen == child_environment(simulator.env)
    assert set(seen) & set(HOSTILE) <= set(simulator.env)
    assert dict(os.environ) == before


def test_this_process_keeps_how_its_lines_are_shown(
    hostile: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("PYTHONPATH", f"/other{os.pathsep}{environment.ROOT}")
    kept = own_environment(also=("GPI_",))
    assert kept["COLUMNS"] == "77" and kept["GPI_EXTRA"] == "no.so"
    assert kept["PYTHONPATH"] == str(environment.ROOT)
    assert not {"COCOTB_TEST_FILTER", "NUMBA_NUM_THREADS", "PYTHONOPTIMIZE"} & set(kept)


SETTLED = """
import json, os, signal, sys
from tb.toolchain import environment
environment.settle()
ignored = [name for name in ("SIGCHLD", "SIGTERM") if signal.getsignal(signal.Signals[name]) == 1]
print(json.dumps([dict(os.environ), sys.flags.optimize, sys.path, ignored, sys.argv[1:]]))
"""


def test_a_command_starts_anew_without_what_python_has_read(
    hostile: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONINSPECT")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{environment.ROOT}")
    command = ["sh", "-c", 'trap "" CHLD; exec "$@"', "sh", sys.executable, "-c", SETTLED, "a b"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, optimize, path, ignored, words = json.loads(done.stdout)
    assert not set(HOSTILE) - {"LC_ALL", "LANGUAGE", "PYTHONPATH"} & set(found)
    assert (optimize, ignored, words) == (0, [], ["a b"])
    assert str(tmp_path) not in path


def test_every_variable_that_counts_is_documented() -> None:
    text = (environment.ROOT / "docs" / "interfaces.md").read_text()
    groups = [*environment.FOR_CHILDREN.values(), *environment.FOR_OURSELVES.values()]
    assert [name for group in groups for name in group if f"`{name}`" not in text] == []


@pytest.mark.slow
def test_a_hostile_environment_changes_no_run(
    hostile: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cocotb.py").write_text("raise ImportError('another cocotb')")
    monkeypatch.setenv("PYTHONPATH", f"{environment.ROOT}{os.pathsep}{tmp_path}")
    monkeypatch.delenv("PYTHONINSPECT")
    code = "from tb.cli import main; main()"
    words = ["LAYER=conv1", "TILES=1", "SIZE=32", "ARRAY=4x4"]
    done = subprocess.run(
        [sys.executable, "-c", code, "sim", *words], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout
