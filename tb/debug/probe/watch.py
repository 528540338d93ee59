"""The value that the probe is to follow through the PE, and the reads that it leaves by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from golden.config import PEConfig
from golden.reference.readout import Readout
from tb.duts.conv_pe.job_record import JobRecord


@dataclass(frozen=True, slots=True)
class Watch:
    """The value that the probe follows."""

    group: int
    """Output group, counted since the reset."""
    lane: int
    """Lane of that group."""
    pixel: int
    """Raster number in the convolution's tile."""
    first_read: int
    last_read: int
    """The drain's reads of the group that make the value that leaves: the pixels of its window, in
    the order of the readout; of a plain readout the pixel itself.
    """

    def plusargs(self) -> list[str]:
        """The simulator's arguments for it."""
        figures = (self.group, self.lane, self.pixel, self.first_read, self.last_read)
        names = ("group", "lane", "pixel", "first", "last")
        return [f"+probe_{name}={value}" for name, value in zip(names, figures, strict=True)]


def windows(readout: Readout, rows: int, columns: int) -> list[tuple[int, ...]]:
    """The pixels of a tile that make each value that leaves, in the order of their reads.

    Raster numbers, one tuple for each value; pixels in the padding are left out.

    >>> windows(Readout(size=2, pad_right=True), 2, 3)
    [(0, 1, 3, 4), (1, 2, 4, 5), (2, 5)]
    >>> windows(Readout(upsample=True), 1, 2)[:3]
    [(0,), (0,), (1,)]
    """
    ends = np.flatnonzero(np.diff(readout.windows(rows, columns))) + 1
    return [tuple(part.tolist()) for part in np.split(readout.order(rows, columns), ends)]


def watch_activated(
    record: JobRecord, config: PEConfig, channel: int, row: int, column: int, first_group: int = 0
) -> Watch:
    """Follow a value of the convolution, and the first value that leaves because of it.

    Parameters
    ----------
    channel, row, column : int
        In the layer's output, as ``record.tile`` counts.
    first_group : int
        Output groups that run before the job in the same simulation.
    """
    tile = record.tile
    pixel = (row - tile.row) * tile.width + column - tile.column
    group, lane = divmod(channel - tile.first_channel, config.p_oc)
    read = 0
    for window in windows(record.readout, tile.height, tile.width):
        if pixel in window:
            return Watch(first_group + group, lane, pixel, read, read + len(window) - 1)
        read += len(window)
    return Watch(first_group + group, lane, pixel, 0, 0)


def watch_output(
    record: JobRecord,
    config: PEConfig,
    channel: int,
    row: int,
    column: int,
    first_group: int = 0,
    member: int = 0,
) -> Watch:
    """Follow a value that leaves.

    Parameters
    ----------
    channel, row, column : int
        In the node that the job makes, as ``record.out_tile`` counts.
    first_group : int
        Output groups that run before the job in the same simulation.
    member : int
        Which pixel of its window to follow through the array.
    """
    tile, out = record.tile, record.out_tile
    place = (row - out.row) * out.width + column - out.column
    order = windows(record.readout, tile.height, tile.width)
    first = sum(map(len, order[:place]))
    group, lane = divmod(channel - out.first_channel, config.p_oc)
    last = first + len(order[place]) - 1
    return Watch(first_group + group, lane, order[place][member], first, last)
