"""What every command prints and writes with: lines, tables, progress, JSON."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO, Any, Final, cast

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from golden.files import write_whole
from golden.importers.text import printable
from tb.toolchain.run_folder import git_commit

SCHEMA: Final = 1
EXIT_RED: Final = 1
EXIT_INTERRUPTED: Final = 130

LOG_WIDTH: Final = 240
"""Columns where there is no terminal: no table of the house is wider."""
WIDEST: Final = 10_000
"""Columns that a table may have."""


ROOT: Final = Path(__file__).parents[1]
_LITERAL: Final[dict[str, Any]] = {"markup": False, "emoji": False}
"""What rich makes of no text: ``[red]``, ``:100:``."""


def echo(console: Console, text: str) -> None:
    """Print one line; what a terminal would obey in it is written out."""
    console.print(Text(printable(text, "\n\t")), soft_wrap=True)


def shown(path: Path) -> str:
    """A path as the user would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def one_line(error: BaseException) -> str:
    """An error's text on one line, with the file where it names one."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{shown(Path(str(error.filename)))}: {error.strerror}"
    return " ".join(str(error).split())


def print_whole(table: Table, console: Console) -> None:
    """Print a table in its full width, whatever the terminal's: a log is to hold all of it."""
    wide = console.options.update(width=WIDEST)
    width = Measurement.get(console, wide, table).maximum
    wide_console = Console(
        file=console.file, width=max(width, console.width), soft_wrap=True, **_LITERAL
    )
    wide_console.print(table)


def last_lines(console: Console, failure: str, guilty: str = "", replay: str = "") -> None:
    """End a red run: how it failed, the guilty step and the command that repeats it, if known."""
    console.print(Text("FAILED  ", "bold red"), end="")
    echo(console, failure)
    for text in (guilty, replay and f"replay: {replay}"):
        if text:
            echo(console, text)


def print_failure(console: Console, text: str) -> None:
    """Print one line in red, as `echo` does."""
    console.print(Text(printable(text, "\n\t"), "bold red"), soft_wrap=True)


def progress(console: Console, *, elapsed: bool = False) -> Progress:
    """A bar for long work, with the time that remains or has elapsed; nothing on no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn() if elapsed else TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def write_json(path: Path | None, results: Mapping[str, Any], console: Console) -> None:
    """Write a command's results whole, under the fields that all commands share.

    Parameters
    ----------
    path : Path or None
        ``--json``; nothing is written where it was not given.
    results : mapping
        JSON values, dataclasses and enumerations; numbers are finite.
    """
    if path is None:
        return
    document = {
        "schema": SCHEMA,
        "command": shlex.join(["convpe", *sys.argv[1:]]),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": git_commit(ROOT),
        **results,
    }
    text = json.dumps(document, indent=2, allow_nan=False, default=_plain)
    write_whole(path, text + "\n")
    echo(console, f"results in {path}")


def _plain(value: Any) -> Any:
    """What JSON holds of an enumeration or a dataclass."""
    return value.value if isinstance(value, Enum) else asdict(value)


class TitledTable(Table):
    """A table whose title is as wide as the console, however narrow the columns are."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title as a line of its own, then the table without it."""
        title, self.title = self.title, None
        try:
            if title:
                style = self.title_style or ""
                words = title if isinstance(title, Text) else None
                yield words or console.render_str(str(title), style=style)
            yield from super().__rich_console__(console, options)
        finally:
            self.title = title


class _Trimmed:
    """Standard output, with no blanks at the ends of lines."""

    def __init__(self) -> None:
        self._held = ""

    def write(self, text: str) -> int:
        """Write text without them; blanks at its end wait for what follows."""
        whole = re.sub(r" +(?=\n)", "", self._held + text)
        shown = whole.rstrip(" ")
        self._held = whole[len(shown) :]
        return sys.stdout.write(shown)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


def new_console() -> Console:
    """What a command prints on: as wide as its terminal, or wide enough for every table in a log.

    In a log no line ends in blanks. Text is printed as it is: names from files hold brackets
    and colons.
    """
    if sys.stdout.isatty():
        return Console(**_LITERAL)
    return Console(file=cast(IO[str], _Trimmed()), width=LOG_WIDTH, **_LITERAL)


def plain_table(title: str, *columns: str) -> Table:
    """An empty table of the house; the first column leans left, the others right."""
    table = TitledTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table
