"""What logs say: the first error in a line with a path to click on; how a simulator ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tb.toolchain.process import OUTSIDE
from tb.toolchain.simulators import ToolError

LONGEST: Final = 300
"""Characters of an error that are quoted."""
FRAMES: Final = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
PACKAGES: Final = ("site-packages", "/lib/python", "<")
"""In the path of a Python file that is not the user's."""
ERRNO: Final = (
    "No such file or directory|command not found|: not found|Permission denied|"
    "No space left on device|Cannot allocate memory|Disk quota exceeded|Read-only file system|"
    "Input/output error|Too many open files|Exec format error|Argument list too long"
)

_COCOTB = r"^ *[\d.-]+ *[munpf]?s +(?:ERROR|CRITICAL) +\S+ +(?:\S+:\d+ +in \S+ +)?(?P<text>.+)"
_PLAIN: Final = r"(?:(?!\bwarning: ).)*?"
"""Anything in which no warning begins."""
ERRORS: Final[Sequence[re.Pattern[str]]] = tuple(
    re.compile(pattern)
    for pattern in (
        r"^%Error(?:-\w+)?: (?!Exiting due to)(?P<text>.+)",
        _COCOTB,
        rf"^(?P<text>(?=\S){_PLAIN}\b(?i:error): .+)",
        r"^(?P<text>\S+:\d+: (?:syntax error|sorry: |internal error).*)",
        rf"^(?P<text>\S+: {_PLAIN}(?:{ERRNO})\b.*)",
        r"^(?P<text>.*(?:undefined reference to|multiple definition of|cannot find -l).*)",
        r"^(?P<text>make(?:\[\d+\])?: \*\*\* No rule to make target .*)",
        r"^(?P<text>Can't (?:locate|exec|open) .*)",
        r"^(?P<text>No top level modules.*|Unable to open .*|virtual memory exhausted.*)",
        r"^(?P<text>terminate called .*|.*: Assertion .* failed\..*|std::bad_alloc.*)",
        r"^(?P<text>.*(?:Segmentation fault|double free or corruption|Illegal instruction).*)",
    )
)
LAST_RESORT: Final = re.compile(r"^(?P<text>make(?:\[\d+\])?: \*\*\* .*)")

LOG: Final = "simulator.log"
"""In a run folder."""
LOG_LINES: Final = 3
"""Last lines that stand for a reason where there is no error."""
ENDED: Final = "ConvPE: "
"""Begins the last line of a log whose simulator did not end well."""


def first_error(text: str) -> str:
    r"""The first error in a compiler's, linker's, simulator's or cocotb's output, in one line.

    Warnings ahead of it are passed over, and of a traceback its exception is taken, behind the
    file and line of the user's that raised it. Empty where there is no error.

    Examples
    --------
    >>> first_error("a.v:3: warning: implicit wire\na.v:9: syntax error\nI give up.")
    'a.v:9: syntax error'
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "Traceback (most recent call last):":
            if raised := _exception(lines[number:]):
                return _tidy(raised)
        elif found := next((match for each in ERRORS if (match := each.match(line))), None):
            return _tidy(found["text"])
    last = next((match for line in lines if (match := LAST_RESORT.match(line))), None)
    return _tidy(last["text"]) if last else ""


def error_in(log: Path) -> str:
    """The first error in a log; empty where it has none, or there is no log."""
    try:
        return first_error(log.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


def last_line(log: Path) -> str:
    """The last line of a log; empty where it has none, or there is no log."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return _tidy(lines[-1].strip()) if lines else ""


def relative(text: str) -> str:
    """Take the working folder, and the scratch folder of a build, out of the paths of a text."""
    text = re.sub(r"[^\s'\":]*/\.making-[^/\s]+/(?:out/)?", "", text)
    return text.replace(f"{Path.cwd()}/", "")


def _exception(lines: Sequence[str]) -> str:
    """The exception that ends the traceback in the first of these lines, with its place."""
    depth = len(lines[0]) - len(lines[0].lstrip())
    place = ""
    for line in lines[1:]:
        if match := FRAMES.match(line):
            mine = not any(part in match["file"] for part in PACKAGES)
            place = f"{match['file']}:{match['line']}: " if mine else place
        elif re.match(rf"^\s{{{depth}}}[A-Za-z_][\w.]*(?::|$)", line):
            return place + line.strip()
    return ""


def _tidy(text: str) -> str:
    words = relative(" ".join(text.split()))
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."


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
