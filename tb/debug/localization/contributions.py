"""The reference model of one value: its contributions in the order of the PE's passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import Int64Array, int_range, multiply
from golden.config import InputError, PEConfig, PoolPad
from tb.debug.localization.descriptor import Descriptor, descriptor_of
from tb.duts.conv_pe.job_record import JobRecord


@dataclass(frozen=True, slots=True, eq=False)
class JobStreams:
    """What a job's streams hold."""

    descriptor: Descriptor
    words: Int64Array
    """Of the input, (beats, P_IC)."""
    biases: Int64Array
    """(output groups, P_OC)."""
    weights: Int64Array
    """(output groups, passes, P_OC, P_IC)."""


def read_streams(folder: Path, record: JobRecord, config: PEConfig) -> JobStreams:
    """Read a job's streams.

    Raises
    ------
    InputError
        A stream is shorter than its descriptor says.
    """
    job = descriptor_of(record, config)
    acts = _beats(folder / f"{record.stem}.act", config.p_ic, config.act_w)
    path = folder / f"job_{record.weights:05d}.wgt"
    beats = _beats(path, config.p_ic, config.weight_w)
    each = job.bias_beats + job.passes * config.p_oc
    if len(beats) < job.out_groups * each or len(acts) < job.words:
        raise InputError(f"{path.parent}: the streams of {record.stem} are shorter than the job")
    grouped = beats[: job.out_groups * each].reshape(job.out_groups, each, config.p_ic)
    raw = grouped[:, : job.bias_beats].astype(f"<i{config.weight_w // 8}")
    biases = raw.reshape(job.out_groups, -1).view("<i8")[:, : config.p_oc]
    shape = (job.out_groups, job.passes, config.p_oc, config.p_ic)
    weights = grouped[:, job.bias_beats :].reshape(shape)
    return JobStreams(job, acts, biases.astype(np.int64), weights)


def _beats(path: Path, lanes: int, bits: int) -> Int64Array:
    """A stream's file as (beats, lanes); a beat has its top byte first."""
    raw = np.fromfile(path, np.uint8).reshape(-1, lanes * bits // 8)
    return np.ascontiguousarray(raw[:, ::-1]).view(f"<i{bits // 8}").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one pass adds to a value."""

    number: int
    """Pass of the output group."""
    in_group: int
    ky: int
    kx: int
    """Input channels and tap."""
    row: int
    column: int
    """Input pixel; in the padding where `outside`."""
    address: int
    """Its word in the tile memory; means nothing where `outside`."""
    outside: bool
    activations: tuple[int, ...]
    weights: tuple[int, ...]
    products: tuple[int, ...]
    """Lane by lane; a product as it is added, cut where the mode cuts."""
    dot: int
    """Their sum."""
    sum: int
    """Running, with the bias in it."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the convolution: how it comes about."""

    channel: int
    row: int
    column: int
    """In the job."""
    bias: int
    contributions: tuple[Contribution, ...]
    sum: int
    rounded: int
    clipped: int
    value: int
    """Finished sum; behind the shift; in the value's bits; activated."""


def value_of(streams: JobStreams, channel: int, row: int, column: int) -> Value:
    """How a value of the convolution comes about: the job's output channel, its tile's pixel."""
    job = streams.descriptor
    group, lane = divmod(channel, job.config.p_oc)
    total = bias = int(streams.biases[group, lane])
    terms = []
    for number in range(job.passes):
        term = _contribution(streams, group, lane, number, row, column, total)
        total = term.sum
        terms.append(term)
    rounded = job.arithmetic.rounded(total)
    clipped, value = job.arithmetic.clipped(rounded), job.arithmetic.value(rounded)
    return Value(channel, row, column, bias, tuple(terms), total, rounded, clipped, value)


def _contribution(
    streams: JobStreams, group: int, lane: int, number: int, row: int, column: int, total: int
) -> Contribution:
    job = streams.descriptor
    in_group, tap = divmod(number, job.taps)
    in_group = group if job.own else in_group
    ky, kx = divmod(tap, job.kernel[1])
    iy, ix = row * job.stride + ky - job.pad_top, column * job.stride + kx - job.pad_left
    outside = not (0 <= iy < job.in_height and 0 <= ix < job.in_width)
    beat = (iy * job.in_width + ix) * job.in_groups + in_group
    acts = np.zeros(job.config.p_ic, np.int64) if outside else streams.words[beat]
    weights = streams.weights[group, number, lane]
    products = multiply(acts, weights, job.config.mode)
    dot = int(products.sum())
    return Contribution(
        number=number,
        in_group=in_group,
        ky=ky,
        kx=kx,
        row=iy,
        column=ix,
        address=(job.in_base + beat) % job.config.input_words,
        outside=outside,
        activations=tuple(acts.tolist()),
        weights=tuple(weights.tolist()),
        products=tuple(products.tolist()),
        dot=dot,
        sum=total + dot,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """The value that leaves: which reads make it, and what it is."""

    first_read: int
    """In the output group."""
    values: tuple[Value, ...]
    """Its pixels in the order in which they are read."""
    floor: int
    """What the maximum starts from: the padding's value, or the least of all."""
    highest: int
    beat: int
    """Output beat within the job."""


def windows_of(streams: JobStreams, channel: int, first_read: int, last_read: int) -> list[Window]:
    """The values that leave through these reads of a channel's output group."""
    job = streams.descriptor
    order = job.windows()
    found, read = [], 0
    for place, pixels in enumerate(order):
        if read <= last_read and read + len(pixels) > first_read:
            values = tuple(value_of(streams, channel, *divmod(p, job.out_width)) for p in pixels)
            floor = int_range(job.config.act_w)[0]
            if len(pixels) < job.readout.size**2 and job.readout.pad is PoolPad.ZERO:
                floor = 0
            beat = channel // job.config.p_oc * len(order) + place
            highest = max(floor, *(value.value for value in values))
            found.append(Window(read, values, floor, highest, beat))
        read += len(pixels)
    return found
