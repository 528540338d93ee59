"""The folder that a build is made in: broken copies of the design, and what stays of it."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from filelock import FileLock

from tb.toolchain.cocotb_runners import RUNTIME_SOURCES
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import ToolError

LEFTOVERS: Final = (".a", ".d", ".o", ".gch")
"""Files of a compilation that no run needs."""


def patched(rtl: Path, hdl: Path, scratch: Path, patch: Patch | None) -> tuple[Path, Path]:
    """Return the folders of the RTL and of the bench's Verilog, or of a broken copy.

    Raises
    ------
    ToolError
        The patch does not fit the design.
    """
    if patch is None:
        return rtl, hdl
    copies = scratch / "rtl", scratch / "hdl"
    for original, copy in zip((rtl, hdl), copies, strict=True):
        shutil.copytree(original, copy)
    for path in (copy / patch.file for copy in copies):
        text = path.read_text() if path.is_file() else ""
        if text.count(patch.old) == 1:
            path.write_text(text.replace(patch.old, patch.new))
            return copies
    raise ToolError(f"patch {patch.name}: {patch.old!r} is not once in {patch.file}")


def first_alone(runtime: Path, waves: bool) -> AbstractContextManager[object]:
    """Let one build alone compile the run-time library, or what waves add to it."""
    if (runtime / ("verilated_fst_c.o" if waves else "verilated.o")).is_file():
        return nullcontext()
    return FileLock(runtime.with_name(f".{runtime.name}.lock"))


def keep_runtime(folder: Path, runtime: Path) -> None:
    """Keep those of the run-time library's objects that the next build would have to make."""
    runtime.mkdir(exist_ok=True)
    for path in folder.glob(RUNTIME_SOURCES):
        if not (runtime / path.name).is_file():
            scratch = runtime / f".{os.getpid()}-{path.name}"
            shutil.copy(path, scratch)
            scratch.replace(runtime / path.name)


def remove_leftovers(folder: Path) -> None:
    """Remove what no run needs."""
    for path in folder.iterdir():
        if path.suffix in LEFTOVERS:
            path.unlink()


def remove_dead(cache: Path) -> None:
    """Remove what killed builds left behind."""
    for scratch in cache.glob(".making-*"):
        pid = scratch.name.split("-")[1]
        if not Path("/proc", pid).exists():
            shutil.rmtree(scratch, ignore_errors=True)
