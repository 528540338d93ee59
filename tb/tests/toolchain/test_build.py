"""How hard a design is compiled, and what of it the next build takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.config import PEConfig
from tb.faults.catalogue import ROUNDING_PATCH
from tb.toolchain import build, scratch_folder
from tb.toolchain.build import FAST_MODEL, QUICK_MODEL, Build
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator

VERILATOR = Simulator("verilator", "5.048", Path("/verilator"), None)


@pytest.mark.parametrize(
    ("waves", "patch", "variables"),
    [
        (False, None, FAST_MODEL),
        (True, None, QUICK_MODEL),
        (False, ROUNDING_PATCH, QUICK_MODEL),
        (True, ROUNDING_PATCH, QUICK_MODEL),
    ],
)
def test_only_what_runs_long_is_compiled_hard(
    waves: bool, patch: Patch | None, variables: tuple[str, ...]
) -> None:
    flags, given = build._flags(VERILATOR, waves, patch)
    assert tuple(given) == variables
    assert ("--output-split" in flags) is (variables is QUICK_MODEL)


def test_run_time_library_is_one_for_designs_with_waves_and_without(tmp_path: Path) -> None:
    designs = [Build(VERILATOR, PEConfig(4, 4), tmp_path, "top", waves) for waves in (False, True)]
    assert len({build._runtime(made, tmp_path) for made in designs}) == 1


def test_objects_are_kept_once(tmp_path: Path) -> None:
    out, runtime = tmp_path / "out", tmp_path / "runtime"
    out.mkdir()
    (out / "verilated.o").write_text("first")
    (out / "Vtop.o").write_text("the design's")
    scratch_folder.keep_runtime(out, runtime)
    (out / "verilated.o").write_text("second")
    (out / "verilated_fst_c.o").write_text("waves")
    scratch_folder.keep_runtime(out, runtime)
    kept = {path.name: path.read_text() for path in runtime.iterdir()}
    assert kept == {"verilated.o": "first", "verilated_fst_c.o": "waves"}


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("a.v:3: warning: implicit\na.v:9: syntax error\n", "a.v:9: syntax error"),
        ("what no tool says\n", "make ended with code 9; what no tool says"),
        ("", "make ended with code 9"),
    ],
)
def test_a_failed_compilation_says_its_first_error_or_its_last_line(
    log: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_text(log)
    assert build._reason(RuntimeError("make ended with code 9"), tmp_path / "a.log") == reason
