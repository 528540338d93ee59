"""Makes a failing job smaller, step by step, as long as it still fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import (
    Activation,
    ConfigError,
    LeakyPlace,
    Overflow,
    PEConfig,
    PoolPad,
    Rounding,
)
from golden.dataflow.tile import Job, Tile, fits, input_words, make_job, whole_job
from golden.graph.conv_layer import ConvLayer, Padding
from golden.reference.bounds import accumulator_bits
from golden.reference.readout import PLAIN, Readout
from golden.stimulus.random_jobs import own_channels
from tb.cosim.failure import Failure
from tb.duts.conv_pe.job_record import Stalls
from tb.flows.fuzz.cases import Case

SECONDS: Final = 120.0
"""After this long no further round begins."""
AT_ONCE: Final = 48
"""Candidates of one round, which is one simulation."""

Trial = Callable[[Sequence[Case]], Sequence[Failure | None]]


def size(case: Case) -> tuple[int, ...]:
    """How large a case is; a smaller tuple is a smaller case. A plain readout comes first."""
    job, layer, stalls = case.job, case.job.layer, case.stalls
    pad, readout = layer.padding, job.readout
    special = [
        *(pad.top, pad.bottom, pad.left, pad.right),
        *(stalls.act, stalls.wgt, stalls.out),
        layer.stride - 1,
        case.in_base,
        job.own_channels,
        *(readout.size - 1, readout.stride - 1, readout.pad_bottom, readout.pad_right),
        *(readout.pad is PoolPad.ZERO, readout.upsample),
        layer.activation is not Activation.LINEAR,
        layer.place is LeakyPlace.BEFORE_REQUANT,
        layer.overflow is Overflow.WRAP,
        layer.rounding is not Rounding.FLOOR,
    ]
    tensors = (job.input, layer.weight, layer.bias)
    magnitude = sum(int(np.abs(tensor.astype(object)).sum()) for tensor in tensors)
    features = sum(bool(feature) for feature in special)
    shape = job.macs, job.input.size
    return not readout.plain, *shape, features, sum(map(int, special)), layer.shift, magnitude


def shrink(
    case: Case, failure: Failure, config: PEConfig, trial: Trial, seconds: float = SECONDS
) -> list[tuple[Case, Failure]]:
    """Shrink a case greedily; return it, then each smaller one that failed, the smallest last.

    Parameters
    ----------
    case : Case
        Fails.
    failure : Failure
        How.
    config : PEConfig
        What the jobs have to fit.
    trial : callable
        Runs several cases and says how each fails; None where it passes.
    seconds : float
        After this long no further round begins.
    """
    history = [(case, failure)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        candidates = _candidates(*history[-1], config)
        failures = trial(candidates) if candidates else []
        failing = [pair for pair in zip(candidates, failures, strict=True) if pair[1] is not None]
        if not failing:
            break
        smallest, how = failing[0]
        assert how is not None
        history.append((smallest, how))
    return history


def _candidates(case: Case, failure: Failure, config: PEConfig) -> list[Case]:
    """Legal cases smaller than this one, the smallest first."""
    limit = size(case)
    sized: list[tuple[tuple[int, ...], int, Case]] = []
    for smaller in _steps(case, failure):
        if size(smaller) < limit and _is_legal(smaller, config):
            sized.append((size(smaller), len(sized), smaller))
    return [smaller for *_, smaller in sorted(sized, key=lambda entry: entry[:2])[:AT_ONCE]]


def _is_legal(case: Case, config: PEConfig) -> bool:
    """Whether the PE can run it."""
    job, layer = case.job, case.job.layer
    if not fits(layer, job.tile, job.input_shape, config):
        return False
    if case.in_base + input_words(layer, job.input_shape, config) > config.input_words:
        return False
    if job.own_channels:
        if layer.in_channels != layer.out_channels:
            return False
        if (layer.weight * (1 - own_channels(layer.in_channels, config))).any():
            return False
    try:
        job.readout.shape(job.tile.height, job.tile.width)
    except ConfigError:
        return False
    return accumulator_bits(layer) <= config.acc_w


def _steps(case: Case, failure: Failure) -> Iterator[Case]:
    """One step in every direction; not all of them legal or smaller."""
    for stalls in (Stalls(), *(replace(case.stalls, **{s: 0}) for s in ("act", "wgt", "out"))):
        yield replace(case, stalls=stalls)
    yield replace(case, in_base=0)
    job = case.job
    for readout in _readouts(job.readout):
        yield replace(case, job=replace(job, readout=readout))
    yield replace(case, job=replace(job, own_channels=False))
    for part in (*_parts(job, failure), *_inputs(job), *_plainer(job)):
        # What it is made of anew forgets these two.
        part = replace(part, readout=job.readout, own_channels=job.own_channels)
        yield replace(case, job=part)


def _readouts(readout: Readout) -> Iterator[Readout]:
    """None, a smaller window, a smaller step, less padding."""
    yield PLAIN
    changes: dict[str, Any] = {"size": 2, "stride": 1, "pad_bottom": False, "pad_right": False}
    for field, value in {**changes, "pad": PoolPad.MINUS_INF}.items():
        if readout.size > 1:
            yield replace(readout, **{field: value})


def _parts(job: Job, failure: Failure) -> Iterator[Job]:
    """Fewer output values: the failing one, its channel, its pixel; halves."""
    whole = job.tile
    rows, columns, channels = whole.height, whole.width, whole.last_channel
    tiles = (
        [replace(whole, row=r, height=h) for r, h in _halves(rows)]
        + [replace(whole, column=c, width=w) for c, w in _halves(columns)]
        + [replace(whole, first_channel=c, last_channel=c + n) for c, n in _halves(channels)]
    )
    if failure.channel is not None and failure.row is not None and failure.column is not None:
        (row, tall), (column, wide) = (
            _window(place, side, job.readout)
            for place, side in ((failure.row, rows), (failure.column, columns))
        )
        channel = failure.channel
        tiles += [
            Tile(row, column, tall, wide, channel, channel + 1),
            Tile(row, column, tall, wide, 0, channels),
            Tile(0, 0, rows, columns, channel, channel + 1),
        ]
    for tile in tiles:
        part = make_job(job.layer, job.input, tile)
        if job.own_channels:
            used = slice(tile.first_channel, tile.last_channel)
            layer = replace(part.layer, weight=part.layer.weight[:, used])
            part = replace(part, layer=layer, input=part.input[used])
        count = tile.last_channel - tile.first_channel
        yield replace(part, tile=Tile(0, 0, tile.height, tile.width, 0, count))


def _window(place: int, side: int, readout: Readout) -> tuple[int, int]:
    """First pixel and pixels, of a tile's side, that a place of what leaves is made from.

    >>> _window(2, 5, Readout(2, 2)), _window(3, 5, Readout(upsample=True))
    ((4, 1), (1, 1))
    """
    first = place // 2 if readout.upsample else place * readout.stride
    first = min(first, side - 1)
    return first, min(readout.size, side - first)


def _halves(count: int) -> list[tuple[int, int]]:
    """Start and length of both halves, and of all but the first or the last.

    >>> _halves(5)
    [(0, 2), (2, 3), (0, 4), (1, 4)]
    >>> _halves(1)
    []
    """
    if count == 1:
        return []
    half = count // 2
    return [(0, half), (half, count - half), (0, count - 1), (1, count - 1)]


def _inputs(job: Job) -> Iterator[Job]:
    """Fewer input channels, a smaller kernel, less padding, stride 1."""
    layer, tensor = job.layer, job.input
    rows, columns = layer.kernel
    for start, count in _halves(layer.in_channels):
        part = slice(start, start + count)
        yield from _made(layer, tensor[part], weight=layer.weight[:, part])
    for (top, kh), (left, kw) in [
        *((span, (0, columns)) for span in _halves(rows)),
        *(((0, rows), span) for span in _halves(columns)),
        ((rows // 2, 1), (columns // 2, 1)),
    ]:
        weight = layer.weight[:, :, top : top + kh, left : left + kw]
        # What the dropped taps alone read goes with them, first the padding.
        pad = layer.padding
        drop = (top, rows - kh - top, left, columns - kw - left)
        sides = (pad.top, pad.bottom, pad.left, pad.right)
        cut = [max(taps - side, 0) for taps, side in zip(drop, sides, strict=True)]
        left_over = [max(side - taps, 0) for taps, side in zip(drop, sides, strict=True)]
        padding = Padding(*map(min, left_over, (kh - 1, kh - 1, kw - 1, kw - 1)))
        _, height, width = tensor.shape
        read = tensor[:, cut[0] : height - cut[1], cut[2] : width - cut[3]]
        yield from _made(layer, read, weight=weight, padding=padding)
    for side in ("top", "bottom", "left", "right"):
        yield from _made(layer, tensor, padding=replace(layer.padding, **{side: 0}))
    yield from _made(layer, tensor, padding=Padding())
    yield from _made(layer, tensor, stride=1)


def _plainer(job: Job) -> Iterator[Job]:
    """A plainer output stage and plainer numbers."""
    layer, tensor = job.layer, job.input
    plain = {
        "activation": Activation.LINEAR,
        "place": LeakyPlace.AFTER_REQUANT,
        "overflow": Overflow.SATURATE,
        "rounding": Rounding.FLOOR,
    }
    yield from _made(layer, tensor, **plain)
    for field, value in plain.items():
        yield from _made(layer, tensor, **{field: value})
    for shift in (0, layer.shift // 2, layer.shift - 1):
        yield from _made(layer, tensor, shift=max(shift, 0))
    for bias in (np.zeros_like(layer.bias), np.sign(layer.bias), _halved(layer.bias)):
        yield from _made(layer, tensor, bias=bias)
    for weight in (np.zeros_like(layer.weight), np.sign(layer.weight), _halved(layer.weight)):
        yield from _made(layer, tensor, weight=weight)
    for values in (np.zeros_like(tensor), np.sign(tensor), _halved(tensor)):
        yield from _made(layer, values)


def _halved(values: Any) -> Any:
    """Half of each number, towards zero."""
    return np.sign(values) * (np.abs(values.astype(np.int64)) >> 1).astype(values.dtype)


def _made(layer: ConvLayer, tensor: Int16Array, **changes: Any) -> Iterator[Job]:
    """The job of a changed layer, where there is one."""
    try:
        yield whole_job(replace(layer, **changes), np.ascontiguousarray(tensor))
    except ConfigError:
        return
