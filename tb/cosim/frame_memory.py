"""A frame's tensors in the simulator: what the RTL made so far, and the reference model's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.tile import Tile, groups
from golden.graph.layers import IMAGE
from golden.reference.readout import Readout
from tb.duts.conv_pe.frame_record import INPUT, FrameJob, FrameSchedule


class FrameMemory:
    """The tensors of a frame's folder, (H, W, C) with the channels filled up to whole words."""

    def __init__(self, frames: FrameSchedule, folder: Path) -> None:
        self._frames = frames
        self._folder = folder
        self._golden: dict[str, Int16Array] = {}
        self._missing = {name: 0 for name in frames.made}
        for job in frames.jobs:
            for name, count in job.expected.items():
                self._missing[name] += count
        self._unchecked = frames.checked_joins
        read = {job.source for job in frames.jobs}
        self._tensors = {name: self._blank(name) for name in read - {IMAGE}}
        # Where jobs read the reference model's tensors, what the RTL makes has its own.
        made = {} if frames.golden_inputs else dict(self._tensors)
        self._made = made | {name: self._blank(name) for name in frames.save if name not in made}
        self._places: dict[str, list[Int16Array]] = {}
        for name, tensor in self._made.items():
            for part, place in self._parts(name, tensor):
                self._places.setdefault(part, []).append(place)
        if IMAGE in read:
            self._tensors[IMAGE] = np.load(folder / INPUT, mmap_mode="r")
        for name in read - {IMAGE}:
            self._fill(name)

    def _blank(self, name: str) -> Int16Array:
        channels, height, width = self._frames.shapes[name]
        lanes = self._frames.config.p_ic
        return np.zeros((height, width, groups(channels, lanes) * lanes), np.int16)

    def _fill(self, name: str) -> None:
        """Take what no job makes, or none may read from another, from golden."""
        for part, place in self._parts(name, self._tensors[name]):
            if self._frames.golden_inputs or part not in self._missing:
                place[...] = self.golden(part).transpose(1, 2, 0)

    def _parts(self, name: str, tensor: Int16Array) -> Iterator[tuple[str, Int16Array]]:
        """The nodes that lie in a tensor, and each one's place in it, (H, W, C)."""
        halves = self._frames.parts(name)
        for half, parts in enumerate(halves):
            rows, columns = self._frames.shapes[parts[0]][1:]
            whole = tensor.reshape(rows, columns, len(halves), -1)[:, :, half]
            first = 0
            for part in parts:
                last = first + self._frames.shapes[part][0]
                yield part, whole[:, :, first:last]
                first = last

    def golden(self, name: str) -> Int16Array:
        """The reference model's tensor of a node, (C, H, W)."""
        if name not in self._golden:
            path = self._folder / "golden" / f"{name}.npy"
            self._golden[name] = np.load(path, mmap_mode="r")
        return self._golden[name]

    def beats(self, job: FrameJob) -> npt.NDArray[np.generic]:
        """The input stream of a job: beats with the top byte first, as `$fread` wants them."""
        region, config = job.region, self._frames.config
        read = self._tensors[job.source][
            region.row : region.row + region.height,
            region.column : region.column + region.width,
        ]
        lanes = read.reshape(-1, config.p_ic)[:, ::-1]
        return lanes.astype(f">i{config.act_w // 8}")

    def put(self, name: str, tile: Tile, values: Int16Array, counted: int) -> None:
        """Take in the RTL's values (C, H, W) of a tile, so many of them for the first time."""
        self._missing[name] -= counted
        for place in self._places.get(name, ()):
            place[
                tile.row : tile.row + tile.height,
                tile.column : tile.column + tile.width,
                tile.first_channel : tile.first_channel + len(values),
            ] = values.transpose(1, 2, 0)

    def complete_joins(self) -> list[str]:
        """Concatenations all of whose parts are there now, each listed once."""
        found = [
            name
            for name in self._unchecked
            if not any(self._missing.get(part, 0) for part in self._frames.joined[name])
        ]
        self._unchecked = [name for name in self._unchecked if name not in found]
        return found

    def tensor(self, name: str) -> Int16Array:
        """The RTL's tensor of a node that is read or saved, (C, H, W)."""
        channels = self._frames.shapes[name][0]
        found: Int16Array = self._made[name][:, :, :channels].transpose(2, 0, 1)
        return found

    def save(self) -> None:
        """Write the nodes that are to be saved and are whole."""
        for name in self._frames.save:
            if not self._missing[name]:
                np.save(self._folder / f"{name}.npy", np.ascontiguousarray(self.tensor(name)))


def from_beats(values: Int16Array, channels: int, height: int, width: int) -> Int16Array:
    """Output beats (beats, P_OC), group by group, as a tensor (C, H, W)."""
    split = values.reshape(-1, height * width, values.shape[1]).transpose(0, 2, 1)
    tensor: Int16Array = split.reshape(-1, height, width)[:channels]
    return tensor


def from_reads(values: Int16Array, readout: Readout, tile: Tile) -> Int16Array:
    """Tapped reads (reads, P_OC), group by group, as a tile (C, H, W); 0 where nobody looks."""
    pixels, first, reads = _first_reads(readout, tile.height, tile.width)
    lanes = values.shape[1]
    split = values.reshape(-1, reads, lanes)[:, first]
    flat = np.zeros((len(split) * lanes, tile.pixels), np.int16)
    flat[:, pixels] = split.transpose(0, 2, 1).reshape(len(flat), -1)
    tensor: Int16Array = flat.reshape(-1, tile.height, tile.width)
    return tensor[: tile.last_channel - tile.first_channel]


@lru_cache(maxsize=256)
def _first_reads(
    readout: Readout, height: int, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """The pixels that are read, when each is first, and how many reads there are."""
    order = readout.order(height, width)
    first = np.full(height * width, -1, np.int64)
    first[order[::-1]] = np.arange(len(order))[::-1]  # of several reads the first stays
    pixels = np.flatnonzero(first >= 0)
    return pixels, first[pixels], len(order)
