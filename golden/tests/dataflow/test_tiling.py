"""The estimate of cycles, and tilings chosen by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from golden.config import PEConfig
from golden.dataflow.fused_layer import FusedLayer, fused_layers
from golden.dataflow.schedule import PlannedJob, add_dependencies, allocate, plan_job, plan_jobs
from golden.dataflow.tile import Tile
from golden.dataflow.tiling import LATENCY, START, estimate, parts, tiles
from golden.graph.layers import PoolLayer, Shape
from golden.tests.small_networks import branches, conv

CONFIG = PEConfig(16, 16, tile_pixels=1024, input_words=8192)


def stage_of(shape: Shape, outputs: int, kernel: int = 3, pool: bool = False) -> FusedLayer:
    layer = conv("layer", "x", shape[0], outputs, kernel)
    assert layer.kind == "conv"
    return FusedLayer(
        "layer", layer, "x", shape, PoolLayer("pool", "layer", 2, 2) if pool else None
    )


def jobs_of(fused: FusedLayer, cells: Sequence[Tile]) -> list[PlannedJob]:
    return allocate([plan_job(fused, cell, 0, CONFIG) for cell in cells], CONFIG)


def test_one_job_is_loaded_computed_and_drained() -> None:
    fused = stage_of((32, 13, 13), 48)
    (job,) = jobs_of(fused, [Tile(0, 0, 13, 13, 0, 48)])
    words, products = 2 * 169, 3 * 2 * 9 * 169
    assert estimate([job], CONFIG) == [START + words + products + LATENCY + 169]


def test_a_load_hides_behind_the_job_before_where_both_inputs_fit() -> None:
    fused = stage_of((64, 26, 26), 64)
    halves = [Tile(0, 0, 13, 26, 0, 64), Tile(13, 0, 13, 26, 0, 64)]
    ends = estimate(jobs_of(fused, halves), CONFIG)
    products = 4 * 4 * 9 * 338
    assert ends[1] - ends[0] == products
    small = replace(CONFIG, input_words=2048)
    crowded = estimate([replace(job, in_base=0) for job in jobs_of(fused, halves)], small)
    assert crowded[1] - crowded[0] > products


def test_a_job_waits_for_what_it_reads() -> None:
    fused = stage_of((16, 13, 13), 16)
    whole = Tile(0, 0, 13, 13, 0, 16)
    first, second = jobs_of(fused, [whole, whole])
    free = estimate([first, second], CONFIG)
    bound = estimate([first, replace(second, after=(0,))], CONFIG)
    assert bound[0] == free[0]
    assert bound[1] - free[1] == LATENCY + first.reads + START + second.words


def test_a_slow_drain_holds_the_array_back() -> None:
    fused = stage_of((16, 32, 32), 64, kernel=1)
    cells = [Tile(0, 0, 16, 16, 0, 64)]
    (job,) = jobs_of(fused, cells)
    quick = estimate([job], CONFIG)[0]
    slow = replace(job, readout=replace(job.readout, upsample=True))
    assert estimate([slow], CONFIG)[0] - quick > 2 * 3 * 256


def test_parts_cover_a_side() -> None:
    for side in (1, 2, 7, 26, 104):
        for count in {1, 2, 3, side}:
            spans = parts(side, min(count, side))
            assert [first for first, _ in spans] == [
                sum(n for _, n in spans[:i]) for i in range(len(spans))
            ]
            assert sum(size for _, size in spans) == side
            assert max(size for _, size in spans) - min(size for _, size in spans) <= 1


@pytest.mark.parametrize("lanes", [8, 16, 32])
@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "pool"),
    [
        ((27, 416, 416), 16, 1, True),
        ((64, 52, 52), 128, 3, True),
        ((384, 26, 26), 256, 3, False),
        ((1024, 13, 13), 256, 3, False),
    ],
)
def test_tiles_cover_the_grid_and_keep_the_array_busy(
    lanes: int, shape: Shape, outputs: int, kernel: int, pool: bool
) -> None:
    config = PEConfig(lanes, lanes, tile_pixels=1024, input_words=131072 // lanes)
    fused = stage_of(shape, outputs, kernel, pool)
    cells = tiles(fused, config)
    covered = np.zeros(fused.grid[1:], np.int64)
    for cell in cells:
        assert fused.fits(cell, config)
        covered[cell.row : cell.row + cell.height, cell.column : cell.column + cell.width] += 1
    assert (covered == 1).all()
    jobs = allocate([plan_job(fused, cell, 0, config) for cell in cells], config)
    groups = -(-shape[0] // lanes) * -(-outputs // lanes)
    _, rows, columns = fused.conv_shape
    least = groups * kernel**2 * rows * columns
    assert estimate(jobs, config)[-1] < 1.06 * least + 10_000


def test_another_model_of_cycles_can_choose() -> None:
    fused = stage_of((16, 40, 40), 16)

    def by_jobs(jobs: Sequence[PlannedJob], config: PEConfig) -> list[int]:
        return [-(10**6) * len(jobs)]

    assert len(tiles(fused, CONFIG, by_jobs)) > len(tiles(fused, CONFIG))


def test_a_frame_takes_longer_than_its_products() -> None:
    net = branches((14, 10))
    config = PEConfig(4, 4, tile_pixels=64, input_words=512)
    jobs = add_dependencies(net, plan_jobs(fused_layers(net, config), config, tiles))
    ends = estimate(jobs, config)
    assert ends == sorted(ends)
    assert ends[-1] * 16 > sum(job.macs for job in jobs)
