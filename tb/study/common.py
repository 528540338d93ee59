"""What the commands of the study share: options, progress, and JSON."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from golden.config import LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.files import write_whole
from tb.toolchain.run_folder import git_commit

SCHEMA: Final = 1
WIDEST: Final = 10_000
"""Columns that a table may have."""
ROOT: Final = Path(__file__).parent.parent.parent

Model = Annotated[
    Path | None,
    typer.Option(help="Darknet .weights, torch .pth or .safetensors; fetched unless given."),
]
Image = Annotated[Path | None, typer.Option(help="Picture file; a shipped one unless given.")]
Images = Annotated[
    Path | None,
    typer.Option(help="Folder of pictures; crops and flips of shipped photographs unless given."),
]
Views = Annotated[int, typer.Option(min=1, help="How many crops and flips.")]
Fit = Annotated[str, typer.Option(help="letterbox or plain.")]
Size = Annotated[int, typer.Option(help="Rows and columns of the input, a multiple of 32.")]
Seed = Annotated[int, typer.Option(min=0, help="Integer that repeats every random choice.")]
RetuneOption = Annotated[
    str,
    typer.Option(
        "--retune", help="Retuning patch: shipped (used where it fits), none, or a file's path."
    ),
]
Mode = Annotated[ProductMode, typer.Option(help="What one product adds to a sum.")]
Format = Annotated[
    NumberFormat, typer.Option("--format", help="Fraction bits per layer, or 8 everywhere.")
]
SlopeOption = Annotated[Slope, typer.Option("--slope", help="Of the leaky rectifier.")]
Place = Annotated[LeakyPlace, typer.Option("--leaky-place", help="Activation and requantising.")]
Pad = Annotated[PoolPad, typer.Option("--pool-pad", help="Beyond the edge of the stride-1 pool.")]
ActWidth = Annotated[int, typer.Option("--act-bits", help="Bits of an activation, 8 or 16.")]
WeightWidth = Annotated[int, typer.Option("--weight-bits", help="Bits of a weight, 8 or 16.")]
Json = Annotated[Path | None, typer.Option("--json", help="File that takes the results.")]
Out = Annotated[Path, typer.Option("--out", help="Folder that takes the files.")]
Plots = Annotated[Path | None, typer.Option("--plots", help="Folder that takes the plots.")]


def say(console: Console, text: str) -> None:
    """Print one line as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_whole(table: Table, console: Console) -> None:
    """Print a table in its full width, whatever the terminal's: a log is to hold all of it."""
    wide = console.options.update(width=WIDEST)
    width = Measurement.get(console, wide, table).maximum
    Console(file=console.file, width=max(width, console.width), soft_wrap=True).print(table)


def progress(console: Console) -> Progress:
    """A bar for long work; nothing where the output is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
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
        JSON values; numbers are finite.
    console : Console
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
    write_whole(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
    say(console, f"results in {path}")
