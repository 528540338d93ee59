"""Golden's figures beside the RTL's: each contribution, and each step behind the sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tb.debug.localization.contributions import Contribution, Window
from tb.debug.localization.finding import Followed
from tb.debug.probe.events import Figure, Pass, Read, Vector
from tb.duts.conv_pe.pipeline_steps import Step


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of golden's and the RTL's; None where it never came, or holds an X."""

    name: str
    golden: int | tuple[int, ...] | None
    rtl: int | Vector | None

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.golden == self.rtl


@dataclass(frozen=True, slots=True)
class Row:
    """One contribution.

    Parameters
    ----------
    number, in_group, ky, kx : int
        Pass, input channels and tap.
    row, column : int
        Input pixel, in the job's input.
    outside : bool
        Whether it lies in the padding.
    cycle : int or None
        At which its pixel was issued.
    products : tuple of int
        Golden's.
    figures : tuple of Pair
        Address, operands, weights, sum of products, sum before and behind.
    wrong : tuple of str
        Names of the figures that differ.
    """

    number: int
    in_group: int
    ky: int
    kx: int
    row: int
    column: int
    outside: bool
    cycle: int | None
    products: tuple[int, ...]
    figures: tuple[Pair, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutputStep:
    """One figure behind the accumulator.

    Parameters
    ----------
    step : Step
    name : str
    read : int
        Of the output group.
    cycle : int or None
    golden, rtl : int or None
    same : bool
    """

    step: Step
    name: str
    read: int
    cycle: int | None
    golden: int
    rtl: int | None
    same: bool


def rows_of(followed: Followed) -> Iterator[Row]:
    """Every contribution of the value."""
    seen = list(followed.probe.passes)
    for number, term in enumerate(followed.value.contributions):
        yield _row(term, seen[number] if number < len(seen) else None)


def _row(term: Contribution, seen: Pass | None) -> Row:
    figures = []
    if seen is not None:
        address = None if term.outside else term.address
        figures.append(Pair("address", address, None if term.outside else seen.address))
        figures.append(Pair("outside", int(term.outside), seen.outside))
        if seen.operands_cycle is not None:
            figures.append(Pair("operands", term.activations, seen.act))
            figures.append(Pair("weights", term.weights, seen.weight))
        if seen.add_cycle is not None:
            figures.append(Pair("products", term.dot, seen.dot))
            figures.append(Pair("before", term.sum - term.dot, seen.old))
            figures.append(Pair("sum", term.sum, seen.sum))
    wrong = tuple(pair.name for pair in figures if not pair.same)
    return Row(
        number=term.number,
        in_group=term.in_group,
        ky=term.ky,
        kx=term.kx,
        row=term.row,
        column=term.column,
        outside=term.outside,
        cycle=None if seen is None else seen.cycle,
        products=term.products,
        figures=tuple(figures),
        wrong=wrong,
    )


def output_steps_of(followed: Followed) -> Iterator[OutputStep]:
    """What the reads of the value went through."""
    seen = {read.number: read for read in followed.probe.reads}
    for window in followed.windows:
        for index in range(len(window.values)):
            read = seen.get(window.first_read + index)
            if read is not None:
                yield from _steps_of(followed, window, index, read)


def _steps_of(followed: Followed, window: Window, index: int, read: Read) -> Iterator[OutputStep]:
    value = window.values[index]
    pixel = value.row * followed.job.out_width + value.column
    best = max(window.floor, *(held.value for held in window.values[: index + 1]))
    highest = read.highest[followed.lane] if read.highest else None
    entries: list[tuple[Step, str, int | None, int, Figure]] = [
        (Step.DRAIN, "pixel", read.cycle, pixel, read.pixel),
        (Step.DRAIN, "sum", read.sums_cycle, value.sum, read.sum),
        (Step.REQUANTISER, "rounded", read.round_cycle, value.rounded, read.rounded),
        (Step.ACTIVATION, "value", read.value_cycle, value.value, read.value),
        (Step.POOL, "highest", read.highest_cycle, best, highest),
    ]
    if index == len(window.values) - 1:
        entries.append((Step.OUTPUT, "out", read.highest_cycle, window.highest, read.out))
        for beat in followed.probe.beats:
            if beat.number == read.beat and read.emitted:
                entries.append((Step.OUTPUT, "beat", beat.cycle, window.highest, beat.value))
    for step, name, cycle, golden, rtl in entries:
        if cycle is not None:
            yield OutputStep(step, name, read.number, cycle, golden, rtl, golden == rtl)
