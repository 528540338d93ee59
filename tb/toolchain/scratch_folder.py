"""The folder that a build is made in: broken copies of the design, and what stays of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

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


def keep_runtime(folder: Path, runtime: Path) -> None:
    """Keep the run-time library's objects for the next build with these flags."""
    if runtime.is_dir():
        return
    scratch = Path(tempfile.mkdtemp(prefix=f".making-{os.getpid()}-", dir=runtime.parent))
    for path in folder.glob(RUNTIME_SOURCES):
        shutil.copy(path, scratch)
    try:
        scratch.rename(runtime)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)


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
