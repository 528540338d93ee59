"""The command ``convpe trace``: a stage's transactions out of a wave file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.config import ConfigError, InputError
from tb.commands import common
from tb.console import echo, new_console, print_whole, write_json

if TYPE_CHECKING:
    from golden.config import PEConfig
    from tb.debug.trace.listing import Selection
    from tb.debug.trace.traced_job import TracedJob
    from tb.debug.trace.transactions import Transactions
    from tb.debug.trace.wave_file import Wave

_Wave = Annotated[Path, typer.Argument(metavar="WAVE", help="An .fst or .vcd file, or its folder.")]
_Stage = Annotated[
    str,
    typer.Option(help="A stage, or a diagnosis's step; all are listed unless given."),
]
_First = Annotated[int | None, typer.Option(min=0, help="First cycle to show.")]
_Last = Annotated[int | None, typer.Option(min=0, help="Last cycle to show.")]
_Around = Annotated[int | None, typer.Option(min=0, help="Show those nearest to this cycle.")]
_Count = Annotated[int, typer.Option(min=0, help="Show at most so many; 0 shows all.")]
_Lane = Annotated[int | None, typer.Option(min=0, help="Only this output lane, counted from 0.")]
_Channel = Annotated[int | None, typer.Option(min=0, help="Only this channel, and so its lane.")]
_Row = Annotated[int | None, typer.Option(min=0, help="Only this output row.")]
_Column = Annotated[int | None, typer.Option(min=0, help="Only this output column.")]
_Real = Annotated[bool, typer.Option("--real", help="Show real numbers, not integers.")]
_Others = Annotated[
    bool, typer.Option("--others", help="Show transactions of the jobs around this one too.")
]


def trace(
    wave: _Wave,
    stage: _Stage = "",
    first: _First = None,
    last: _Last = None,
    around: _Around = None,
    count: _Count = 20,
    lane: _Lane = None,
    channel: _Channel = None,
    row: _Row = None,
    column: _Column = None,
    real: _Real = False,
    others: _Others = False,
    json: common.Json = None,
) -> None:
    """Print what a stage of the PE did, with tensor coordinates, from a wave file."""
    from tb.debug.trace.listing import Selection
    from tb.debug.trace.stages import config_of, stage_name
    from tb.debug.trace.traced_job import read_job
    from tb.debug.trace.wave_file import Wave

    console = new_console()
    chosen = Selection(first, last, around, count, channel, row, column)
    name = stage_name(stage) if stage else ""
    path = _wave_file(wave)
    job = read_job(path)
    if real and (job is None or not job.fracs):
        raise ConfigError(f"--real: no fraction bits are known without job.json beside {path}")
    opened = Wave(path)
    config = job.config if job else config_of(opened)
    if lane is not None and channel is not None:
        raise ConfigError("give --lane or --channel, not both")
    if lane is not None and lane >= config.p_oc:
        raise ConfigError(f"--lane {lane}: the array has lanes 0 to {config.p_oc - 1}")
    facts: dict[str, Any] = {
        "wave": str(path),
        "cycles": [int(opened.cycles[0]), int(opened.cycles[-1])],
        "job": job.title if job else None,
        "array": config.array,
    }
    if not job:
        echo(console, f"no job.json beside {path.name}: coordinates count from the tile's corner")
    if not name:
        facts |= _list(opened, config, job, others, console)
    else:
        at = _lane(lane, channel, config, job)
        facts |= _show(opened, name, at, config, job, chosen, real, others, console)
    write_json(json, facts, console)


def _wave_file(given: Path) -> Path:
    """The wave file that is named, or the one in a replay's folder."""
    if not given.is_dir():
        return given
    for name in ("wave.fst", "wave.vcd"):
        if (given / name).is_file():
            return given / name
    raise InputError(f"{given}: neither wave.fst nor wave.vcd is in it")


def _lane(lane: int | None, channel: int | None, config: PEConfig, job: TracedJob | None) -> int:
    """The lane that an option or the channel names, or lane 0."""
    if channel is None:
        return lane or 0
    first = job.record.tile.first_channel if job else 0
    return max(channel - first, 0) % config.p_oc


def _list(
    wave: Wave, config: PEConfig, job: TracedJob | None, others: bool, console: Console
) -> dict[str, Any]:
    """Show how many transactions each stage has."""
    from tb.debug.trace.listing import stage_table
    from tb.debug.trace.stages import STAGES, transactions

    found = [
        (name, stage.about, transactions(wave, name, 0, config, job, others))
        for name, stage in STAGES.items()
    ]
    print_whole(stage_table(_title(wave, config, job), found), console)
    stages = [
        {
            "name": name,
            "transactions": len(one),
            "first": int(one.cycle[0]) if len(one) else None,
            "last": int(one.cycle[-1]) if len(one) else None,
        }
        for name, _, one in found
    ]
    return {"stages": stages}


def _show(
    wave: Wave,
    name: str,
    lane: int,
    config: PEConfig,
    job: TracedJob | None,
    selection: Selection,
    real: bool,
    others: bool,
    console: Console,
) -> dict[str, Any]:
    """Show one stage's transactions."""
    from tb.debug.trace.listing import transaction_table
    from tb.debug.trace.stages import STAGES, transactions
    from tb.debug.trace.traced_job import differs, with_golden

    found = transactions(wave, name, lane, config, job, others)
    if job is not None and not others:
        found = with_golden(found, job, wave.path.parent)
    one_lane = STAGES[name].one_lane
    grouped = name in ("sequencer", "drain", "output")
    matching = selection.matching(found, config.p_oc if grouped else 1)
    shown = selection.shown(found, matching)
    rows = found.rows(shown)
    title = f"{_title(wave, config, job)}: {name}" + (f", lane {lane}" if one_lane else "")
    fracs = dict(job.fracs) if job else {}
    table = transaction_table(title, found, rows, fracs if real else {})
    if rows:
        print_whole(table, console)
    wrong = sum(differs(row) for row in rows)
    beside = f"; {wrong} of those shown differ from golden" if wrong else ""
    echo(console, _left_out(found, len(matching), len(shown)) + beside)
    return {
        "stage": name,
        "lane": lane if one_lane else None,
        "matching": len(matching),
        "fraction_bits": fracs or None,
        "transactions": rows,
    }


def _title(wave: Wave, config: PEConfig, job: TracedJob | None) -> str:
    first, last = int(wave.cycles[0]), int(wave.cycles[-1])
    what = f"{job.title}, " if job else ""
    return f"{what}{config.array} array, cycles {first} to {last}"


def _left_out(found: Transactions, matching: int, shown: int) -> str:
    """How many there are, in words."""
    if shown < matching:
        return f"{shown} of {matching:,} transactions; --count 0 shows all"
    more = f" of {len(found):,}" if matching < len(found) else ""
    return f"{matching:,}{more} transaction{'' if matching == 1 else 's'}"
