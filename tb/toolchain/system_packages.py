"""Installs Icarus, the FST headers and GTKWave from the system's packages, where that is allowed.

Part of the set-up: the standard library alone, and a syntax that an older Python
reads. Tools have the names of `PURPOSE`; one that is there already costs a look at the disk and no
process.
"""

import os
import shlex
import subprocess
from pathlib import Path
from shutil import which
from typing import IO, Callable  # noqa: UP035 - read by older Pythons

FST_HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}
"""What Verilator's FST writer includes, and the packages that hold it."""
INCLUDE = Path("/usr/include")
ICARUS = ("iverilog", "vvp")
GTKWAVE = {"gtkwave": "gtkwave", "Xvfb": "xvfb"}
"""The viewer of waves and an X server without a screen, and the packages that hold them."""
PURPOSE = {
    "icarus": "the simulator Icarus Verilog",
    "fst": "waves in FST, the compact format",
    "gtkwave": "the tests that open waves in GTKWave",
}
OFFLINE = ("resolv", "onnect", "Network is unreachable", "Failed to fetch")
"""Parts of apt-get's words for a network that fails."""

_PATIENCE = {"DPkg::Lock": 300, "Acquire::http": 20, "Acquire::https": 20}
_APT = ["apt-get", "-q", *(f"-o{what}::Timeout={seconds}" for what, seconds in _PATIENCE.items())]


class PackageError(Exception):
    """What is missing, why it was not installed, and the command that does it; one line."""


def is_there(tool: str) -> bool:
    """Tell whether a tool is installed."""
    if tool == "icarus":
        return all(which(program) for program in ICARUS)
    if tool == "gtkwave":
        return all(which(program) for program in GTKWAVE)
    return all((INCLUDE / header).is_file() for header in FST_HEADERS)


def packages(tool: str) -> "list[str]":
    """Return the packages to install for a tool that is not there.

    Icarus brings the headers along: whoever compares two simulators looks at waves.
    """
    if tool == "gtkwave":
        return [name for program, name in GTKWAVE.items() if which(program) is None]
    icarus = ["iverilog"] if tool == "icarus" else []
    absent = (name for header, name in FST_HEADERS.items() if not (INCLUDE / header).is_file())
    return [*icarus, *absent]


def command(tool: str) -> str:
    """Return what the user would type to install a tool."""
    return "sudo apt-get install " + " ".join(packages(tool))


def install(tool: str, log: Path, print_line: "Callable[[str], None]") -> None:
    """Install a tool unless it is there.

    `log` takes what apt-get prints; `print_line` is given what is installed and why, before it is.

    Raises
    ------
    PackageError
        There is no apt-get, no right to use it, or it failed.
    """
    if is_there(tool):
        return
    prefix = _rights()
    wanted = packages(tool)
    listed = " ".join(wanted)
    if which("apt-get") is None:
        raise PackageError(f"{listed} missing: install {PURPOSE[tool]} with your package manager")
    if prefix is None:
        raise PackageError(f"{listed} missing: {PURPOSE[tool]}; run: {command(tool)}")
    print_line(f"installing {listed} with apt-get: {PURPOSE[tool]}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        done = _apt(prefix, ["install", "-y", "--no-install-recommends", *wanted], file)
        if not done:  # a fresh machine has no lists, an idle one old lists
            _apt(prefix, ["update"], file)
            done = _apt(prefix, ["install", "-y", "--no-install-recommends", *wanted], file)
    if not done:
        cure = f"mend that and run: {command(tool)}"
        raise PackageError(f"apt-get cannot install {listed}: {_last_words(log)}; {cure}")
    if not is_there(tool):
        raise PackageError(f"{listed} installed, but not to be found; put /usr/bin on PATH")


def _rights() -> "list[str] | None":
    """Return what goes before a command to run it as root, or None."""
    if os.geteuid() == 0:
        return []
    if which("sudo") is None:
        return None
    probe = ["sudo", "-n", "true"]
    null = subprocess.DEVNULL
    allowed = subprocess.run(probe, stdin=null, stdout=null, stderr=null).returncode == 0
    return ["sudo", "-n"] if allowed else None


def _apt(prefix: "list[str]", arguments: "list[str]", log: "IO[str]") -> bool:
    """Run apt-get without a question and tell whether it succeeded."""
    line = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *_APT, *arguments]
    log.write(f"$ {shlex.join(line)}\n")
    log.flush()
    null = subprocess.DEVNULL
    return subprocess.run(line, stdin=null, stdout=log, stderr=log).returncode == 0


def _last_words(log: Path) -> str:
    """Return from apt-get's log, in a few words, why it failed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    bad = [line for line in text.splitlines() if line.startswith(("E: ", "W: ", "Err:"))]
    errors = [line[3:] for line in bad if line.startswith("E: ")]
    if "No space left" in text:
        return "the disk is full"
    if any(words in line for line in bad for words in OFFLINE):
        return "no network, or the package archive does not answer"
    return errors[-1].rstrip(".") if errors else f"it gave no reason; see {log}"
