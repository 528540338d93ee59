"""Which of the drain's reads a value belongs to, and which pixel and output beat those are."""

from __future__ import annotations

import numpy as np

from golden.dataflow.tile import Tile
from tb.debug.mismatch.values import ACTIVATION, OUTPUT, Values
from tb.duts.conv_pe.job_record import JobRecord


def pixel_of(values: Values, record: JobRecord, position: int) -> tuple[int, int]:
    """Row and column, within the tile, of a group's beat."""
    tile = values.tile
    if values.place == OUTPUT:
        return divmod(position, tile.width)
    return divmod(int(record.readout.order(*_size(tile))[position]), tile.width)


def reads_of(values: Values, record: JobRecord, position: int) -> tuple[int, int]:
    """First and last read of the group that belong to the value of a beat."""
    tile, readout = record.tile, record.readout
    order, windows = readout.order(*_size(tile)), readout.windows(*_size(tile))
    if readout.upsample:
        mine = np.flatnonzero(order == order[position])
    else:
        window = windows[position] if values.place == ACTIVATION else position
        mine = np.flatnonzero(windows == window)
    return int(mine[0]), int(mine[-1])


def deciding_pixel(
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


def left_cycle(values: Values, output: Values, record: JobRecord, beat: int) -> int | None:
    """Clock at which the output that a beat's value is or went into left, if it did."""
    if values.place == ACTIVATION:
        group, position = divmod(beat, values.beats)
        window = int(record.readout.windows(*_size(record.tile))[position])
        beat = group * output.beats + window
    cycles = output.cycle[(output.beat == beat) & output.present]
    return int(cycles[0]) if cycles.size else None


def _size(tile: Tile) -> tuple[int, int]:
    return tile.height, tile.width
