"""A pytest plugin: a red session ends with one command for each failed test.

Where the failure's text holds a ``replay:`` line of its own (``make sim``, ``make fuzz``, a
cocotb suite), that command comes first, being the shorter way to the same failure.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from _pytest.reports import BaseReport
from _pytest.terminal import TerminalReporter

VARIABLES: Final = ("SIM", "VERILATOR")
"""They steer the tests where they stand in the environment."""
OWN_LINE: Final = re.compile(
    r"^(?:E\s+)?(?:\w*Error: )?\s*replay: ((?:\w+=\S+ )*(?:make|\S*/python) .+?)\s*$", re.MULTILINE
)
"""A line of a failure's text; the E is pytest's."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: TerminalReporter, config: pytest.Config
) -> Iterator[None]:
    """Print the commands behind everything else that is told of a session."""
    yield
    told: dict[str, list[str]] = {}
    for report in (*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")):
        lines = told.setdefault(report.nodeid, [])
        lines += [line for line in own_lines(report) if line not in lines]
    if not told:
        return
    terminalreporter.section("replay", bold=True)
    for nodeid, lines in told.items():
        for line in (*lines, command_of(nodeid, config.rootpath)):
            terminalreporter.write_line(f"replay: {line}")


def own_lines(report: BaseReport) -> list[str]:
    """The commands that a failure's text, or what the test printed, names itself."""
    texts = [report.longreprtext, *(text for _, text in report.sections)]
    return list(dict.fromkeys(line for text in texts for line in OWN_LINE.findall(text)))


def command_of(nodeid: str, root: Path, python: str = sys.executable) -> str:
    """What runs one test again, from the project's folder.

    Parameters
    ----------
    nodeid : str
    root : Path
        That folder.
    python : str
        The interpreter; named by its place in the folder where it lies in it.
    """
    program = Path(python)
    if program.is_relative_to(root):
        program = program.relative_to(root)
    return f"{_environment(VARIABLES)}{shlex.quote(str(program))} -m pytest {shlex.quote(nodeid)}"


def _environment(names: Sequence[str]) -> str:
    """Those of the variables that are set, as they stand before a command."""
    chosen = ((name, os.environ.get(name)) for name in names)
    return "".join(f"{name}={shlex.quote(value)} " for name, value in chosen if value)
