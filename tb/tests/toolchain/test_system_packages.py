"""What is installed from the system's packages, when, and what is said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from tb import bootstrap
from tb.toolchain import system_packages
from tb.toolchain.system_packages import PackageError, install, is_there, packages

APT = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in
  *update*) [ -e {folder}/offline ] && exit 0; touch {folder}/lists;;
  *install*) [ -e {folder}/lists ] || {{ echo "E: Unable to locate package x"; exit 100; }}
    [ -e {folder}/offline ] && {{ echo "Err:1 Could not resolve 'a'"; exit 100; }}
    for tool in {folder}/iverilog {folder}/vvp; do touch $tool; chmod +x $tool; done
    touch {include}/lz4.h {include}/zlib.h;;
esac
"""


class Machine:
    """A machine of our own: the only folder on PATH, and where headers would be."""

    def __init__(self, root: Path) -> None:
        self.folder, self.include = root / "bin", root / "include"
        self.calls, self.log = root / "calls", root / "build" / "packages.log"
        self.said: list[str] = []
        for folder in (self.folder, self.include):
            folder.mkdir()
        for name in ("env", "sh", "touch", "chmod"):
            (self.folder / name).symlink_to(f"/usr/bin/{name}")

    def program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def add_apt(self) -> None:
        text = APT.format(calls=self.calls, folder=self.folder, include=self.include)
        self.program("apt-get", text)

    def install(self, tool: str) -> None:
        install(tool, self.log, self.said.append)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.setattr(system_packages, "INCLUDE", made.include)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_root_gets_icarus_and_headers_with_one_line(machine: Machine) -> None:
    machine.add_apt()
    assert not is_there("icarus")
    machine.install("icarus")
    assert is_there("icarus") and is_there("fst")
    assert machine.said == [
        "installing iverilog liblz4-dev zlib1g-dev with apt-get: the simulator Icarus Verilog"
    ]
    calls = machine.calls.read_text().splitlines()
    assert [("update" in call) for call in calls] == [False, True, False]
    assert all("-y" in call for call in calls if "install" in call)


def test_what_is_there_is_left_alone(machine: Machine) -> None:
    machine.add_apt()
    (machine.folder / "lists").touch()
    machine.install("icarus")
    machine.calls.unlink()
    machine.install("icarus")
    machine.install("fst")
    assert not machine.calls.exists()
    assert len(machine.said) == 1


def test_waves_take_the_headers_alone(machine: Machine) -> None:
    (machine.include / "zlib.h").touch()
    assert packages("fst") == ["liblz4-dev"]


def test_gtkwave_comes_with_a_display_to_test_it_on(machine: Machine) -> None:
    assert packages("gtkwave") == ["gtkwave", "xvfb"]
    machine.program("gtkwave", "#!/bin/sh\n")
    assert packages("gtkwave") == ["xvfb"] and not is_there("gtkwave")
    machine.program("Xvfb", "#!/bin/sh\n")
    assert is_there("gtkwave")


def test_passwordless_sudo_installs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.add_apt()
    (machine.folder / "lists").touch()
    machine.program("sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift\nexec "$@"\n')
    machine.program("true", "#!/bin/sh\n")
    machine.install("fst")
    assert is_there("fst")


@pytest.mark.parametrize("sudo", ["none", "with a password"])
def test_without_rights_the_command_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, sudo: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.add_apt()
    if sudo != "none":
        machine.program("sudo", "#!/bin/sh\necho a password is required >&2\nexit 1\n")
    with pytest.raises(PackageError, match="run: sudo apt-get install iverilog liblz4-dev zlib1g"):
        machine.install("icarus")
    assert not machine.calls.exists() and not machine.said


def test_without_apt_the_package_manager_is_named(machine: Machine) -> None:
    with pytest.raises(PackageError, match=r"iverilog .* missing: .* your package manager"):
        machine.install("icarus")


def test_no_network_is_one_line(machine: Machine) -> None:
    machine.add_apt()
    (machine.folder / "lists").touch()
    (machine.folder / "offline").touch()
    with pytest.raises(PackageError, match=r"no network, .* sudo apt-get install") as caught:
        machine.install("fst")
    assert "\n" not in str(caught.value)


def test_installed_but_not_on_path_is_said(machine: Machine) -> None:
    machine.program("apt-get", "#!/bin/sh\n")
    with pytest.raises(PackageError, match="installed, but not to be found"):
        machine.install("icarus")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("E: Unable to locate package x\n", "Unable to locate package x"),
        ("Resolving\nE: You do not have enough No space left on device\n", "the disk is full"),
        ("", "it gave no reason; see "),
    ],
)
def test_last_words_of_apt(tmp_path: Path, said: str, reason: str) -> None:
    (tmp_path / "log").write_text(said)
    assert system_packages._last_words(tmp_path / "log").startswith(reason)


@pytest.mark.parametrize(("flag", "code"), [("--need", 1), ("--want", 0)])
def test_needed_tool_stops_the_set_up_and_wanted_one_does_not(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flag: str,
    code: int,
) -> None:
    monkeypatch.setattr(bootstrap, "LOCK", machine.folder / "lock")
    monkeypatch.setattr(bootstrap, "_set_up_once", lambda: None)
    assert bootstrap.main([flag, "icarus"]) == code
    out, err = capsys.readouterr()
    assert (out + err).startswith("setup: iverilog liblz4-dev zlib1g-dev missing: ")
    assert (out + err).count("\n") == 1
    assert bool(err) == bool(code)


def test_tests_say_at_the_end_what_they_did_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("g++", "make", "perl"):
        (folder / name).symlink_to(str(which(name)))
    (tmp_path / "test_a.py").write_text("def test_it(simulator):\n    assert simulator.version\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tb.tests.conftest", str(tmp_path)]
    env = {**os.environ, "PATH": str(folder), "PYTHONPATH": str(bootstrap.ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "NOT TESTED ON ICARUS" in done.stdout
    assert "test_a.py::test_it[icarus]" in done.stdout
    assert "1 tests skipped; run: sudo apt-get install iverilog" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def make_says(*words: str) -> str:
    """Return the set-up command that make would run."""
    env = {name: value for name, value in os.environ.items() if name not in ("SIM", "MAKEFLAGS")}
    done = subprocess.run(
        ["make", "--dry-run", *words, f"PYTHON={sys.executable}"],
        cwd=bootstrap.ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return next(line for line in done.stdout.splitlines() if "tb.bootstrap" in line)


@pytest.mark.parametrize(
    ("words", "tools"),
    [
        (["sim"], ""),
        (["sim", "SIM=verilator"], ""),
        (["sim", "SIM=icarus"], "--need icarus"),
        (["sim", "SIM=icarus", "WAVES=1"], "--need icarus"),
        (["sim", "WAVES=1"], "--want fst"),
        (["sim", "WAVES=0"], ""),
        (["test"], "--want icarus --want fst --want gtkwave"),
    ],
)
def test_make_asks_for_what_the_command_needs(words: list[str], tools: str) -> None:
    line = make_says(*words).split("tb.bootstrap", 1)[1]
    assert line.split("--report")[0].strip() == tools
