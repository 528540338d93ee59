"""Which tiles of a layer are simulated where not all of them are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from golden.config import PEConfig
from golden.dataflow.fused_layer import FusedLayer
from golden.dataflow.tile import Tile, groups

MIN_LAYER_MACS = 4_000_000
"""MACs that the tiles of one layer reach together, where the layer has them."""
DRAWS = 1000
"""Random places that are tried before the tiles of a layer are called complete."""
INTERIOR_COLUMNS = 40
"""Widest tile that lies wholly inside the image, pixels."""


def _tallest(fused: FusedLayer, config: PEConfig, tile: Tile, rows: int) -> Tile | None:
    """`tile` with as many of `rows` as fit; None where not even one does."""
    for height in range(rows, 0, -1):
        taller = replace(tile, height=height)
        if fused.fits(taller, config):
            return taller
    return None


def sample_tiles(
    fused: FusedLayer, config: PEConfig, seed: int, min_macs: int = MIN_LAYER_MACS
) -> list[Tile]:
    """Tiles of a layer's grid that show every border and the inside; none overlap.

    First the widest strip along the top: it touches as many sides as the memories
    allow, all four where the whole map fits. Where it does not reach the bottom, a
    strip in the lower right corner. Then at least one tile wholly inside, where the
    map has an inside, and more of them until `min_macs` are reached or places run out.
    The first tile takes two groups of output channels where there are more, so that one
    drains behind the other; then come the last group and random ones.

    Parameters
    ----------
    seed : int
        Of the random places and channels.

    Raises
    ------
    ConfigError
        If not even one pixel fits the PE; the text names the layer.
    """
    draw = random.Random(f"{seed}/{fused.name}")
    group = _channel_groups(fused, config.p_oc, draw)
    _, height, width = fused.grid
    tiles = [_strip(fused, config, 0, next(group))]
    if "bottom" not in tiles[0].borders(fused.grid):
        low = _strip(fused, config, height - tiles[0].height, next(group))
        tiles.append(replace(low, column=width - low.width))
    macs_a_value = fused.conv.weight[0].size
    borders = len(tiles)
    values = sum(fused.conv_tile(tile, halo=False).values for tile in tiles)
    for inside in islice(_interior(fused, config, draw, group), DRAWS):
        if len(tiles) > borders and values * macs_a_value >= min_macs:
            break
        if not any(inside.overlaps(tile) for tile in tiles):
            tiles.append(inside)
            values += fused.conv_tile(inside, halo=False).values
    return tiles


def _channel_groups(
    fused: FusedLayer, lanes: int, draw: random.Random
) -> Iterator[tuple[int, int]]:
    """The first two groups of output channels, the last one, then random ones for ever.

    Of two groups in all, the first alone: the last is for a tile of its own. A pool on
    its own channels takes them all, as its input does.
    """
    channels = fused.grid[0]
    while fused.own_channels:
        yield 0, channels
    count = groups(channels, lanes)
    yield 0, min((2 if count > 2 else 1) * lanes, channels)
    index = count - 1
    while True:
        yield index * lanes, min((index + 1) * lanes, channels)
        index = draw.randrange(count)


def _strip(fused: FusedLayer, config: PEConfig, row: int, channels: tuple[int, int]) -> Tile:
    """The widest tile from this row on, at the left border."""
    _, height, width = fused.grid
    for columns in range(width, 0, -1):
        tile = _tallest(fused, config, Tile(row, 0, 1, columns, *channels), height - row)
        if tile is not None:
            return tile
    raise fused.too_large(config)


def _interior(
    fused: FusedLayer, config: PEConfig, draw: random.Random, channels: Iterator[tuple[int, int]]
) -> Iterator[Tile]:
    """Tiles at random places that touch no border, for ever; none in a map without inside."""
    _, height, width = fused.grid
    widths = range(min(width - 2, INTERIOR_COLUMNS), 0, -1)
    placed = (_tallest(fused, config, Tile(1, 1, 1, w, 0, 1), height - 2) for w in widths)
    tile = next((tile for tile in placed if tile is not None), None)
    while tile is not None:
        first, last = next(channels)
        yield replace(
            tile,
            row=draw.randint(1, height - 1 - tile.height),
            column=draw.randint(1, width - 1 - tile.width),
            first_channel=first,
            last_channel=last,
        )
