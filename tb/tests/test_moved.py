"""Old import paths: each names the new one, which is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from golden.moved import moves

MOVED = moves()
GONE = sorted(set(MOVED) - {"tb.toolchain"})


@pytest.mark.parametrize("old", GONE)
def test_old_path_names_the_new_one_in_a_line(old: str) -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module(old)
    text = str(caught.value)
    assert text.startswith(f"{old} has moved: import {MOVED[old][0]}") and "\n" not in text


@pytest.mark.parametrize("old", sorted(MOVED))
def test_new_path_is_there(old: str) -> None:
    new, *names = MOVED[old]
    assert find_spec(new) is not None
    for name in names:
        assert pkgutil.resolve_name(name.partition("=")[2])


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import golden.network", "golden.network has moved: import golden.graph.network; run is"),
        ("from golden import spec", "golden.spec has moved: import golden.reference.spec"),
        ("from golden.models import integer_reader", "integer_reader has moved: import golden.ex"),
        ("from golden.yolov3_tiny import IMAGE", "import golden.networks.yolov3_tiny.graph"),
        ("from tb.toolchain import find_verilator", "find_verilator is now tb.toolchain.simul"),
    ],
)
def test_script_ends_with_the_line(code: str, line: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=re.escape(line)):
        exec(code, {})


def test_what_never_was_is_missing_as_usual() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'golden\.nothing'"):
        importlib.import_module("golden.nothing")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from tb.toolchain import nothing", {})


def test_command_by_its_old_path_names_the_new_one() -> None:
    command = [sys.executable, "-m", "tb.tests.suite", "cocotb_streams"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "tb.tests.suite has moved: import tb.tests.cosim.suite" in done.stderr
