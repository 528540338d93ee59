"""The reference model's figures against the RTL's: each contribution, each step behind the sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tb.debug.localization.contributions import Contribution, Window
from tb.debug.localization.stage_counts import StageCount
from tb.debug.localization.watched import WatchedValue
from tb.debug.probe.events import Figure, Pass, Read, Vector
from tb.duts.conv_pe.pipeline_steps import Step

WIDTH: Final = 160
DIFFERS: Final = "<- differs"


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of the reference model's and the RTL's; None: it never came, or holds an X."""

    name: str
    golden: int | tuple[int, ...] | None
    rtl: int | Vector | None


@dataclass(frozen=True, slots=True)
class ComparedPass:
    """One contribution."""

    term: Contribution
    """The reference model's."""
    cycle: int | None
    """At which the RTL issued its pixel."""
    figures: tuple[Pair, ...]
    """Address, operands, weights, sum of products, sum before and behind."""

    @property
    def wrong(self) -> tuple[str, ...]:
        """Names of the figures that differ."""
        return tuple(pair.name for pair in self.figures if pair.golden != pair.rtl)

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of it."""
        term = self.term
        names = ("number", "in_group", "ky", "kx", "row", "column", "outside")
        return {
            **{name: getattr(term, name) for name in names},
            "cycle": self.cycle,
            "products": term.products,
            "figures": [asdict(pair) for pair in self.figures],
            "wrong": self.wrong,
        }


@dataclass(frozen=True, slots=True)
class OutputStep:
    """One figure behind the accumulator, of a read of the output group."""

    step: Step
    name: str
    read: int
    cycle: int
    golden: int
    rtl: int | None

    @property
    def same(self) -> bool:
        """Whether the RTL's figure is the reference model's."""
        return self.golden == self.rtl

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of it."""
        return {**asdict(self), "step": self.step.value, "same": self.same}


def compared_passes(watched: WatchedValue) -> Iterator[ComparedPass]:
    """Every contribution of the value."""
    passes = watched.probe.passes
    for number, term in enumerate(watched.value.contributions):
        held = passes[number] if number < len(passes) else None
        cycle = None if held is None else held.cycle
        yield ComparedPass(term, cycle, tuple(_figures(term, held)))


def _figures(term: Contribution, held: Pass | None) -> Iterator[Pair]:
    if held is None:
        return
    pixel = not term.outside
    yield Pair("address", term.address if pixel else None, held.address if pixel else None)
    yield Pair("outside", int(term.outside), held.outside)
    if held.operands_cycle is not None:
        yield Pair("operands", term.activations, held.act)
        yield Pair("weights", term.weights, held.weight)
    if held.add_cycle is not None:
        yield Pair("products", term.dot, held.dot)
        yield Pair("before", term.sum - term.dot, held.old)
        yield Pair("sum", term.sum, held.sum)


def output_steps(watched: WatchedValue) -> Iterator[OutputStep]:
    """What the reads of the value went through."""
    reads = {read.number: read for read in watched.probe.reads}
    for window in watched.windows:
        for index in range(len(window.values)):
            read = reads.get(window.first_read + index)
            if read is not None:
                yield from _steps_of(watched, window, index, read)


def _steps_of(
    watched: WatchedValue, window: Window, index: int, read: Read
) -> Iterator[OutputStep]:
    value = window.values[index]
    pixel = value.row * watched.job.out_width + value.column
    best = max(window.floor, *(other.value for other in window.values[: index + 1]))
    highest = read.highest[watched.lane] if read.highest else None
    entries: list[tuple[Step, str, int | None, int, Figure]] = [
        (Step.DRAIN, "pixel", read.cycle, pixel, read.pixel),
        (Step.DRAIN, "sum", read.sums_cycle, value.sum, read.sum),
        (Step.REQUANTISER, "rounded", read.round_cycle, value.rounded, read.rounded),
        (Step.ACTIVATION, "value", read.value_cycle, value.value, read.value),
        (Step.POOL, "highest", read.highest_cycle, best, highest),
    ]
    if index == len(window.values) - 1:
        entries.append((Step.OUTPUT, "out", read.highest_cycle, window.highest, read.out))
        for beat in watched.probe.beats:
            if beat.number == read.beat and read.emitted:
                entries.append((Step.OUTPUT, "beat", beat.cycle, window.highest, beat.value))
    for step, name, cycle, golden, rtl in entries:
        if cycle is not None:
            yield OutputStep(step, name, read.number, cycle, golden, rtl)


def comparison_text(
    passes: Sequence[ComparedPass],
    steps: Sequence[OutputStep],
    flow: Sequence[StageCount],
    limit: int | None = None,
) -> str:
    """The contributions, the output's steps, and the counts where one differs, as tables.

    At most `limit` contributions, around the first that differs; all where it is None.
    """
    console = Console(width=WIDTH, color_system=None, highlight=False, record=False)
    left_out = 0 if limit is None else max(len(passes) - limit, 0)
    wrong = (number for number, row in enumerate(passes) if row.wrong)
    start = max(min(next(wrong, len(passes)) - 2, left_out), 0)
    with console.capture() as captured:
        console.print(_pass_table(passes[start : start + len(passes) - left_out]))
        if left_out:
            console.print(f"{left_out} further contributions are in diagnosis.txt")
        if steps:
            console.print(_step_table(steps))
        if any(entry.seen != entry.expected for entry in flow):
            console.print(_count_table(flow))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", justify="left", no_wrap=True)
    return table


def _cell(figure: object, unknown: str = "x") -> str:
    return unknown if figure is None else str(figure)


def _pass_table(passes: Sequence[ComparedPass]) -> Table:
    table = _table("pass", "group", "tap", "input", "cycle", "products", "RTL", "sum", "RTL ")
    for row in passes:
        term, pairs = row.term, {pair.name: pair for pair in row.figures}
        figures = []
        for pair in (pairs.get("products"), pairs.get("sum")):
            figures += ["-", "-"] if pair is None else [str(pair.golden), _cell(pair.rtl)]
        place = "padding" if term.outside else f"{term.row},{term.column}"
        table.add_row(
            *(str(term.number), str(term.in_group), f"{term.ky},{term.kx}", place),
            _cell(row.cycle, "-"),
            *figures,
            Text(f"<- {', '.join(row.wrong)}" if row.wrong else ""),
        )
    return table


def _step_table(steps: Sequence[OutputStep]) -> Table:
    table = _table("read", "step", "figure", "cycle", "reference", "RTL")
    for entry in steps:
        figures = (entry.step.value, entry.name, str(entry.cycle), str(entry.golden))
        mark = "" if entry.same else DIFFERS
        table.add_row(str(entry.read), *figures, _cell(entry.rtl), mark)
    return table


def _count_table(flow: Sequence[StageCount]) -> Table:
    table = _table("counted", "expected", "actual")
    table.columns[0].justify = "left"
    for entry in flow:
        mark = "" if entry.seen == entry.expected else DIFFERS
        table.add_row(entry.name, str(entry.expected), str(entry.seen), mark)
    return table
