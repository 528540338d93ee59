"""One job's values at one place of the PE, expected and recorded, in the order of the stream.

A job is recorded at two places: at the activation stage, before a pool or an upsampling,
where the tap records each read; and at the output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import InputError, PEConfig
from golden.dataflow.tile import Tile
from tb.cosim.scoreboard import in_stream_order
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.packing import Recording, Tap, read_recording, read_tap
from tb.duts.conv_pe.registers import Register

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
T = TypeVar("T", Recording, Tap)

ACTIVATION: Final = "activation"
OUTPUT: Final = "output"
NO_CYCLE: Final = -1
SIDES: Final = ("top", "bottom", "left", "right")
"""Sides of a tile, by the bits of `Values.padded`."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Expected values and the RTL's at one place, one entry a value that is expected there."""

    place: str
    """``activation`` or ``output``."""
    node: str
    """The layer that the values belong to."""
    tile: Tile
    """Where in that layer's tensor."""
    lanes: int
    """Output lanes of the array."""
    act_w: int
    """Bits of a value."""
    beats: int
    """Beats that one output group has here."""
    expected: Ints
    actual: Ints
    """`actual` is 0 where nothing came, (n,)."""
    present: Bools
    """Whether anything came, (n,)."""
    beat: Ints
    lane: Ints
    """In the order of the stream: beat by beat, lane by lane, (n,)."""
    channel: Ints
    row: Ints
    column: Ints
    """Within the tile, (n,)."""
    cycle: Ints
    """Clock at which it stood here; `NO_CYCLE` where nothing came, (n,)."""
    stalled: Bools
    """Whether its beat came later behind the one before it than is usual, (n,)."""
    padded: Ints
    """Sides on which what the value is made of reaches into padding, bits of `SIDES`, (n,)."""
    surplus: int = 0
    """Values that came and are not expected."""
    behind: int = 0
    """Those of them behind the last beat expected; the others are in lanes without a channel."""
    first_surplus: tuple[int, int, int, int] | None = None
    """Beat, lane, value and cycle of the first of them."""
    activated: Int16Array | None = None
    """What is expected before the readout, where that is not plain, (C, H, W)."""
    unknown: bool = False
    """Whether a checker saw an X or a Z among them; it is recorded as 0."""

    @property
    def differs(self) -> Bools:
        """Where a value came and is wrong."""
        differs: Bools = self.present & (self.expected != self.actual)
        return differs

    @property
    def wrong(self) -> Bools:
        """Where a value is wrong or did not come."""
        wrong: Bools = ~self.present | (self.expected != self.actual)
        return wrong

    @property
    def group(self) -> Ints:
        """Output group of each value, within the job."""
        return self.channel // self.lanes

    def at(self, chosen: Ints | Bools) -> Values:
        """The values of some indices, or where a mask is true."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _ENTRIES})

    def once(self) -> Values:
        """Each value once, where some are read several times: a wrong read before right ones."""
        key = (self.channel * self.tile.height + self.row) * self.tile.width + self.column
        order = np.lexsort((np.arange(len(key)), ~self.wrong, key))
        first = np.ones(len(key), bool)
        first[1:] = key[order][1:] != key[order][:-1]
        return self if first.all() else self.at(np.sort(order[first]))


_ENTRIES: Final = (
    *("expected", "actual", "present", "beat", "lane", "channel", "row", "column"),
    *("cycle", "stalled", "padded"),
)
"""The fields of `Values` with one entry a value."""


def job_values(
    folder: Path, record: JobRecord, config: PEConfig, conv: str = "", node: str = ""
) -> tuple[Values, ...]:
    """A job's values at each place where they were recorded, in the order of the data flow.

    A recording that is missing or ends early is taken as far as it goes.

    Parameters
    ----------
    folder : Path
        With the job's expected values and recordings, as `tb.duts.conv_pe.job_record` names them.
    conv, node : str
        Layer of the convolution's values, and of what leaves; the record's unless given.

    Raises
    ------
    InputError
        The expected values are missing or have another shape.
    """
    expected = _expected(folder, record, "expected", record.out_tile)
    left = _output_values(expected, _output(folder, record, config), record, config, node)
    if not record.tap:
        return (left,)
    activated = _expected(folder, record, "activated", record.tile)
    before = _tap_values(activated, _tap(folder, record, config), record, config, conv)
    return before, replace(left, activated=activated)


def _expected(folder: Path, record: JobRecord, kind: str, tile: Tile) -> Int16Array:
    path = folder / f"{record.stem}.{kind}.npy"
    if not path.is_file():
        raise InputError(f"{path}: the job's expected values are not there")
    tensor: Int16Array = np.load(path)
    shape = (tile.last_channel - tile.first_channel, tile.height, tile.width)
    if tensor.shape != shape:
        raise InputError(f"{path}: shape {tensor.shape}, but the job makes {shape}")
    return tensor


def _read(path: Path, read: Callable[[], T], nothing: T) -> T:
    return read() if path.is_file() and path.stat().st_size else nothing


def _output(folder: Path, record: JobRecord, config: PEConfig) -> Recording:
    path = folder / f"{record.stem}.out"
    lanes, flags = np.zeros((0, config.p_oc)), np.zeros(0, bool)
    nothing = Recording(
        lanes.astype(np.int16), lanes.astype(bool), flags, flags.copy(), np.zeros(0, np.int64)
    )
    return _read(path, lambda: read_recording(path, config, cut=True), nothing)


def _tap(folder: Path, record: JobRecord, config: PEConfig) -> Tap:
    path = folder / f"{record.stem}.tap"
    nothing = Tap(np.zeros((0, config.p_oc), np.int16), np.zeros(0, np.int64))
    return _read(path, lambda: read_tap(path, config, cut=True), nothing)


def _output_values(
    expected: Int16Array, recording: Recording, record: JobRecord, config: PEConfig, node: str = ""
) -> Values:
    """What left the PE, and the expected tensor (C, H, W)."""
    tile = record.out_tile
    wanted, live = in_stream_order(expected, config)
    beats = len(recording.values)
    came = np.zeros_like(live)
    came[:beats] = recording.keep[: len(live)]
    extra = np.zeros((max(beats, len(live)), config.p_oc), bool)
    extra[:beats] = recording.keep
    extra[: len(live)] &= ~live
    pixels = np.arange(tile.pixels)
    values = _values(OUTPUT, node or record.layer, tile, record, config, wanted, live, pixels)
    return _with_actual(values, recording.values, recording.cycle, came, extra)


def _tap_values(
    expected: Int16Array, tap: Tap, record: JobRecord, config: PEConfig, node: str = ""
) -> Values:
    """What the activation stage made, read by read, and its tensor (C, H, W)."""
    tile = record.tile
    pixels = record.readout.order(tile.height, tile.width)
    wanted, live = in_stream_order(expected.reshape(len(expected), -1, 1)[:, pixels], config)
    beats = len(tap.values)
    came = live & (np.arange(len(live)) < beats)[:, None]
    extra = np.zeros((max(beats, len(live)), config.p_oc), bool)
    extra[len(live) : beats] = True
    values = _values(ACTIVATION, node or record.layer, tile, record, config, wanted, live, pixels)
    return _with_actual(values, tap.values, tap.cycle, came, extra)


def _values(
    place: str,
    node: str,
    tile: Tile,
    record: JobRecord,
    config: PEConfig,
    wanted: Int16Array,
    live: Bools,
    pixels: Ints,
) -> Values:
    """The expected half; `pixels` are those of a group's beats, within the tile."""
    beat, lane = np.nonzero(live)
    group, position = np.divmod(beat, len(pixels))
    row, column = np.divmod(pixels[position], tile.width)
    nothing = np.zeros(len(beat), np.int64)
    return Values(
        place=place,
        node=node,
        tile=tile,
        lanes=config.p_oc,
        act_w=config.act_w,
        beats=len(pixels),
        expected=wanted[live].astype(np.int64),
        actual=nothing,
        present=np.zeros(len(beat), bool),
        beat=beat,
        lane=lane,
        channel=group * config.p_oc + lane,
        row=row,
        column=column,
        cycle=nothing + NO_CYCLE,
        stalled=np.zeros(len(beat), bool),
        padded=_padded(place, record, row, column),
    )


