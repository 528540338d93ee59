"""A probe's sightings of a PE without a fault, made from the reference's contributions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tb.debug.localization.contributions import (
    Contribution,
    JobStreams,
    Value,
    value_of,
    windows_of,
)
from tb.debug.probe.events import (
    Beat,
    Counts,
    Figure,
    Mark,
    Opened,
    OutBeat,
    Pass,
    Probe,
    Read,
    Settings,
    Write,
)
from tb.debug.probe.watch import Watch
from tb.duts.conv_pe.job_record import JobRecord

LOADED, RUN, DRAIN = 10, 1000, 50_000
"""Cycles: the tile's first word, the first pass, the first read."""


def perfect(streams: JobStreams, record: JobRecord, watch: Watch) -> Probe:
    """What the probe sees of a job that runs alone and as it should."""
    job = streams.descriptor
    channel = watch.group * job.config.p_oc + watch.lane
    value = value_of(streams, channel, *divmod(watch.pixel, job.out_width))
    bank = watch.group % 2
    reads = sum(map(len, job.windows()))
    every = range(job.out_groups)
    return Probe(
        counts=tuple(_counts(streams, record)),
        settings=(Settings(RUN, {**_registers(record), **job.settings()}),),
        writes=tuple(
            Write(LOADED + beat, job.in_base + beat, tuple(word))
            for beat, word in enumerate(streams.words.tolist())
        ),
        loads=tuple(_beat(watch.group, term) for term in value.contributions),
        swaps=tuple(_beat(watch.group, term) for term in value.contributions),
        takes=(Beat(RUN, watch.group, (value.bias,)),),
        opened=tuple(Opened(RUN + group, group, group % 2, 3) for group in every),
        passes=tuple(_passes(streams, value, watch.pixel, bank)),
        finished=tuple(Mark(DRAIN - 10 + group, group, group % 2, 0) for group in every),
        begun=tuple(Mark(DRAIN + group, group, group % 2, group) for group in every),
        reads=tuple(_reads(streams, watch, channel, bank)),
        drained=tuple(Mark(2 * DRAIN + group, group, None, reads) for group in every),
        beats=tuple(_beats(streams, watch, channel)),
    )


def _counts(streams: JobStreams, record: JobRecord) -> Iterator[Counts]:
    job = streams.descriptor
    groups, passes = job.out_groups, job.out_groups * job.passes
    reads = groups * sum(map(len, job.windows()))
    nothing = Counts("", LOADED - 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    for event in ("start", "fetch", "stream", "run"):
        yield replace(nothing, event=event)
    yield replace(
        nothing,
        event="end",
        cycle=3 * DRAIN,
        acts=record.act_beats,
        wgts=record.wgt_beats,
        biases=groups * job.bias_beats,
        loads=passes * job.config.p_oc,
        passes=passes,
        pixels=passes * job.pixels,
        sums=passes * job.pixels,
        opened=groups,
        finished=groups,
        drained=groups,
        reads=reads,
        values=reads,
        entered=record.out_beats,
        left=record.out_beats,
    )


def _registers(record: JobRecord) -> dict[str, int]:
    names = {0x40: "in_size", 0x44: "out_size", 0x48: "channels", 0x4C: "kernel"}
    names |= {0x50: "post", 0x58: "pool"}
    return {name: record.registers[address] for address, name in names.items()}


def _beat(group: int, term: Contribution) -> Beat:
    return Beat(RUN + 10 * term.number, group, term.weights, term.number)


def _passes(streams: JobStreams, value: Value, pixel: int, bank: int) -> Iterator[Pass]:
    job = streams.descriptor
    before = value.bias
    for term in value.contributions:
        cycle = RUN + 10 * term.number
        first, last = term.number == 0, term.number == job.passes - 1
        yield Pass(
            *(term.number, cycle, term.address, int(term.outside), pixel, bank),
            *(0 if job.own else term.in_group, term.ky, term.kx),
            *(int(first), int(last and pixel == job.pixels - 1)),
            word=term.activations,
            word_outside=int(term.outside),
            word_cycle=cycle + 1,
            act=term.activations,
            weight=term.weights,
            operands_cycle=cycle + 2,
            first=int(first),
            add_bank=bank,
            add_pixel=pixel,
            dot=term.dot,
            bias=value.bias,
            old=before,
            sum=term.sum,
            add_cycle=cycle + 3,
        )
        before = term.sum


def _reads(streams: JobStreams, watch: Watch, channel: int, bank: int) -> Iterator[Read]:
    job = streams.descriptor
    total = sum(map(len, job.windows()))
    beats = len(job.windows()) * job.out_groups
    for window in windows_of(streams, channel, watch.first_read, watch.last_read):
        highest = window.floor
        clipped = int(len(window.values) < job.readout.size**2)
        for place, value in enumerate(window.values):
            index = window.first_read + place
            last = int(place == len(window.values) - 1)
            highest = max(highest, value.value)
            held: list[Figure] = [0] * job.config.p_oc
            held[watch.lane] = highest
            cycle = DRAIN + 100 + index
            yield Read(
                *(index, cycle, bank, value.row * job.out_width + value.column),
                *(int(place == 0), last, clipped, int(index == total - 1)),
                *(job.post, job.pool),
                sum=value.sum,
                half=job.arithmetic.half,
                word_post=job.post,
                word_bank=bank,
                sums_cycle=cycle + 1,
                rounded=value.rounded,
                round_post=job.post,
                round_cycle=cycle + 2,
                value=value.value,
                value_first=int(place == 0),
                value_floor=int(window.floor == 0),
                value_emit=last,
                value_cycle=cycle + 3,
                highest=tuple(held),
                out=highest,
                emitted=last,
                keep=1,
                last_beat=int(window.beat == beats - 1),
                beat=window.beat,
                highest_cycle=cycle + 4,
            )


def _beats(streams: JobStreams, watch: Watch, channel: int) -> Iterator[OutBeat]:
    job = streams.descriptor
    beats = len(job.windows()) * job.out_groups
    left = min(job.out_channels - watch.group * job.config.p_oc, job.config.p_oc)
    keep = (1 << left * job.config.act_w // 8) - 1
    for window in windows_of(streams, channel, watch.first_read, watch.last_read):
        last = int(window.beat == beats - 1)
        yield OutBeat(2 * DRAIN, window.beat, window.highest, keep, last, 0)
