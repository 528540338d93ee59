"""A simulator's log: how the simulator ended, and what the log says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tb.toolchain.first_error import first_error, relative
from tb.toolchain.process import OUTSIDE
from tb.toolchain.simulators import ToolError

LOG: Final = "simulator.log"
"""In a run folder."""
LOG_LINES: Final = 3
"""Last lines that stand for a reason where there is no error."""
ENDED: Final = "ConvPE: "
"""Begins the last line of a log whose simulator did not end well."""


def note_ending(folder: Path, error: RuntimeError) -> None:
    """Write behind a simulator's log how it ended."""
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(f"\n{ENDED}the simulator {getattr(error, 'ending', error)}\n")


def ending_of(folder: Path) -> str:
    """How the simulator of a run folder ended, in words; empty where it ended well."""
    last = _text(folder).rstrip().rpartition("\n")[2]
    return last.removeprefix(ENDED) if last.startswith(ENDED) else ""


def check_not_ended(folder: Path) -> None:
    """Refuse a simulation that a signal from outside has ended: its jobs are not to blame.

    Raises
    ------
    ToolError
        In one line, with the signal's name.
    """
    how = ending_of(folder)
    if any(name in how for name in OUTSIDE):
        raise ToolError(f"{how} while it simulated; {see(folder)}")


def words(folder: Path) -> str:
    """What a log says of an early end: how the simulator ended and the first error, or its end."""
    text, how = _text(folder), ending_of(folder)
    error = first_error(text)
    if how or error:
        return "; ".join(filter(None, (how, error)))
    lines = [line.strip() for line in text.splitlines() if "**" not in line]
    return "; ".join(lines[-LOG_LINES:]) or "no log"


def ended_early(folder: Path, done: int, wanted: int) -> str:
    """What a simulation that has not ended well says: how far it came, and why it ended."""
    return f"the simulation ended after {done} of {wanted} jobs: {words(folder)} ({see(folder)})"


def see(folder: Path) -> str:
    """Where a simulator's log is."""
    return f"see {relative(str(folder / LOG))}"


def _text(folder: Path) -> str:
    try:
        return (folder / LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
