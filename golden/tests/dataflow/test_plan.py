"""Lowering, tiles and jobs: what the PE is given is what the layer is."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from golden.config import (
    Activation,
    ConfigError,
    PEConfig,
    PoolPad,
)
from golden.dataflow.fused_layer import FusedLayer
from golden.dataflow.lowering import lower, lower_input
from golden.dataflow.sampling import sample_tiles
from golden.dataflow.tile import Tile, make_job
from golden.graph.conv_layer import ConvLayer, Padding
from golden.graph.layers import PoolLayer, Shape, UpsampleLayer
from golden.reference import spec
from golden.reference.readout import Readout

CONFIG = PEConfig(16, 16, tile_pixels=1024, input_words=8192)


def layer_of(
    inputs: int, outputs: int, kernel: tuple[int, int] = (3, 3), stride: int = 1, source: str = "x"
) -> ConvLayer:
    draw = np.random.default_rng(inputs * 1000 + outputs)
    kh, kw = kernel
    return ConvLayer(
        name=f"c{inputs}_{outputs}",
        source=source,
        weight=draw.integers(-200, 200, (outputs, inputs, kh, kw)).astype(np.int16),
        bias=draw.integers(-5000, 5000, outputs),
        stride=stride,
        padding=Padding(kh // 2, kh // 2, kw // 2, kw // 2),
        shift=6,
        activation=Activation.LEAKY,
        in_frac=8,
        weight_frac=6,
        out_frac=8,
    )


def data(shape: Shape) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.random.default_rng(7).integers(-3000, 3000, shape).astype(np.int16)


@pytest.mark.parametrize(
    ("stride", "kernel"), list(product((1, 2), ((1, 1), (3, 3), (1, 3), (3, 2))))
)
def test_a_job_gives_the_layers_own_values(stride: int, kernel: tuple[int, int]) -> None:
    layer, tensor = layer_of(3, 5, kernel, stride), data((3, 12, 11))
    whole = spec.conv(tensor, layer)
    _, rows, columns = whole.shape
    for row, column, height, width in product((0, 1), (0, 2), (1, rows - 1), (1, columns - 2)):
        tile = Tile(row, column, height, width, 1, 4)
        job = make_job(layer, tensor, tile)
        assert np.array_equal(spec.conv(job.input, job.layer), tile.of(whole))


def test_lowering_changes_no_value() -> None:
    layer, image = layer_of(3, 4, source="image"), data((3, 9, 10))
    lowered = lower(layer)
    assert lowered.weight.shape == (4, 27, 1, 1)
    assert np.array_equal(spec.conv(lower_input(layer, image), lowered), spec.conv(image, layer))


def test_only_the_first_layer_is_lowered() -> None:
    layer, tensor = layer_of(3, 4), data((3, 9, 10))
    assert lower(layer) is layer
    assert lower_input(layer, tensor) is tensor


def stage_of(layer: ConvLayer, shape: Shape, behind: str = "") -> FusedLayer:
    """A fused of one layer, with a pool or an upsampling behind it."""
    kinds = {
        "": None,
        "2x2/2": PoolLayer("pool", layer.name, 2, 2),
        "2x2/1": PoolLayer("pool", layer.name, 2, 1, PoolPad.ZERO),
        "upsample": UpsampleLayer("up", layer.name),
    }
    return FusedLayer(layer.name, layer, "x", shape, kinds[behind])


CASES: list[FusedLayer] = [
    stage_of(layer_of(27, 16, (1, 1)), (27, 416, 416), "2x2/2"),
    stage_of(layer_of(16, 32), (16, 208, 208), "2x2/2"),
    stage_of(layer_of(64, 48), (64, 26, 26)),
    stage_of(layer_of(40, 75, (1, 1)), (40, 13, 13), "upsample"),
    stage_of(layer_of(16, 100), (16, 13, 13), "2x2/1"),
]


@pytest.mark.parametrize("fused", CASES, ids=lambda fused: str(fused.name))
@pytest.mark.parametrize("lanes", [4, 16, 32])
def test_tiles_show_every_border_and_the_inside(fused: FusedLayer, lanes: int) -> None:
    config = PEConfig(lanes, lanes, tile_pixels=1024, input_words=131072 // lanes)
    tiles = sample_tiles(fused, config, seed=1)
    out = fused.grid
    assert all(fused.fits(tile, config) for tile in tiles)
    assert not any(a.overlaps(b) for i, a in enumerate(tiles) for b in tiles[:i])
    assert frozenset().union(*(tile.borders(out) for tile in tiles)) == {
        *("top", "bottom", "left", "right")
    }
    assert any(not tile.borders(out) for tile in tiles)
    channels = {c for tile in tiles for c in range(tile.first_channel, tile.last_channel)}
    assert {0, out[0] - 1} <= channels
    assert tiles[0].last_channel == min((2 if out[0] > 2 * lanes else 1) * lanes, out[0])
    assert all(tile.row >= 0 and tile.row + tile.height <= out[1] for tile in tiles)
    assert all(tile.column >= 0 and tile.column + tile.width <= out[2] for tile in tiles)


def test_tiles_reach_the_macs_where_the_layer_has_them() -> None:
    fused = CASES[1]
    for minimum in (1, 4_000_000, 20_000_000):
        tiles = sample_tiles(fused, CONFIG, 1, minimum)
        values = sum(fused.conv_tile(tile, halo=False).values for tile in tiles)
        assert values * fused.conv.weight[0].size >= minimum


def test_tiles_follow_the_seed_and_the_layers_name() -> None:
    fused = CASES[1]
    assert sample_tiles(fused, CONFIG, 1) == sample_tiles(fused, CONFIG, 1)
    assert sample_tiles(fused, CONFIG, 1) != sample_tiles(fused, CONFIG, 2)
    renamed = replace(fused, name="another")
    assert sample_tiles(fused, CONFIG, 1) != sample_tiles(renamed, CONFIG, 1)


def test_a_pool_on_its_own_channels_takes_them_all() -> None:
    layer = layer_of(75, 75, (1, 1))
    pool = PoolLayer("pool", "x", 2, 2)
    fused = FusedLayer("pool", layer, "x", (75, 26, 26), pool, standalone=True, own_channels=True)
    for tile in sample_tiles(fused, CONFIG, 1):
        assert (tile.first_channel, tile.last_channel) == (0, 75)


def test_a_layer_that_does_not_fit_is_named() -> None:
    config = PEConfig(2, 2, tile_pixels=16, input_words=16)
    with pytest.raises(ConfigError, match=r"^c40_75: not one output pixel fits .* 16 words"):
        sample_tiles(stage_of(layer_of(40, 75), (40, 13, 13)), config, 1)


def test_cycles_count_passes_of_at_least_the_lanes() -> None:
    layer, tensor = layer_of(16, 32, (1, 1)), data((16, 2, 2))
    job = make_job(layer, tensor, Tile(0, 0, 2, 2, 0, 32))
    # 4 words in; 2 groups of one pass of 16 cycles; 4 pixels of the last group out.
    assert job.cycles(CONFIG) == 4 + 2 * 16 + 4
    assert replace(job, readout=Readout(upsample=True)).cycles(CONFIG) == 4 + 2 * 16 + 16
    wide = make_job(layer_of(32, 32, (1, 1)), data((32, 2, 2)), Tile(0, 0, 2, 2, 0, 32))
    assert wide.cycles(CONFIG) == 8 + 2 * 2 * 16 + 4
    assert replace(wide, own_channels=True).cycles(CONFIG) == 8 + 2 * 16 + 4
