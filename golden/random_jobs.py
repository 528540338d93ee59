"""Jobs drawn at random that the PE can run: one seed, one job."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Final, TypeVar

import numpy as np

from golden.bounds import accumulator_bits, contribution_bound
from golden.config import (
    MAX_KERNEL,
    Activation,
    LeakyPlace,
    Overflow,
    PEConfig,
    ProductMode,
    Rounding,
    Slope,
)
from golden.convolution import ConvLayer, Padding
from golden.fixed import Int16Array, Int64Array, int_range
from golden.images import load, shipped
from golden.plan import Job, fits, whole_job

CHANNELS: Final = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 33, 64, 75)
"""Channel counts: single ones, whole groups of lanes, one more, one less, a head's 75."""
MAX_CYCLES: Final = 12_000
"""Longest job without stalls, clocks: a slow simulator runs many jobs rather than one."""
PHOTOGRAPH: Final = "chelsea.png"
"""Where real data come from."""

_E = TypeVar("_E", bound=Enum)


class Data(str, Enum):
    """What a tensor is filled with."""

    UNIFORM = "uniform"
    ALL_MINIMUM = "all minimum"
    ALL_MAXIMUM = "all maximum"
    ALTERNATING = "alternating"
    SPARSE = "sparse"
    REAL = "real"


@dataclass(frozen=True, slots=True, eq=False)
class RandomJob:
    """A job, and what was drawn for its tensors.

    Parameters
    ----------
    seed : int
        Repeats the job on a PE of the same configuration.
    job : Job
    activations, weights : Data
    """

    seed: int
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
    """Draw a layer and its whole input, within the PE's memories, that no sum overflows.

    Real activations are pixels of a photograph, real weights the differences of
    neighbouring ones, both at a random power-of-two scale.

    Parameters
    ----------
    seed : int
    config : PEConfig
        Decides widths, memories and mode.

    Returns
    -------
    RandomJob
        Its layer is named ``seed <seed>``.
    """
    draw = random.Random(f"job {seed}")
    rng = np.random.default_rng(seed)
    activations, weights = draw.choice(list(Data)), draw.choice(list(Data))
    while True:
        weight_shape, input_shape, stride, padding = _draw_shape(draw, config)
        weight = _fill(weights, weight_shape, config.weight_w, rng, differences=True)
        tensor = _fill(activations, input_shape, config.act_w, rng, differences=False)
        layer = ConvLayer(
            name=f"seed {seed}",
            source="random",
            weight=weight,
            bias=np.zeros(len(weight), np.int64),
            stride=stride,
            padding=padding,
            mode=config.mode,
            shift=0,
            activation=_pick(draw, Activation),
            slope=_pick(draw, Slope),
            place=_pick(draw, LeakyPlace),
            rounding=_pick(draw, Rounding),
            overflow=_pick(draw, Overflow),
            in_frac=0,
            weight_frac=0,
            out_frac=0,
            act_w=config.act_w,
            weight_w=config.weight_w,
        )
        job = _finished(layer, tensor, config, draw)
        if job is not None:
            return RandomJob(seed, job, activations, weights)


def _pick(draw: random.Random, kind: type[_E]) -> _E:
    return draw.choice(list(kind))


def _draw_shape(
    draw: random.Random, config: PEConfig
) -> tuple[tuple[int, int, int, int], tuple[int, int, int], int, Padding]:
    """Shapes of weights and input, stride, padding."""
    kh, kw = (draw.choice((1, 3, draw.randint(1, MAX_KERNEL))) for _ in range(2))
    padding = Padding(*(draw.choice((0, draw.randrange(k))) for k in (kh, kh, kw, kw)))
    stride = draw.choice((1, 2))
    rows = draw.choice((1, draw.randint(1, 12), draw.randint(1, config.tile_pixels)))
    most = max(1, config.tile_pixels // rows)
    columns = draw.choice((1, draw.randint(1, most), most))
    # A stride of 2 may leave a last row or column that no output sees.
    height = (rows - 1) * stride + kh - padding.top - padding.bottom + draw.randrange(stride)
    width = (columns - 1) * stride + kw - padding.left - padding.right + draw.randrange(stride)
    outputs, inputs = draw.choice(CHANNELS), draw.choice(CHANNELS)
    return (outputs, inputs, kh, kw), (inputs, max(height, 1), max(width, 1)), stride, padding


def _fill(
    data: Data,
    shape: tuple[int, ...],
    width: int,
    rng: np.random.Generator,
    differences: bool,
) -> Int16Array:
    low, high = int_range(width)
    values: np.ndarray[tuple[int, ...], np.dtype[np.integer]]
    if data is Data.ALL_MINIMUM:
        values = np.full(shape, low)
    elif data is Data.ALL_MAXIMUM:
        values = np.full(shape, high)
    elif data is Data.ALTERNATING:
        values = np.where(np.indices(shape).sum(axis=0) % 2, low, high)
    elif data is Data.SPARSE:
        full = rng.integers(low, high, shape, endpoint=True)
        values = np.where(rng.random(shape) < 0.1, full, 0)
    elif data is Data.REAL:
        pixels = _photograph()
        first = int(rng.integers(pixels.size))
        flat = np.take(pixels, np.arange(first, first + np.prod(shape) + 1), mode="wrap")
        values = (np.diff(flat) if differences else flat[1:] - 128).reshape(shape)
        # Both lie within 9 bits.
        values = values << (width - 9) >> int(rng.integers(width - 8))
    else:
        limit = 1 << int(rng.integers(1, width))
        values = rng.integers(-limit, limit, shape)
    return values.astype(np.int16)


@cache
def _photograph() -> Int64Array:
    """The photograph's bytes, red, green and blue planes one after another."""
    planes = np.asarray(load(shipped(PHOTOGRAPH))).transpose(2, 0, 1)
    flat: Int64Array = planes.astype(np.int64).reshape(-1)
    return flat


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
