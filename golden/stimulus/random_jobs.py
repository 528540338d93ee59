"""Jobs drawn at random that the PE can run: one seed, one job."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import CUT_BITS, Int16Array, Int64Array, int_range
from golden.config import MAX_KERNEL, Activation, ConfigError, PEConfig, PoolPad, ProductMode
from golden.dataflow.tile import Job, Tile, fits, whole_job
from golden.graph.conv_layer import ENUMERATIONS, ConvLayer, Padding
from golden.reference.bounds import accumulator_bits, contribution_bound
from golden.reference.readout import PLAIN, Readout
from golden.stimulus.random_data import Data, fill

CHANNELS: Final = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 33, 64, 75)
"""Channel counts: single ones, whole groups of lanes, one more, one less, a head's 75."""
MAX_CYCLES: Final = 12_000
"""Longest job without stalls, clocks: a slow simulator runs many jobs rather than one."""
OWN: Final = 0.15
"""Share of jobs whose output groups read their own channels alone, where the PE can do so."""
POOLS: Final = tuple(
    Readout(*figures) for figures in product((2, 3), (1, 2), (False, True), (False, True), PoolPad)
)
"""Every window, step and padding."""
_DRAWN_CHOICES: Final = {key: kind for key, kind in ENUMERATIONS.items() if key != "mode"}


@dataclass(frozen=True, slots=True, eq=False)
class RandomJob:
    """A job, and what was drawn for its tensors."""

    seed: int
    """Repeats the job on a PE of the same configuration."""
    job: Job
    activations: Data
    weights: Data


def mode_of(seed: int) -> ProductMode:
    """The product mode that a seed stands for: all three in turn.

    >>> [mode_of(seed).value for seed in (0, 1, 2, 3)]
    ['full', 'cut_floor', 'cut_round', 'full']
    """
    return list(ProductMode)[seed % len(ProductMode)]


def random_job(seed: int, config: PEConfig) -> RandomJob:
    """Draw a layer, its whole input and its readout, within the PE's memories and sums.

    The layer is named ``seed <seed>``.

    Real activations are pixels of a photograph, real weights the differences of
    neighbouring ones, both at a random power-of-two scale. Half of all jobs are read
    out plainly, the others pool or upsample. Of those with own channels half are a pool
    alone, through identity weights.

    Parameters
    ----------
    config : PEConfig
        Decides widths, memories and mode.
    """
    draw = random.Random(f"job {seed}")
    rng = np.random.default_rng(seed)
    activations, weights = draw.choice(list(Data)), draw.choice(list(Data))
    own = config.p_ic == config.p_oc and draw.random() < OWN
    while True:
        weight_shape, input_shape, stride, padding = _draw_shape(draw, config, own)
        weight = fill(weights, weight_shape, config.weight_w, rng, differences=True)
        if own:
            weight = weight * own_channels(len(weight), config)
        tensor = fill(activations, input_shape, config.act_w, rng, differences=False)
        choices: dict[str, Any] = {
            field: draw.choice(list(kind)) for field, kind in _DRAWN_CHOICES.items()
        }
        layer = ConvLayer(
            name=f"seed {seed}",
            source="random",
            weight=weight,
            bias=np.zeros(len(weight), np.int64),
            stride=stride,
            padding=padding,
            mode=config.mode,
            **choices,
            act_w=config.act_w,
            weight_w=config.weight_w,
        )
        job = _finished(layer, tensor, config, draw)
        if job is None:
            continue
        if own and draw.random() < 0.5:
            job = _through_identity(job, config)
        readout = _readout(draw, job.tile)
        job = replace(job, readout=readout, own_channels=own)
        if job.cycles(config) <= MAX_CYCLES:
            return RandomJob(seed, job, activations, weights)


def own_channels(channels: int, config: PEConfig) -> Int16Array:
    """Ones where an output channel may have a weight in a job with own channels, (O, I, 1, 1).

    >>> own_channels(3, PEConfig(2, 2))[:, :, 0, 0].tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    """
    group = np.arange(channels) // config.p_ic
    mask: Int16Array = (group[:, None] == group).astype(np.int16)
    return mask[:, :, None, None]