def _with_actual(
    values: Values, actual: Int16Array, cycle: Ints, came: Bools, extra: Bools
) -> Values:
    """The other half: `came` and `extra` say of each lane of each beat what is there."""
    present = came[values.beat, values.lane]
    beat, lane = values.beat[present], values.lane[present]
    recorded, clock = np.zeros_like(values.actual), values.cycle.copy()
    recorded[present], clock[present] = actual[beat, lane], cycle[beat]
    first: tuple[int, int, int, int] | None = None
    if extra.any():
        at, of = (int(index[0]) for index in np.nonzero(extra))
        first = (at, of, int(actual[at, of]), int(cycle[at]))
    late = _late(cycle, values.beats)
    stalled = np.zeros_like(present)
    stalled[present] = late[beat]
    return replace(
        values,
        actual=recorded,
        present=present,
        cycle=clock,
        stalled=stalled,
        surplus=int(extra.sum()),
        behind=int(extra[values.beat.max() + 1 :].sum()),
        first_surplus=first,
    )


def _late(cycle: Ints, beats: int) -> Bools:
    """Beats that came later behind the one before, in their group, than most do."""
    late = np.zeros(len(cycle), bool)
    later = np.flatnonzero(np.arange(len(cycle)) % beats)
    if later.size:
        gaps = cycle[later] - cycle[later - 1]
        late[later] = gaps > np.bincount(np.maximum(gaps, 0)).argmax()
    return late


def _padded(place: str, record: JobRecord, row: Ints, column: Ints) -> Ints:
    """Sides on which kernels, or for what a pool makes its windows, reach into padding."""
    readout = record.readout
    if place == OUTPUT and readout.upsample:
        row, column = row // 2, column // 2
    elif place == OUTPUT and not readout.plain:
        below = row * readout.stride + readout.size > record.tile.height
        right = column * readout.stride + readout.size > record.tile.width
        return below.astype(np.int64) << 1 | right.astype(np.int64) << 3
    kernel, size = record.registers[Register.KERNEL], record.registers[Register.IN_SIZE]
    kh, kw, stride, top, left = ((kernel >> bit) & 15 for bit in (0, 4, 8, 12, 20))
    y, x = row * stride - top, column * stride - left
    reaches = (y < 0, y + kh > size >> 16, x < 0, x + kw > size & 0xFFFF)
    found = np.zeros(len(row), np.int64)
    for bit, mask in enumerate(reaches):
        found |= mask.astype(np.int64) << bit
    return found
