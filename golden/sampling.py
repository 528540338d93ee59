"""Which tiles of a layer are simulated where not all of them are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from golden.config import ConfigError, PEConfig
from golden.layers import ConvLayer, Shape
from golden.plan import Tile, fits, groups

MIN_LAYER_MACS = 4_000_000
"""MACs that the tiles of one layer reach together, where the layer has them."""
DRAWS = 1000
"""Random places that are tried before the tiles of a layer are called complete."""
INTERIOR_COLUMNS = 40
"""Widest tile that lies wholly inside the image, pixels."""


def _tallest(
    layer: ConvLayer, shape: Shape, config: PEConfig, tile: Tile, rows: int
) -> Tile | None:
    """`tile` with as many of `rows` as fit; None where not even one does."""
    for height in range(rows, 0, -1):
        taller = replace(tile, height=height)
        if fits(layer, taller, shape, config):
            return taller
    return None


def sample_tiles(
    layer: ConvLayer, shape: Shape, config: PEConfig, seed: int, min_macs: int = MIN_LAYER_MACS
) -> list[Tile]:
    """Tiles of a (lowered) layer that show every border and the inside; none overlap.

    First the widest strip along the top: it touches as many sides as the memories
    allow, all four where the whole map fits. Where it does not reach the bottom, a
    strip in the lower right corner. Then at least one tile wholly inside, where the
    map has an inside, and more of them until `min_macs` are reached or places run out.
    The first tile takes two groups of output channels where there are more, so that one
    drains behind the other; then come the last group and random ones.

    Parameters
    ----------
    layer : ConvLayer
        As `lower` returns it.
    shape : tuple of int
        (I, H, W) of its input.
    config : PEConfig
    seed : int
        Of the random places and channels.
    min_macs : int

    Raises
    ------
    ConfigError
        If not even one pixel fits the PE; the text names the layer.
    """
    out_shape = layer.output_shape(shape)
    draw = random.Random(f"{seed}/{layer.name}")
    group = _channel_groups(out_shape[0], config.p_oc, draw)
    tiles = [_strip(layer, shape, config, 0, next(group))]
    if "bottom" not in tiles[0].borders(out_shape):
        row = out_shape[1] - tiles[0].height
        low = _strip(layer, shape, config, row, next(group))
        tiles.append(replace(low, column=out_shape[2] - low.width))
    macs_a_value = layer.weight[0].size
    borders = len(tiles)
    for inside in islice(_interior(layer, shape, config, draw, group), DRAWS):
        if len(tiles) > borders and sum(t.values for t in tiles) * macs_a_value >= min_macs:
            break
        if not any(inside.overlaps(tile) for tile in tiles):
            tiles.append(inside)
    return tiles


def _channel_groups(channels: int, lanes: int, draw: random.Random) -> Iterator[tuple[int, int]]:
    """The first two groups of output channels, the last one, then random ones for ever.

    Of two groups in all, the first alone: the last is for a tile of its own.
    """
    count = groups(channels, lanes)
    yield 0, min((2 if count > 2 else 1) * lanes, channels)
    index = count - 1
    while True:
        yield index * lanes, min((index + 1) * lanes, channels)
        index = draw.randrange(count)


def _strip(
    layer: ConvLayer, shape: Shape, config: PEConfig, row: int, channels: tuple[int, int]
) -> Tile:
    """The widest tile from this row on, at the left border."""
    _, height, width = layer.output_shape(shape)
    for columns in range(width, 0, -1):
        tile = _tallest(
            layer, shape, config, Tile(row, 0, 1, columns, *channels), min(height - row, height)
        )
        if tile is not None:
            return tile
    raise ConfigError(
        f"{layer.name}: not one output pixel fits an input memory of {config.input_words} words "
        f"of {config.p_ic} activations; raise input_words"
    )


def _interior(
    layer: ConvLayer,
    shape: Shape,
    config: PEConfig,
    draw: random.Random,
    channels: Iterator[tuple[int, int]],
) -> Iterator[Tile]:
    """Tiles at random places that touch no border, for ever; none in a map without inside."""
    _, height, width = layer.output_shape(shape)
    columns = min(width - 2, INTERIOR_COLUMNS)
    while columns > 0 and height > 2:
        tile = _tallest(layer, shape, config, Tile(1, 1, 1, columns, 0, 1), height - 2)
        if tile is None:
            columns -= 1
            continue
        first, last = next(channels)
        yield replace(
            tile,
            row=draw.randint(1, height - 1 - tile.height),
            column=draw.randint(1, width - 1 - columns),
            first_channel=first,
            last_channel=last,
        )
