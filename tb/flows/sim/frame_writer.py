"""A run's files: jobs, frames, what the simulator's side needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from golden.dataflow.lowering import lower_input
from golden.dataflow.schedule import PlannedJob, flatten_concat
from golden.dataflow.tile import Job, groups
from golden.graph.layers import IMAGE, ConcatLayer, sources
from golden.graph.network import Network
from tb.duts.conv_pe.frame_record import (
    INPUT,
    FrameJob,
    FrameSchedule,
    Region,
    frame_folder,
    write_schedule,
)
from tb.duts.conv_pe.job_record import JobRecord, job_record
from tb.duts.conv_pe.packing import pack_weights
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import Picture, Prepared


def write_run_files(
    folder: Path, prepared: Prepared, options: SimOptions, frames: int
) -> FrameSchedule:
    """Write the jobs and the weight streams of a run of so many frames."""
    beats: dict[tuple[str, int, int], tuple[int, int]] = {}
    jobs: list[FrameJob] = []
    for number, planned in enumerate(prepared.jobs):
        fused, window = planned.fused, planned.window
        key = (fused.name, *planned.channels)
        if key not in beats:
            layer = fused.conv.select(*planned.channels)
            weights = pack_weights(layer, prepared.config, fused.own_channels)
            beats[key] = len(beats), len(weights)
            weights.tofile(folder / f"job_{beats[key][0]:05d}.wgt")
        record = _record(planned, number, prepared.config)
        record = replace(record, weights=beats[key][0], wgt_beats=beats[key][1])
        if not number and options.inject == "stream":
            record = replace(record, act_drop=record.act_beats // 2)
        jobs.append(
            FrameJob(
                record=record,
                source=fused.source,
                region=Region(window.row, window.column, window.height, window.width),
                conv="" if fused.standalone else fused.conv.name,
                node=fused.outputs[-1],
                own=planned.own,
                after=max(planned.after) + 1 if planned.after else 0,
            )
        )
    schedule = replace(
        _list(prepared, options, jobs),
        frames=frames,
        flip_seed=options.seed if options.inject == "expected" else None,
    )
    write_schedule(folder, schedule)
    return schedule


def job_of(planned: PlannedJob, tensor: Int16Array) -> Job:
    """A planned job with the input that its window shows of its source."""
    fused = planned.fused
    layer = replace(fused.conv.select(*planned.channels), padding=planned.window.padding)
    return Job(layer, planned.tile, tensor, planned.readout, fused.own_channels)


def _record(planned: PlannedJob, number: int, config: PEConfig) -> JobRecord:
    """The job as the bench runs it; its input is not there yet."""
    fused, window = planned.fused, planned.window
    nothing = np.broadcast_to(np.int16(0), (fused.input_shape[0], window.height, window.width))
    job = job_of(planned, nothing)
    record = job_record(job, config, number, planned.number, planned.in_base, None, planned.output)
    return replace(record, macs=planned.macs, macs_on_zero_weights=planned.macs_on_zero_weights)


def _list(prepared: Prepared, options: SimOptions, jobs: Sequence[FrameJob]) -> FrameSchedule:
    """The jobs with the tensors between them."""
    network = prepared.network
    shapes = network.shapes()
    for fused in prepared.fused_layers:
        if fused.source == IMAGE:
            shapes[IMAGE] = fused.input_shape
    plain = {fused.source for fused in prepared.fused_layers if fused.pairs is None}
    joined = {
        name: list(flatten_concat(network, name))
        for name in sorted(plain - {IMAGE})
        if isinstance(network.node(name), ConcatLayer)
    }
    pairs = [fused for fused in prepared.fused_layers if fused.pairs is not None]
    shapes |= {fused.source: fused.input_shape for fused in pairs}
    paired = {
        fused.source: [list(flatten_concat(network, name)) for name in fused.inputs]
        for fused in pairs
    }
    schedule = FrameSchedule(
        prepared.config, tuple(jobs), shapes, joined, options.golden_inputs, paired=paired
    )
    if options.sampled or options.job:
        return schedule
    heads = heads_of(network)
    return replace(
        schedule,
        save=tuple(
            node.name
            for node in network.nodes
            if node.name in schedule.made and (options.images is None or node.name in heads)
        ),
    )


def heads_of(network: Network) -> tuple[str, ...]:
    """The nodes that no other reads: what the network says."""
    read = {source for node in network.nodes for source in sources(node)}
    return tuple(node.name for node in network.nodes if node.name not in read)


def write_frame(
    folder: Path, number: int, prepared: Prepared, schedule: FrameSchedule, picture: Picture
) -> None:
    """Write the reference model's tensors and the packed image; the folder appears whole."""
    final = frame_folder(folder, number)
    scratch = final.with_suffix(".making")
    (scratch / "golden").mkdir(parents=True)
    wanted = schedule.made.union(schedule.checked_joins)
    for job in schedule.jobs:
        wanted.update(part for parts in schedule.parts(job.source) for part in parts)
    for name in sorted(wanted - {IMAGE}):
        values = np.ascontiguousarray(picture.tensors[name])
        np.save(scratch / "golden" / f"{name}.npy", values)
    if any(job.source == IMAGE for job in schedule.jobs):
        np.save(scratch / INPUT, _packed_image(prepared, picture))
    scratch.rename(final)


def _packed_image(prepared: Prepared, picture: Picture) -> Int16Array:
    """The image as its readers see it, (H, W, C), channels filled up to whole words."""
    first = next(layer for layer in prepared.network.convs() if layer.source == IMAGE)
    lowered = lower_input(first, picture.tensors[IMAGE])
    channels, rows, columns = lowered.shape
    lanes = prepared.config.p_ic
    packed = np.zeros((rows, columns, groups(channels, lanes) * lanes), np.int16)
    packed[:, :, :channels] = lowered.transpose(1, 2, 0)
    return packed
