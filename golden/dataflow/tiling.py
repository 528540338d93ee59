"""Which tiles a layer is cut into: those whose jobs cost least by an estimate.

A job's cost is its cycles, and something for the streams that it needs: each job of a
layer reads the layer's weights anew. They hide behind the products, but a memory's
bandwidth, and a simulator's time, are not free. So of two ways of about the same speed
the one with larger tiles is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from golden.config import PEConfig
from golden.dataflow.fused_layer import FusedLayer
from golden.dataflow.schedule import PlannedJob, allocate, plan_job
from golden.dataflow.tile import Tile, groups, passes, window

START: Final = 90
"""Clocks from the end of what a job waited for to its first input word: registers, checks."""
LATENCY: Final = 16
"""Clocks from a group's last product to its first value on the output, and least of a pass."""
TRIED: Final = 12
"""Ways to cut a layer that the estimate is asked about."""
JOB_COST: Final = 200
"""Cycles that a job more may save at least."""
BEATS_A_CYCLE: Final = 16
"""Beats of weights more for which a cycle must be saved."""

Estimate = Callable[[Sequence[PlannedJob], PEConfig], Sequence[int]]
"""The cycle in which each of several jobs ends, in order."""


def estimate(jobs: Sequence[PlannedJob], config: PEConfig) -> list[int]:
    """The cycle in which each job ends, to a percent or so, where no stream stalls.

    While a job computes, the next one's input is loaded, if both inputs fit the tile
    memory; a group's drain runs behind the next group's products, a job's last drain
    behind the next job's first.
    """
    ends: list[int] = []
    loaded = computing = computed = drained = earlier = 0
    words = 0
    for job in jobs:
        begun = max([computing, *(ends[index] for index in job.after)]) + START
        if words + job.words > config.input_words:
            begun = max(begun, computed)
        loaded, words = max(begun, loaded) + job.words, job.words
        computing = computed = max(loaded, computed)
        first, last = job.channels
        pass_cycles = max(job.tile.pixels, config.p_oc, LATENCY)
        group_cycles = passes(job.fused.conv, config, job.fused.own_channels) * pass_cycles
        for _ in range(groups(last - first, config.p_oc)):
            # Two banks: a group takes over the one that the group before the last has left.
            computed = max(computed, earlier) + group_cycles
            earlier, drained = drained, max(drained, computed + LATENCY) + job.reads
        ends.append(drained)
    return ends


def tiles(fused: FusedLayer, config: PEConfig, ends: Estimate = estimate) -> list[Tile]:
    """Cut a layer's grid into tiles that fit the PE, in raster order.

    Every tile holds all output channels. Of the ways to cut rows and columns into parts
    of nearly one size, the cheapest is taken.

    Parameters
    ----------
    ends : callable
        The model of cycles.

    Raises
    ------
    ConfigError
        If not even one pixel fits the PE; the text names the layer.
    """
    ways = sorted(_ways(fused, config))[:TRIED]
    if not ways:
        raise fused.too_large(config)

    def cost(way: tuple[int, int, int]) -> int:
        jobs = [plan_job(fused, cell, 0, config) for cell in _cells(fused, way[1], way[2])]
        return ends(allocate(jobs, config), config)[-1] + len(jobs) * _job_cost(fused, config)

    _, rows, columns = min(ways, key=cost)
    return list(_cells(fused, rows, columns))


def _job_cost(fused: FusedLayer, config: PEConfig) -> int:
    """What a job of this layer costs besides its cycles."""
    repeats = groups(fused.conv.out_channels, config.p_oc)
    beats = repeats * passes(fused.conv, config, fused.own_channels) * config.p_oc
    return JOB_COST + beats // BEATS_A_CYCLE


def parts(side: int, count: int) -> list[tuple[int, int]]:
    """Cut a side into `count` parts that differ by one at most: first pixel and pixels.

    >>> parts(13, 3)
    [(0, 5), (5, 4), (9, 4)]
    """
    size, longer = divmod(side, count)
    sizes = [size + (index < longer) for index in range(count)]
    return [(sum(sizes[:index]), size) for index, size in enumerate(sizes)]


def _cells(fused: FusedLayer, rows: int, columns: int) -> Iterator[Tile]:
    """The tiles of a grid cut into so many parts."""
    channels, height, width = fused.grid
    for row, tall in parts(height, rows):
        for column, wide in parts(width, columns):
            yield Tile(row, column, tall, wide, 0, channels)


def _counts(side: int) -> list[int]:
    """Numbers of parts that give parts of different sizes."""
    return sorted({-(-side // size) for size in range(1, side + 1)})


def _ways(fused: FusedLayer, config: PEConfig) -> Iterator[tuple[int, int, int]]:
    """A rough cost of each way that fits, with its parts along both sides."""
    channels, height, width = fused.grid
    out_groups = groups(channels, config.p_oc)
    in_groups = groups(fused.input_shape[0], config.p_ic)
    each = passes(fused.conv, config, fused.own_channels)
    job_cost = _job_cost(fused, config)
    repeats = fused.readout(Tile(0, 0, 1, 1, 0, 1))
    tall = {count: _sides(fused, parts(height, count), rows=True) for count in _counts(height)}
    wide = {count: _sides(fused, parts(width, count), rows=False) for count in _counts(width)}
    for rows, (pixel_rows, input_rows, cell_rows) in tall.items():
        for columns, (pixel_columns, input_columns, cell_columns) in wide.items():
            largest = Tile(0, 0, int(cell_rows[0]), int(cell_columns[0]), 0, channels)
            pixels = np.multiply.outer(pixel_rows, pixel_columns)
            words = np.multiply.outer(input_rows, input_columns) * in_groups
            if pixels.max() > config.tile_pixels or words.max() > config.input_words:
                continue
            if not fused.fits(largest, config):
                continue
            reads = np.multiply.outer(cell_rows, cell_columns) * repeats.size**2
            reads *= 4 if repeats.upsample else 1
            products = each * np.maximum(pixels, max(config.p_oc, LATENCY))
            work = out_groups * np.maximum(products, reads)
            hidden = 2 * words.max() <= config.input_words
            total = np.maximum(work, words + START).sum() if hidden else (work + words).sum()
            total += (START + job_cost) * work.size + words[0, 0] + reads[-1, -1]
            yield int(total), rows, columns


def _sides(
    fused: FusedLayer, spans: Sequence[tuple[int, int]], rows: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Convolution pixels, input pixels and grid pixels of each part along one side."""
    found = []
    for first, count in spans:
        cell = Tile(first, 0, count, 1, 0, 1) if rows else Tile(0, first, 1, count, 0, 1)
        tile = fused.conv_tile(cell)
        read = window(fused.conv, tile, fused.input_shape)
        sides = (tile.height, read.height) if rows else (tile.width, read.width)
        found.append((*sides, count))
    pixels, inputs, cells = np.array(found, np.int64).T
    return pixels, inputs, cells
