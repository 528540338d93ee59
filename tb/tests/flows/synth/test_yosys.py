"""yosys is compiled by one process, whole, however many start at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tb.flows.synth import yosys
from tb.toolchain.simulators import ToolError


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> Path:
    """Put a program in the place of yosys that counts its runs and writes its code slowly."""
    program, runs = folder / "yosys", folder / "runs"
    lines = ["#!/bin/sh", f"echo run >> {runs}", "sleep 0.3", f"echo code > ${yosys.CODE}/a", last]
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    monkeypatch.setattr(yosys, "YOSYS", program)
    return runs


def test_processes_that_start_at_once_share_one_compilation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, cache = fake(tmp_path, monkeypatch, ""), tmp_path / "cache"
    with ThreadPoolExecutor(3) as threads:
        folders = set(threads.map(lambda _: yosys.machine_code(cache, print), range(3)))
    (folder,) = folders
    assert runs.read_text() == "run\n"
    assert (folder / "a").read_text() == "code\n"
    assert not list(cache.glob(".making-*"))


def test_a_compilation_that_fails_leaves_nothing_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "kill -BUS $$")
    cache = tmp_path / "cache"
    with pytest.raises(ToolError, match=r"yosys cannot be compiled: .*SIGBUS"):
        yosys.machine_code(cache, print)
    assert not [path for path in cache.iterdir() if path.is_dir()]
