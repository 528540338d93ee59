"""The probe: follows one value through the PE in a simulation, and what it saw.

``tb/hdl/job_probe.v`` writes ``probe.txt`` into the working folder: a line an event, with
a tag, the cycle and figures in hexadecimal. A figure in which a digit is X or Z is None
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from golden.config import PEConfig
from tb.debug.probe.events import Probe
from tb.debug.probe.read_order import windows
from tb.debug.probe.reader import read_probe
from tb.duts.conv_pe.job_record import JobRecord, write_list
from tb.toolchain import build
from tb.toolchain.simulators import ToolError
from tb.toolchain.wave_window import Wave

__all__ = ["Probe", "Watch", "read_probe", "run_probe", "watch_activated", "watch_output"]

PROBE_FILE: Final = "probe.txt"
MODULE: Final = "tb.cosim.cocotb_test"


@dataclass(frozen=True, slots=True)
class Watch:
    """The value that the probe follows.

    Parameters
    ----------
    group : int
        Output group, counted since the reset.
    lane : int
        Lane of that group.
    pixel : int
        Raster number in the convolution's tile.
    first_read, last_read : int
        The drain's reads of the group that make the value that leaves: the pixels of its
        window, in the order of the readout; of a plain readout the pixel itself.
    """

    group: int
    lane: int
    pixel: int
    first_read: int
    last_read: int

    def plusargs(self) -> list[str]:
        """What the simulation is told."""
        figures = (self.group, self.lane, self.pixel, self.first_read, self.last_read)
        names = ("group", "lane", "pixel", "first", "last")
        return [f"+probe_{name}={value}" for name, value in zip(names, figures, strict=True)]


def watch_activated(
    record: JobRecord, config: PEConfig, channel: int, row: int, column: int, first_group: int = 0
) -> Watch:
    """Follow a value of the convolution, and the first value that leaves because of it.

    Parameters
    ----------
    record : JobRecord
    config : PEConfig
    channel, row, column : int
        In the layer's output, as ``record.tile`` counts.
    first_group : int
        Output groups that run before the job in the same simulation.
    """
    tile = record.tile
    pixel = (row - tile.row) * tile.width + column - tile.column
    read = 0
    for window in windows(record.readout, tile.height, tile.width):
        if pixel in window:
            return _watch(
                config, channel - tile.first_channel, first_group, pixel, read, len(window)
            )
        read += len(window)
    return _watch(config, channel - tile.first_channel, first_group, pixel, 0, 1)


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
    record : JobRecord
    config : PEConfig
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
    pixel = order[place][member]
    lane = channel - out.first_channel
    return _watch(config, lane, first_group, pixel, first, len(order[place]))


def _watch(
    config: PEConfig, channel: int, first_group: int, pixel: int, read: int, count: int
) -> Watch:
    group, lane = divmod(channel, config.p_oc)
    return Watch(first_group + group, lane, pixel, read, read + count - 1)


def run_probe(
    made: build.Build,
    folder: Path,
    records: Sequence[JobRecord],
    watch: Watch,
    seed: int = 1,
    *,
    wave: Wave | None = None,
    poll: Callable[[], None] | None = None,
    plusargs: Sequence[str] = (),
) -> Probe:
    """Run jobs whose files are in a folder, following one value.

    Parameters
    ----------
    made : Build
        Compiled with ``waves=True``, which compiles the probe in.
    folder : Path
        Holds the jobs' files; takes ``jobs.json``, ``probe.txt`` and the recordings.
    records : sequence of JobRecord
    watch : Watch
    seed : int
    wave : Wave, optional
    poll : callable, optional
        Called some ten times a second.
    plusargs : sequence of str
        Further ones.

    Raises
    ------
    ToolError
        The simulator never came so far as to write ``probe.txt``.
    """
    write_list(folder, made.config, records)
    (folder / PROBE_FILE).unlink(missing_ok=True)
    given = [*watch.plusargs(), *plusargs]
    build.run(made, MODULE, folder, seed=seed, wave=wave, poll=poll, plusargs=given)
    path = folder / PROBE_FILE
    if not path.is_file():
        raise ToolError(f"the simulator wrote no {PROBE_FILE}; see {folder / 'simulator.log'}")
    return read_probe(path)
