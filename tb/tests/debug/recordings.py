"""Recordings as the simulation writes them, of values that a test has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig, ProductMode
from golden.dataflow.tile import Tile
from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from tb.cosim.scoreboard import in_stream_order
from tb.duts.conv_pe.job_record import JobRecord, write_job
from tb.tests.configs import TINY
from tb.tests.cosim.material import small_job

CONFIG = TINY[ProductMode.FULL]
START = 1000
"""Cycle of a recording's first beat; the tap's is half of it."""
Change = Callable[[Int16Array], object]


def write_beats(
    path: Path,
    config: PEConfig,
    values: Int16Array,
    keep: npt.NDArray[np.bool_],
    cycle: npt.NDArray[np.int64],
) -> None:
    """Write a recorder's file: values and kept lanes (beats, P_OC), cycles (beats,)."""
    size = config.act_w // 8
    bits = np.repeat(keep, size, axis=1)
    data = np.ascontiguousarray(values.astype(f"<i{size}")).view(np.uint8)
    last = np.zeros(len(values), bool)
    last[-1:] = True
    parts = [
        _words(data),
        _words(np.packbits(bits, axis=1, bitorder="little")),
        last[:, None].astype("<u4"),
        cycle.astype("<i8")[:, None].view("<u4"),
    ]
    np.concatenate(parts, axis=1).tofile(path)


def _words(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    spare = -data.shape[1] % 4
    return np.ascontiguousarray(np.pad(data, ((0, 0), (0, spare)))).view("<u4")


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A job in a folder, its expected values, and recordings to be written of it.

    Parameters
    ----------
    folder : Path
    record : JobRecord
    expected, activated : ndarray of int16, (C, H, W)
        What leaves, and what the activation makes.
    """

    folder: Path
    record: JobRecord
    expected: Int16Array
    activated: Int16Array
    config: PEConfig = field(default=CONFIG)

    def output(
        self,
        change: Change = lambda values: None,
        order: Sequence[int] | None = None,
        gaps: Sequence[int] = (),
        stray: tuple[int, int] | None = None,
    ) -> Recorded:
        """Write what left.

        Parameters
        ----------
        change : callable
            Changes the tensor in place.
        order : sequence of int, optional
            The beats that came, by number.
        gaps : sequence of int
            Beats that came three cycles late.
        stray : tuple of int, optional
            Beat and lane that is kept although it carries no channel.
        """
        values = self.expected.copy()
        change(values)
        beats, live = in_stream_order(values, self.config)
        chosen = np.arange(len(beats)) if order is None else np.array(order, int)
        keep = live[chosen].copy()
        if stray is not None:
            keep[stray] = True
        cycle = START + np.arange(len(chosen), dtype=np.int64)
        for gap in gaps:
            cycle[gap:] += 3
        path = self.folder / f"{self.record.stem}.out"
        write_beats(path, self.config, beats[chosen], keep, cycle)
        return self

    def tap(self, change: Change = lambda values: None, reads: int | None = None) -> Recorded:
        """Write what the activation made; `change` is given the beats (reads, P_OC)."""
        tile, record = self.record.tile, self.record
        order = record.readout.order(tile.height, tile.width)
        flat = self.activated.reshape(len(self.activated), -1, 1)
        beats, _ = in_stream_order(flat[:, order], self.config)
        beats = beats.copy()
        change(beats)
        beats = beats[:reads]
        path = self.folder / f"{record.stem}.tap"
        keep = np.ones(beats.shape, bool)
        cycle = START // 2 + np.arange(len(beats), dtype=np.int64)
        write_beats(path, self.config, beats, keep, cycle)
        return self


def recorded(
    folder: Path,
    readout: Readout = PLAIN,
    *,
    channels: int = 10,
    output: tuple[int, int] = (6, 7),
    at: tuple[int, int, int] = (0, 0, 0),
    shift: int = 19,
    seed: int = 1,
) -> Recorded:
    """A small job in a folder; `at` is its first channel, row and column in the layer."""
    job, _ = small_job(CONFIG, 4, channels, output=output, seed=seed, readout=readout)
    job = replace(job, layer=replace(job.layer, shift=shift))
    activated = spec.conv(job.input, job.layer)
    expected = readout.apply(activated)
    record = write_job(folder, 3, job, expected, CONFIG, tile_number=5, activated=activated)
    first, row, column = at
    tile, out = record.tile, record.output
    record = replace(
        record,
        tile=replace(
            tile, row=row, column=column, first_channel=first, last_channel=first + channels
        ),
        output=None if out is None else _moved(out, first, channels),
    )
    return Recorded(folder, record, expected, activated)


def _moved(tile: Tile, first: int, channels: int) -> Tile:
    return replace(tile, first_channel=first, last_channel=first + channels)
