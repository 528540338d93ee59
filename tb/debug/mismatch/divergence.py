"""Where a job's values first differ from those expected: one value, and all that is known of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from golden.config import PEConfig
from golden.dataflow.tile import Tile
from tb.debug.mismatch.values import ACTIVATION, OUTPUT, Values, job_values
from tb.duts.conv_pe.job_record import JobRecord
from tb.toolchain.waves import CYCLE_NS


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first wrong value of a job, in the order of the data flow.

    The activation stage comes before the output, and within a place values come in
    the order in which they leave it.
    """

    kind: str
    """``mismatch``, ``shortage`` (the first value that did not come) or ``surplus`` (the first that
    came and is not expected).
    """
    place: str
    """``activation``: behind the activation stage, before a pool or an upsampling; ``output``: as
    it left the PE.
    """
    layer: str
    """Whose job it is."""
    node: str
    """Layer whose tensor the coordinates are of."""
    job: int
    """Number within the layer, from 0."""
    tile: Tile
    """The job's part of that tensor."""
    group: int | None
    lane: int
    """Output group within the job, and lane of the array. For a surplus the group, and the
    coordinates, are None where the value came behind the last one expected.
    """
    channel: int | None
    row: int | None
    column: int | None
    """In the layer's whole tensor."""
    pixel: int | None
    """Pixel of the convolution's tile, in raster order, that the value is made of: for a wrong
    maximum of right values the one that should have won.
    """
    expected: int | None
    actual: int | None
    """None where nothing is expected, or nothing came."""
    difference: int | None
    """`actual` less `expected`, LSB."""
    wrong_bits: tuple[int, ...]
    """Numbers of the bits that differ, the lowest first."""
    expected_bits: str | None
    actual_bits: str | None
    """Two's complement, the highest bit first."""
    cycle: int | None
    """Clock at which it stood at `place`; the waves have it as ``sim_top.cycle``."""
    time_ns: float | None
    """Simulation time of that clock."""
    left_cycle: int | None
    """Clock at which the output that it is, or went into, left the PE; None if none did."""
    cycle_before: int | None
    """Clock of the beat before it at `place`; None for a job's first."""
    first_read: int | None
    last_read: int | None
    """Of the drain's reads of the group, those that belong to it: the pool's window, the copies of
    an upsampled pixel, else the value's own.
    """
    wrong: int
    values: int
    """Values at `place` that are wrong or missing, and all that are expected there, each counted
    once however often it is read.
    """
    missing: int
    surplus: int
    """Of them those that did not come; and those that came beyond them."""
    unknown: bool = False
    """Whether `actual` may stand for an X or a Z, which is recorded as 0."""

    def as_json(self) -> dict[str, Any]:
        """All fields, the tile's among them."""
        return asdict(self)

    @property
    def where(self) -> str:
        """The value's coordinates in the layer's tensor, as far as it has any."""
        if self.row is None:
            return f"{self.node}: behind the last value"
        channel = f"lane {self.lane}" if self.channel is None else f"channel {self.channel}"
        return f"{self.node}: {channel} row {self.row} column {self.column}"

    def sentence(self) -> str:
        """The value, what is wrong with it, and when, in a line."""
        stood = self._stood()
        if self.kind == "shortage":
            return f"{self.where}: expected {self.expected}, nothing came"
        if self.kind == "surplus":
            text = f"{self.where}: {self.actual} came where nothing is expected"
            return f"{text}, {stood} in cycle {self.cycle}"
        actual = f"{self.actual} ({self.difference:+d} LSB)"
        if self.unknown:
            actual = "0 or unknown, since an X is recorded as 0"
        text = f"{self.where}: expected {self.expected}, actual {actual}"
        return f"{text}, {stood} in cycle {self.cycle}"

    def lines(self) -> list[str]:
        """All of it for a terminal."""
        group = "" if self.group is None else f"output group {self.group}, "
        lines = [f"{self.where}  (job {self.job} of {self.layer}, {group}lane {self.lane})"]
        figures = (
            ("expected", self.expected, self.expected_bits),
            ("actual", self.actual, self.actual_bits),
        )
        for name, value, bits in figures:
            lines.append(f"{name:8} {'nothing' if value is None else f'{value:>7}  {bits}'}")
        if self.unknown:
            lines[-1] += "  or an X, which is recorded as 0"
        elif self.difference is not None:
            flipped = " ".join(map(str, self.wrong_bits))
            lines[-1] += (
                f"  {self.difference:+d} LSB, bit{'s' * (len(self.wrong_bits) > 1)} {flipped}"
            )
        if self.cycle is not None:
            lines.append(f"{self._stood()} in cycle {self.cycle}, at {self.time_ns:,.0f} ns")
        elif self.cycle_before is not None:
            lines.append(f"the beat before it {self._stood()} in cycle {self.cycle_before}")
        if self.place == ACTIVATION and None not in (self.cycle, self.left_cycle):
            lines[-1] += f"; what it went into left the PE in cycle {self.left_cycle}"
        return lines

    def _stood(self) -> str:
        return "activated" if self.place == ACTIVATION else "left the PE"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A job's first wrong value, and all values of the place where it was recorded."""

    divergence: Divergence | None
    """None where every value is right."""
    values: Values
    """At the divergence's place; where there is none, at the output."""