def _through_identity(job: Job, config: PEConfig) -> Job:
    """The job that passes the input on as it is, for the readout alone."""
    channels, one = job.input_shape[0], 1
    if config.mode is not ProductMode.FULL:
        one = 1 << CUT_BITS
    layer = replace(
        job.layer,
        weight=(one * np.eye(channels, dtype=np.int16))[:, :, None, None],
        bias=np.zeros(channels, np.int64),
        stride=1,
        padding=Padding(),
        shift=0,
        activation=Activation.LINEAR,
    )
    rows, columns = job.tile.height, job.tile.width
    return whole_job(layer, np.ascontiguousarray(job.input[:, :rows, :columns]))


def _readout(draw: random.Random, tile: Tile) -> Readout:
    """Plain half of the time, else a pool that the tile is large enough for, or upsampling."""
    if draw.random() < 0.5:
        return PLAIN
    pools = [readout for readout in POOLS if _is_large_enough(tile, readout)]
    if draw.random() < 0.25 or not pools:
        return Readout(upsample=True)
    return draw.choice(pools)


def _is_large_enough(tile: Tile, readout: Readout) -> bool:
    try:
        readout.shape(tile.height, tile.width)
    except ConfigError:
        return False
    return True


def _draw_shape(
    draw: random.Random, config: PEConfig, own: bool
) -> tuple[tuple[int, int, int, int], tuple[int, int, int], int, Padding]:
    """Shapes of weights and input, stride, padding; `own`: as many outputs as inputs."""
    kh, kw = (draw.choice((1, 3, draw.randint(1, MAX_KERNEL))) for _ in range(2))
    padding = Padding(*(draw.choice((0, draw.randrange(k))) for k in (kh, kh, kw, kw)))
    stride = draw.choice((1, 2))
    rows = draw.choice((1, draw.randint(1, 12), draw.randint(1, config.tile_pixels)))
    most = max(1, config.tile_pixels // rows)
    columns = draw.choice((1, draw.randint(1, most), most))
    # A stride of 2 may leave a last row or column that no output reads.
    height = (rows - 1) * stride + kh - padding.top - padding.bottom + draw.randrange(stride)
    width = (columns - 1) * stride + kw - padding.left - padding.right + draw.randrange(stride)
    outputs, inputs = draw.choice(CHANNELS), draw.choice(CHANNELS)
    outputs = inputs if own else outputs
    return (outputs, inputs, kh, kw), (inputs, max(height, 1), max(width, 1)), stride, padding


def _finished(
    layer: ConvLayer, tensor: Int16Array, config: PEConfig, draw: random.Random
) -> Job | None:
    """The job with weights scaled down to fit the sums, biases and a shift; None if too large."""
    job = whole_job(layer, tensor)
    _, height, width = tensor.shape
    if not fits(layer, job.tile, (layer.in_channels, height, width), config):
        return None
    if job.cycles(config) > MAX_CYCLES:
        return None
    while accumulator_bits(layer) > config.acc_w:
        layer = replace(layer, weight=layer.weight >> 1)
    layer = replace(layer, bias=_biases(layer, config, draw))
    return whole_job(replace(layer, shift=_shift(layer, tensor, config, draw)), tensor)


def _biases(layer: ConvLayer, config: PEConfig, draw: random.Random) -> Int64Array:
    """Biases of all sizes up to what is left of the accumulator's range."""
    worst = contribution_bound(layer).sum(axis=(1, 2, 3))
    left = int_range(config.acc_w)[1] - worst
    kind = draw.choice(("none", "small", "large", "extreme"))

    def bias(room: int) -> int:
        if kind == "extreme":
            return draw.choice((-room, room))
        limit = {"none": 0, "small": min(room, 1 << 16), "large": room}[kind]
        return draw.randint(-limit, limit)

    return np.array([bias(int(room)) for room in left], np.int64)


def _shift(layer: ConvLayer, tensor: Int16Array, config: PEConfig, draw: random.Random) -> int:
    """Mostly one that brings the sums to about an activation's width, sometimes any."""
    if draw.random() < 0.15:
        return draw.randrange(config.acc_w)
    largest = np.abs(tensor.astype(np.int64)).max()
    sums = contribution_bound(layer).sum(axis=(1, 2, 3)) * largest >> (config.act_w - 1)
    bits = int((sums + np.abs(layer.bias)).max()).bit_length()
    return min(max(bits - config.act_w + draw.randint(-4, 3), 0), config.acc_w - 1)
