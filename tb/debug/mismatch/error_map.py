"""A picture of where a job's wrong values are, for a file and for a log."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator

from golden.study import plot
from tb.debug.mismatch.values import Bools, Ints, Values

WIDTH: Final = 64
HEIGHT: Final = 16
"""Characters of a text map, at most."""
NONE, SOME, ALL, UNREAD = ".", "+", "#", " "
LEGEND: Final = f"{NONE} right  {SOME} some wrong  {ALL} all wrong"
CELLS: Final = 200
"""Cells of a picture along a side, at most."""
COLOURS: Final = ListedColormap(colormaps["YlOrRd"](np.linspace(0.3, 1, 256))).with_extremes(
    under="0.92", bad="1"
)
"""From few wrong values to all; none is grey, and what is never read white."""

Shares = npt.NDArray[np.float64]


def shares(values: Values) -> tuple[Shares, Shares]:
    """The share of wrong or missing values at each pixel, and in each channel.

    Parameters
    ----------
    values : Values
        As `tb.debug.mismatch.divergence.compare` returns them.

    Returns
    -------
    ndarray of float64, (H, W)
        Of the tile's pixels, over channels; NaN where none is expected.
    ndarray of float64, (C,)
        Of the tile's channels, over pixels; likewise.
    """
    once, tile = values.once(), values.tile
    pixel = once.row * tile.width + once.column
    channels = tile.last_channel - tile.first_channel
    pixels = _share(pixel, once.wrong, tile.pixels).reshape(tile.height, tile.width)
    return pixels, _share(once.channel, once.wrong, channels)


def _share(index: Ints, wrong: Bools, count: int) -> Shares:
    there = np.bincount(index, minlength=count)
    bad = np.bincount(index[wrong], minlength=count)
    found: Shares = np.full(count, np.nan)
    np.divide(bad, there, out=found, where=there > 0)
    return found


def text_map(values: Values) -> str:
    """The tile's pixels in characters, several to one where it is larger than a terminal.

    At most 16 lines of 64 characters, then the channels in one line, and what the
    characters mean.
    """
    pixels, channels = shares(values)
    tile = values.tile
    grids = (_blocks(pixels, HEIGHT, WIDTH), _blocks(channels[None, :], 1, WIDTH))
    rows, (strip,) = (["".join(map(_character, row)) for row in grid] for grid in grids)
    head = (
        f"{values.node}, rows {tile.row}-{tile.row + tile.height - 1}, "
        f"columns {tile.column}-{tile.column + tile.width - 1}, over channels"
    )
    below = f"channels {tile.first_channel}-{tile.last_channel - 1}"
    return "\n".join([head, *rows, below, strip, LEGEND])


def _blocks(found: Shares, height: int, width: int) -> list[list[Shares]]:
    """A grid cut into at most so many rows and columns of blocks."""
    rows = np.array_split(found, min(height, found.shape[0]))
    return [np.array_split(row, min(width, found.shape[1]), axis=1) for row in rows]


def _character(block: Shares) -> str:
    known = block[~np.isnan(block)]
    if not known.size:
        return UNREAD
    if not known.any():
        return NONE
    return ALL if known.min() == 1.0 else SOME


def _largest(block: Shares) -> float:
    known = block[~np.isnan(block)]
    return float(known.max()) if known.size else float("nan")


def write_map(values: Values, path: Path) -> None:
    """Draw the tile's pixels and, next to them, its channels, by their share of wrong values.

    The file is written whole, in the format of its ending.
    """
    pixels, channels = shares(values)
    tile = values.tile
    made = plot.figure(8, 4.5)
    left, right = made.subplots(1, 2, width_ratios=(3, 1))
    wrong, count = int(values.once().wrong.sum()), len(values.once().expected)
    _image(left, pixels, tile.row, tile.column)
    plot.dress(left, f"{values.node}: {wrong:,} of {count:,} values wrong", "column", "row")
    _image(right, channels[:, None], tile.first_channel, 0)
    plot.dress(right, "by channel", "", "channel")
    right.set_xticks([])
    for axes in (left, right):
        axes.grid(False)
    made.colorbar(left.images[0], ax=right, label="share of wrong values")
    plot.save(made, path)


def _image(axes: Axes, found: Shares, row: int, column: int) -> None:
    """A grid of shares, its axes numbered as in the layer's tensor.

    A cell that stands for several has the largest share of them: no wrong value is hidden.
    """
    height, width = found.shape
    edges = (column - 0.5, column + width - 0.5, row + height - 0.5, row - 0.5)
    cells = [[_largest(block) for block in line] for line in _blocks(found, CELLS, CELLS)]
    axes.imshow(
        cells,
        cmap=COLOURS,
        vmin=np.finfo(float).tiny,
        vmax=1,
        extent=edges,
        aspect="auto",
        interpolation="nearest",
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