def compare(
    folder: Path,
    record: JobRecord,
    config: PEConfig,
    *,
    conv: str = "",
    node: str = "",
    cycle_ns: float = CYCLE_NS,
    unknown: bool = False,
) -> Comparison:
    """Compare what was recorded of a job with its expected values.

    Parameters
    ----------
    folder : Path
        With the job's expected values and recordings; one that ends early is compared as
        far as it goes.
    conv, node : str
        Layers of the convolution's values and of what leaves; the record's unless given.
    cycle_ns : float
        Period of the clock.
    unknown : bool
        Whether the job failed by an X or a Z (`unknown_value`): it is recorded as 0.

    Raises
    ------
    InputError
        The expected values are missing or have another shape.
    """
    places = job_values(folder, record, config, conv, node)
    for values in (replace(values, unknown=unknown) for values in places):
        found = _first(values)
        if found is not None:
            return Comparison(_divergence(values, places[-1], found, record, cycle_ns), values)
    return Comparison(None, places[-1])


def _first(values: Values) -> tuple[int, int, int | None] | None:
    """Beat and lane of the first deviation, and its entry where a value is expected."""
    wrong = np.flatnonzero(values.wrong)
    found = None
    if wrong.size:
        entry = int(wrong[0])
        found = int(values.beat[entry]), int(values.lane[entry]), entry
    if values.first_surplus is not None:
        beat, lane = values.first_surplus[:2]
        if found is None or (beat, lane) < found[:2]:
            return beat, lane, None
    return found


def _divergence(
    values: Values,
    output: Values,
    found: tuple[int, int, int | None],
    record: JobRecord,
    cycle_ns: float,
) -> Divergence:
    """Put a deviation into words and figures; `output` has the job's last place."""
    (beat, lane, entry), once = found, values.once()
    group, position = divmod(beat, values.beats)
    placed = entry is not None or group * values.lanes < values.channel.max() + 1
    row, column = _pixel_of(values, record, position) if placed else (None, None)
    channel = group * values.lanes + lane if entry is not None else None
    expected = None if entry is None else int(values.expected[entry])
    actual, cycle = _actual(values, entry)
    reads = _reads_of(values, record, position) if placed else None
    pixel = None if reads is None else _deciding_pixel(values, record, beat, entry, reads)
    flipped = (expected or 0) ^ (actual or 0) if None not in (expected, actual) else 0
    before = values.cycle[(values.beat == beat - 1) & values.present]
    tile = values.tile
    return Divergence(
        kind="surplus" if entry is None else "shortage" if actual is None else "mismatch",
        place=values.place,
        layer=record.layer,
        node=values.node,
        job=record.tile_number,
        tile=tile,
        group=group if placed else None,
        lane=lane,
        channel=None if channel is None else tile.first_channel + channel,
        row=None if row is None else tile.row + row,
        column=None if column is None else tile.column + column,
        pixel=pixel,
        expected=expected,
        actual=actual,
        difference=actual - expected if expected is not None and actual is not None else None,
        wrong_bits=tuple(bit for bit in range(values.act_w) if flipped >> bit & 1),
        expected_bits=_bits(expected, values.act_w),
        actual_bits=_bits(actual, values.act_w),
        cycle=cycle,
        time_ns=None if cycle is None else cycle * cycle_ns + cycle_ns / 2,
        left_cycle=_left_cycle(values, output, record, beat) if placed else None,
        cycle_before=int(before[0]) if before.size else None,
        first_read=None if reads is None else reads[0],
        last_read=None if reads is None else reads[1],
        wrong=int(once.wrong.sum()),
        values=len(once.expected),
        missing=int((~once.present).sum()),
        surplus=values.surplus,
        unknown=values.unknown and actual == 0,
    )


def _pixel_of(values: Values, record: JobRecord, position: int) -> tuple[int, int]:
    """Row and column, within the tile, of a group's beat."""
    tile = values.tile
    if values.place == OUTPUT:
        return divmod(position, tile.width)
    return divmod(int(record.readout.order(*_size(tile))[position]), tile.width)


def _reads_of(values: Values, record: JobRecord, position: int) -> tuple[int, int]:
    """First and last read of the group that belong to the value of a beat."""
    tile, readout = record.tile, record.readout
    order, windows = readout.order(*_size(tile)), readout.windows(*_size(tile))
    if readout.upsample:
        mine = np.flatnonzero(order == order[position])
    else:
        window = windows[position] if values.place == ACTIVATION else position
        mine = np.flatnonzero(windows == window)
    return int(mine[0]), int(mine[-1])


def _deciding_pixel(
    values: Values, record: JobRecord, beat: int, entry: int | None, reads: tuple[int, int]
) -> int:
    """Pixel of the convolution's tile that a beat's value is made of, in raster order.

    For a maximum it is the one that should have won; `entry` says which value that is.
    """
    order = record.readout.order(*_size(record.tile))
    position = beat % values.beats
    if values.place == ACTIVATION or record.readout.upsample or record.readout.plain:
        return int(order[position])
    window = order[reads[0] : reads[1] + 1]
    if entry is None or values.activated is None:
        return int(window[0])
    channel = int(values.channel[entry])
    members = values.activated[channel].reshape(-1)[window]
    return int(window[members.argmax()])


def _left_cycle(values: Values, output: Values, record: JobRecord, beat: int) -> int | None:
    """Clock at which the output that a beat's value is or went into left, if it did."""
    if values.place == ACTIVATION:
        group, position = divmod(beat, values.beats)
        window = int(record.readout.windows(*_size(record.tile))[position])
        beat = group * output.beats + window
    cycles = output.cycle[(output.beat == beat) & output.present]
    return int(cycles[0]) if cycles.size else None


def _size(tile: Tile) -> tuple[int, int]:
    return tile.height, tile.width


def _actual(values: Values, entry: int | None) -> tuple[int | None, int | None]:
    """What came and when."""
    if entry is None:
        assert values.first_surplus is not None
        return values.first_surplus[2:]
    if not values.present[entry]:
        return None, None
    return int(values.actual[entry]), int(values.cycle[entry])


def _bits(value: int | None, width: int) -> str | None:
    return None if value is None else format(value & ((1 << width) - 1), f"0{width}b")
