"""A frame's plan, run job by job on the plain specification, gives every node's own values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, PEConfig, PoolPad, ProductMode
from golden.dataflow.fused_layer import FusedLayer, fused_layers
from golden.dataflow.lowering import lower_input
from golden.dataflow.schedule import (
    PlannedJob,
    add_dependencies,
    allocate,
    flatten_concat,
    plan_job,
    plan_jobs,
)
from golden.dataflow.tile import Tile, make_job
from golden.dataflow.tiling import tiles
from golden.graph.layers import PoolLayer
from golden.graph.network import Network
from golden.reference import spec
from golden.reference.run import run
from golden.tests.small_networks import branches, chain, conv, network, residuals

MODES = tuple(ProductMode)


NETWORKS = [
    chain(PoolPad.MINUS_INF, (21, 17)),
    chain(PoolPad.ZERO, (23, 30), ProductMode.CUT_FLOOR),
    chain(PoolPad.ZERO, (20, 20)),
    branches((14, 10)),
    branches((8, 20), ProductMode.CUT_ROUND),
    residuals((19, 15)),
]
CONFIGS = [
    PEConfig(4, 4, tile_pixels=16, input_words=128),
    PEConfig(2, 8, tile_pixels=32, input_words=512),
    PEConfig(8, 2, tile_pixels=1024, input_words=4096),
]


def planned(net: Network, config: PEConfig) -> list[PlannedJob]:
    return add_dependencies(net, plan_jobs(fused_layers(net, config), config, tiles))


def source_of(net: Network, job: PlannedJob, made: dict[str, Int16Array]) -> Int16Array:
    """The whole (lowered) input of a job, of what has been made so far."""
    if job.fused.inputs == ("image",):
        first = next(layer for layer in net.convs() if layer.name == job.fused.name)
        return lower_input(first, made["image"])
    read = [
        np.concatenate([made[part] for part in flatten_concat(net, name)])
        for name in job.fused.inputs
    ]
    if job.fused.pairs is None:
        return read[0]
    one, two = (tensor.reshape(len(tensor), -1) for tensor in read)
    return np.stack([one, two], axis=2).reshape(job.fused.input_shape)


class Execution:
    """What the jobs have made so far, and how often each value was made."""

    def __init__(self, net: Network, image: Int16Array) -> None:
        shapes = net.shapes()
        self.net = net
        self.made = {name: np.full(shape, 12345, np.int16) for name, shape in shapes.items()}
        self.made["image"] = image
        self.times = {name: np.zeros(shape, np.int16) for name, shape in shapes.items()}

    def run(self, job: PlannedJob) -> None:
        fused = job.fused
        tensor = source_of(self.net, job, self.made)
        work = make_job(fused.conv, tensor, job.tile, job.readout, fused.own_channels)
        assert work.input_shape[1:] == (job.window.height, job.window.width)
        values = spec.conv(work.input, work.layer)
        out = job.readout.apply(values)
        if not fused.standalone:
            job.tile.of(self.made[fused.conv.name])[...] = values
            job.own.of(self.times[fused.conv.name])[...] += 1
        if fused.post_op is not None or fused.standalone:
            part = job.output.of(self.made[fused.outputs[-1]])
            part[...] = out.reshape(part.shape)
            job.output.of(self.times[fused.outputs[-1]])[...] += 1


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.array}")
@pytest.mark.parametrize(
    "net", NETWORKS, ids=lambda net: f"{net.options.mode.value}-{net.input_shape}"
)
def test_the_jobs_make_every_value_once(net: Network, config: PEConfig) -> None:
    image = np.random.default_rng(5).integers(-900, 900, net.input_shape).astype(np.int16)
    expected = run(net, image)
    jobs = planned(net, config)
    execution = Execution(net, image)
    for job in jobs:
        execution.run(job)
    for fused in fused_layers(net, config):
        for name in fused.outputs:
            unread = unread_rim(fused) if name != fused.outputs[-1] else (0, 0)
            read = np.s_[
                :, : expected[name].shape[1] - unread[0], : expected[name].shape[2] - unread[1]
            ]
            assert np.array_equal(execution.made[name][read], expected[name][read]), name
            assert (execution.times[name][read] == 1).all(), name
    if config is CONFIGS[0]:
        assert len(jobs) > 2 * len(fused_layers(net, config))


def unread_rim(fused: FusedLayer) -> tuple[int, int]:
    """Last rows and columns of a convolution that no window of its pool reaches."""
    pool = fused.post_op
    if not isinstance(pool, PoolLayer) or pool.padding is not None:
        return 0, 0
    _, rows, columns = fused.conv_shape
    return (rows - pool.size) % pool.stride, (columns - pool.size) % pool.stride


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.array}")
@pytest.mark.parametrize(
    "net", NETWORKS, ids=lambda net: f"{net.options.mode.value}-{net.input_shape}"
)
def test_jobs_wait_for_all_that_they_read_and_for_nothing_later(
    net: Network, config: PEConfig
) -> None:
    jobs = planned(net, config)
    for index, job in enumerate(jobs):
        assert all(earlier < index for earlier in job.after)
        read = {part for name in job.fused.inputs for part in flatten_concat(net, name)}
        for name in read - {"image"}:
            there = np.zeros(net.shapes()[name], np.int16)
            for earlier in job.after:
                if jobs[earlier].fused.outputs[-1] == name:
                    jobs[earlier].output.of(there)[...] = 1
            assert job.fused.source_window(job.window).of(there).all()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.array}")
@pytest.mark.parametrize(
    "net", NETWORKS, ids=lambda net: f"{net.options.mode.value}-{net.input_shape}"
)
def test_inputs_lie_in_the_memory_and_apart_where_both_fit(net: Network, config: PEConfig) -> None:
    jobs = planned(net, config)
    for job in jobs:
        assert job.in_base >= 0 and job.in_base + job.words <= config.input_words
    for one, two in pairwise(jobs):
        apart = one.in_base + one.words <= two.in_base or two.in_base + two.words <= one.in_base
        assert apart == (one.words + two.words <= config.input_words)


def test_what_stands_behind_a_convolution_alone_is_fused() -> None:
    config = CONFIGS[0]
    chained = {fused.name: fused.outputs for fused in fused_layers(NETWORKS[0], config)}
    assert chained == {
        "conv1": ("conv1", "pool1"),
        "conv2": ("conv2", "pool2"),
        "conv3": ("conv3", "pool3"),
        "pool4": ("pool4",),
        "conv4": ("conv4",),
    }
    parted = {fused.name: fused.outputs for fused in fused_layers(NETWORKS[3], config)}
    assert parted["pool2"] == ("pool2",) and parted["conv3"] == ("conv3", "up")
    assert parted["up5"] == ("up5",) and parted["conv4"] == ("conv4",)
    assert "concat" not in parted


def test_a_pool_alone_reads_its_own_channels_where_the_lanes_are_square() -> None:
    for config in CONFIGS:
        pool = next(fused for fused in fused_layers(NETWORKS[3], config) if fused.name == "pool2")
        assert pool.own_channels == (config.p_ic == config.p_oc)
        assert pool.standalone and plan_job(pool, Tile(0, 0, 1, 1, 0, 6), 0, config).macs == 0


def test_useful_products_are_those_of_the_layers() -> None:
    for net in NETWORKS[3:]:  # elsewhere a pool leaves a rim of its convolution alone
        macs = dict.fromkeys(net.macs(), 0)
        for job in planned(net, CONFIGS[0]):
            if not job.fused.standalone:
                macs[job.fused.name] += job.macs
        assert macs == net.macs()


def test_a_tile_that_does_not_fit_is_named() -> None:
    config = PEConfig(2, 2, tile_pixels=16, input_words=16)
    fused = next(fused for fused in fused_layers(NETWORKS[3], config) if fused.name == "conv4")
    with pytest.raises(ConfigError, match=r"^conv4: tile .* does not fit"):
        plan_job(fused, Tile(0, 0, 4, 4, 0, 7), 0, config)
    with pytest.raises(ConfigError, match=r"^conv4: not one output pixel fits .* 16 words"):
        tiles(fused, config)


def test_a_pool_that_the_pe_lacks_is_named() -> None:
    layer = conv("conv1", "image", 3, 4)
    net = network(layer, PoolLayer("pool1", "conv1", 3, 1, PoolPad.ZERO), size=(9, 9))
    with pytest.raises(ConfigError, match=r"^pool1: the PE has no pool 3x3/1$"):
        fused_layers(net, CONFIGS[0])


def test_places_take_turns() -> None:
    config = CONFIGS[0]
    jobs = planned(NETWORKS[0], config)
    turned = allocate(jobs[1:], config)
    assert [job.in_base for job in turned[:2]] == [0, config.input_words - jobs[2].words]
