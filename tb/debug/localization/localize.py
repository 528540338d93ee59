"""Inside one value: golden's contributions beside the RTL's, and the first step that differs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from golden.config import PEConfig
from tb.debug.localization.array import judge_array
from tb.debug.localization.comparison import OutputStep, Pair, Row, output_steps_of, rows_of
from tb.debug.localization.contributions import read_material
from tb.debug.localization.control import judge_control
from tb.debug.localization.finding import Finding, Followed
from tb.debug.localization.flow import judge_flow
from tb.debug.localization.output import judge_output
from tb.debug.localization.stage_counts import Flow, flow_of
from tb.debug.probe.events import Probe
from tb.debug.probe.watch import Watch
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.pipeline_steps import Step

NOTHING: Final = "nothing differs on this value's way, nor in the counts"
WIDTH: Final = 160


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a value left golden's path.

    Parameters
    ----------
    step : Step or None
        Whose inputs were right and whose output is not; None where nothing differs.
    cycle : int or None
    sentence : str
        What happened, in words.
    certain : bool
        Whether the figures prove it.
    suspects : tuple of str
        What the wrong figure looks like.
    rows : tuple of Row
        Every contribution.
    output_steps : tuple of OutputStep
    flow : tuple of Flow
    """

    step: Step | None
    cycle: int | None
    sentence: str
    certain: bool
    suspects: tuple[str, ...]
    rows: tuple[Row, ...]
    output_steps: tuple[OutputStep, ...]
    flow: tuple[Flow, ...]

    @property
    def first_wrong(self) -> int | None:
        """The first contribution in which a figure differs."""
        return next((row.number for row in self.rows if row.wrong), None)


def look(
    record: JobRecord,
    config: PEConfig,
    folder: Path,
    probe: Probe,
    watch: Watch,
    *,
    before: int = 0,
    first_group: int = 0,
) -> Inside:
    """Find the first step that went wrong for the followed value.

    Parameters
    ----------
    record : JobRecord
        As it ran.
    config : PEConfig
    folder : Path
        Holds the job's streams.
    probe : Probe
    watch : Watch
    before : int
        Jobs that ran ahead of it in the same simulation; others may have run behind it.
    first_group : int
        Their output groups.

    Raises
    ------
    InputError
        The streams do not fit the descriptor.
    """
    followed = Followed(
        read_material(folder, record, config),
        probe,
        group=watch.group - first_group,
        lane=watch.lane,
        pixel=watch.pixel,
        reads=(watch.first_read, watch.last_read),
        first_group=first_group,
        before=before,
    )
    flow = flow_of(followed, record)
    found = judge_control(followed, record)
    found = (
        found
        or judge_array(followed)
        or judge_output(followed)
        or judge_flow(followed, flow, folder)
    )
    found = found or Finding(None, None, _on_disk(followed, folder, record) or NOTHING)
    return Inside(
        step=found.step,
        cycle=found.cycle,
        sentence=found.sentence,
        certain=found.certain,
        suspects=found.suspects,
        rows=tuple(rows_of(followed)),
        output_steps=tuple(output_steps_of(followed)),
        flow=flow,
    )


def _on_disk(followed: Followed, folder: Path, record: JobRecord) -> str | None:
    """What the bench expected, where it is not what the job's own streams give."""
    job, channel = followed.job, followed.channel
    for window in followed.windows if followed.live else ():
        pixels = [value.row * job.out_width + value.column for value in window.values]
        place = window.beat % len(job.windows())
        wanted = [("expected", place, window.highest)]
        values = zip(pixels, window.values, strict=True)
        wanted += [("activated", pixel, value.value) for pixel, value in values]
        for name, index, golden in wanted:
            path = folder / f"{record.stem}.{name}.npy"
            if path.is_file() and (held := int(np.load(path)[channel].flat[index])) != golden:
                return (
                    f"the RTL makes what the job's streams give, {golden}: "
                    f"the bench's file says {held}, which nothing in the streams explains"
                )
    return None


def table(inside: Inside, limit: int | None = None) -> str:
    """The contributions, the output's steps and the counts as text.

    Parameters
    ----------
    inside : Inside
    limit : int, optional
        So many contributions, around the first that differs; all where None.
    """
    console = Console(width=WIDTH, color_system=None, highlight=False, record=False)
    rows = list(inside.rows)
    left_out = 0
    if limit is not None and len(rows) > limit:
        first = inside.first_wrong
        start = len(rows) - limit if first is None else min(first - 2, len(rows) - limit)
        start = max(start, 0)
        left_out = len(rows) - limit
        rows = rows[start : start + limit]
    with console.capture() as captured:
        console.print(_contributions(rows))
        if left_out:
            console.print(f"{left_out} further contributions are in diagnosis.txt")
        if inside.output_steps:
            console.print(_steps(inside))
        if any(entry.seen != entry.expected for entry in inside.flow):
            console.print(_counts(inside))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _table(*names: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="")
    for name in names:
        made.add_column(name, justify="right", no_wrap=True)
    return made


def _contributions(rows: list[Row]) -> Table:
    made = _table("pass", "group", "tap", "input", "cycle", "products", "RTL", "sum", "RTL ", "")
    for row in rows:
        figures = {pair.name: pair for pair in row.figures}
        place = "padding" if row.outside else f"{row.row},{row.column}"
        products, total = figures.get("products"), figures.get("sum")
        made.add_row(
            *(str(row.number), str(row.in_group), f"{row.ky},{row.kx}", place),
            "-" if row.cycle is None else str(row.cycle),
            *_both(products),
            *_both(total),
            Text(f"<- {', '.join(row.wrong)}" if row.wrong else "", justify="left"),
        )
    return made


def _both(pair: Pair | None) -> tuple[str, str]:
    if pair is None:
        return "-", "-"
    return str(pair.golden), "x" if pair.rtl is None else str(pair.rtl)


def _steps(inside: Inside) -> Table:
    made = _table("read", "step", "figure", "cycle", "golden", "RTL", "")
    for entry in inside.output_steps:
        rtl = "x" if entry.rtl is None else str(entry.rtl)
        cycle = "-" if entry.cycle is None else str(entry.cycle)
        mark = "" if entry.same else "<- differs"
        figures = (entry.step.value, entry.name, cycle, str(entry.golden), rtl)
        made.add_row(str(entry.read), *figures, Text(mark, justify="left"))
    return made


def _counts(inside: Inside) -> Table:
    made = _table("counted", "expected", "seen", "")
    made.columns[0].justify = "left"
    for entry in inside.flow:
        mark = "" if entry.seen == entry.expected else "<- differs"
        made.add_row(entry.name, str(entry.expected), str(entry.seen), Text(mark, justify="left"))
    return made
