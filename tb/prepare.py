"""From options to a run folder full of jobs: network, pictures, oracles, streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, PEConfig
from golden.dataflow.lowering import of_one_channel
from golden.dataflow.sampling import MIN_LAYER_MACS, sample_tiles
from golden.dataflow.schedule import PlannedJob, link, made_of, plan_jobs
from golden.dataflow.stage import Stage, stages
from golden.dataflow.tile import Job, Tile, groups, lower_input, make_job
from golden.dataflow.tiling import tiles
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    ConvLayer,
    Layer,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
    sources,
)
from golden.graph.network import Network
from golden.quantization.layers import quantize_image
from golden.reference import spec, torch_oracle
from golden.reference.bounds import smallest_acc_w
from golden.reference.run import run
from golden.vision.images import load
from tb.duts.conv_pe.frame_record import (
    INPUT,
    FrameJob,
    FrameList,
    Region,
    frame_folder,
    write_frames,
)
from tb.duts.conv_pe.job_record import JobRecord, job_record
from tb.duts.conv_pe.packing import pack_weights
from tb.networks.registry import Built
from tb.options import SimOptions, parse_array, parse_jobs

INPUT_ACTIVATIONS = 131_072
"""What the input tile memory of a simulated array holds, whatever its lanes."""
TILE_PIXELS = {"verilator": 1024, "icarus": 32}
MIN_MACS = {"verilator": MIN_LAYER_MACS, "icarus": 0}
"""Icarus is some thousand times slower: smaller tiles, and no more than show each side."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that is known before a picture is looked at.

    Parameters
    ----------
    built : Built
        The network.
    config : PEConfig
    stages : tuple of Stage
        The layers to simulate.
    jobs : tuple of PlannedJob
        Of one frame, in order.
    """

    built: Built
    config: PEConfig
    stages: tuple[Stage, ...]
    jobs: tuple[PlannedJob, ...]

    @property
    def network(self) -> Network:
        """The integers."""
        return self.built.network


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture and golden's tensors of it.

    Parameters
    ----------
    path : Path
    pixels : ndarray of uint8, (H, W, 3)
        As read.
    tensors : dict of str to ndarray of int16, (C, H, W)
        ``image`` and every node's output.
    """

    path: Path
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    tensors: dict[str, Int16Array]


class OracleError(AssertionError):
    """Two of the golden models disagree: nothing may be compared with either."""


def prepare(options: SimOptions, say: Callable[[str], None]) -> Prepared:
    """Import and quantise the network, and plan its jobs.

    Raises
    ------
    InputError
        A file that is missing or not what it should be.
    ConfigError
        Options that this network cannot honour.
    """
    built = options.network.build(options, say)
    network = built.network
    p_ic, p_oc = parse_array(options.lanes)
    config = PEConfig(
        p_ic,
        p_oc,
        acc_w=smallest_acc_w((*network.convs(), *of_one_channel(network))),
        mode=network.mode,
        act_w=network.options.act_w,
        weight_w=network.options.weight_w,
        tile_pixels=TILE_PIXELS[options.sim],
        input_words=INPUT_ACTIVATIONS // p_ic,
    )
    every = tuple(stages(network, config))
    chosen = tuple(stage for stage in every if stage.name in options.stages)
    if options.distinct:
        chosen = _one_of_each_shape(chosen)
    jobs = _plan(network, every, config, options, {stage.name for stage in chosen})
    return Prepared(built, config, chosen, jobs)


def _one_of_each_shape(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The first of all stages that differ in nothing but numbers."""
    first: dict[Any, Stage] = {}
    for stage in stages:
        layer, behind = stage.layer, stage.behind
        pool = None if behind is None else replace(behind, name="", source="")
        shape = (layer.kernel, layer.stride, layer.padding, stage.input_shape, stage.out_shape)
        first.setdefault((*shape, layer.activation, pool, stage.alone), stage)
    return tuple(first.values())


def _plan(
    network: Network,
    every: Sequence[Stage],
    config: PEConfig,
    options: SimOptions,
    chosen: Collection[str],
) -> tuple[PlannedJob, ...]:
    """The jobs of one frame that are asked for, each in the place that it has in a whole frame."""

    def sampled(stage: Stage, config: PEConfig) -> list[Tile]:
        return sample_tiles(stage, config, options.seed, MIN_MACS[options.sim])[: options.tiles]

    planned = plan_jobs(every, config, sampled if options.sampled else tiles)
    jobs = [job for job in planned if job.stage.name in chosen]
    if options.job:
        asked = parse_jobs(options.job)
        if asked.stop > len(jobs):
            last = len(jobs) - 1
            raise ConfigError(f"JOB={options.job}: {options.layer} has jobs 0 to {last}")
        jobs = jobs[asked.start : asked.stop]
    return tuple(jobs if options.golden_inputs else link(network, jobs))


def see(prepared: Prepared, options: SimOptions, path: Path) -> Picture:
    """Run the golden model on a picture.

    Raises
    ------
    InputError
        The picture cannot be read.
    """
    picture, network = load(path), prepared.network
    seen = options.network.pixels(picture, options)
    pixels, _ = quantize_image(seen, network.input_frac, network.options.act_w)
    return Picture(path, np.asarray(picture), run(network, pixels))


def check_oracles(
    prepared: Prepared, options: SimOptions, picture: Picture, say: Callable[[str], None]
) -> None:
    """Hold the golden models against each other on all that is about to be compared.

    Whole layers on torch against the compiled kernels, and the plain specification on
    sampled tiles.

    Raises
    ------
    OracleError
        They are not equal to the bit.
    """
    tensors = picture.tensors
    for stage in prepared.stages:
        say(f"checking the golden models against each other: {stage.name}")
        for name in stage.makes:
            node = prepared.network.node(name)
            inputs = [tensors[source] for source in sources(node)]
            _same(name, "torch", _by_torch(node, inputs, prepared.config.act_w), tensors[name])
            if isinstance(node, ConvLayer):
                _check_tiles(prepared, options, stage, picture)


def _by_torch(node: Layer, inputs: list[Int16Array], act_w: int) -> Int16Array:
    """A node's output as torch computes it."""
    if isinstance(node, ConvLayer):
        return torch_oracle.conv(inputs[0], node)
    if isinstance(node, PoolLayer):
        return torch_oracle.pool(inputs[0], node)
    if isinstance(node, UpsampleLayer):
        return torch_oracle.upsample(inputs[0], node)
    if isinstance(node, ResidualLayer):
        return torch_oracle.residual(inputs, node, act_w)
    if isinstance(node, AverageLayer):
        return torch_oracle.average(inputs[0], node, act_w)
    return np.concatenate(inputs)


def _check_tiles(prepared: Prepared, options: SimOptions, stage: Stage, picture: Picture) -> None:
    node = prepared.network.node(stage.name)
    assert isinstance(node, ConvLayer)
    seen = lower_input(node, picture.tensors[node.source])
    for cell in sample_tiles(stage, prepared.config, options.seed, MIN_MACS[options.sim]):
        tile = stage.conv_tile(cell)
        job = make_job(stage.layer, seen, tile)
        values = spec.conv(job.input, job.layer)
        _same(stage.name, "the specification", values, tile.of(picture.tensors[stage.name]))


def _same(name: str, oracle_name: str, one: Int16Array, other: Int16Array) -> None:
    if not np.array_equal(one, other):
        raise OracleError(f"{name}: {oracle_name} and the compiled kernel disagree")


def write_run(folder: Path, prepared: Prepared, options: SimOptions, frames: int) -> FrameList:
    """Write the jobs and the weight streams of a run.

    Parameters
    ----------
    folder : Path
    prepared : Prepared
    options : SimOptions
    frames : int
        Pictures that will be handed over.
    """
    beats: dict[tuple[str, int, int], tuple[int, int]] = {}
    jobs: list[FrameJob] = []
    for number, planned in enumerate(prepared.jobs):
        key = (planned.stage.name, *planned.channels)
        if key not in beats:
            weights = pack_weights(
                planned.stage.layer.select(*planned.channels),
                prepared.config,
                planned.stage.own_channels,
            )
            beats[key] = len(beats), len(weights)
            weights.tofile(folder / f"job_{beats[key][0]:05d}.wgt")
        record = _record(planned, number, prepared.config)
        record = replace(record, weights=beats[key][0], wgt_beats=beats[key][1])
        if not number and options.inject == "stream":
            record = replace(record, act_drop=record.act_beats // 2)
        jobs.append(_frame_job(planned, record))
    listed = replace(
        _list(prepared, options, jobs),
        frames=frames,
        flip_seed=options.seed if options.inject == "expected" else None,
    )
    write_frames(folder, listed)
    return listed


def _record(planned: PlannedJob, number: int, config: PEConfig) -> JobRecord:
    """The job as the bench runs it; its input is not there yet."""
    stage, seen = planned.stage, planned.window
    layer = replace(stage.layer.select(*planned.channels), padding=seen.padding)
    nothing = np.broadcast_to(np.int16(0), (stage.input_shape[0], seen.height, seen.width))
    job = Job(layer, planned.tile, nothing, planned.readout, stage.own_channels)
    record = job_record(job, config, number, planned.number, planned.in_base, None, planned.output)
    return replace(record, macs=planned.macs, macs_on_zero_weights=planned.macs_on_zero_weights)


def _frame_job(planned: PlannedJob, record: JobRecord) -> FrameJob:
    stage, seen = planned.stage, planned.window
    return FrameJob(
        record=record,
        source=stage.source,
        region=Region(seen.row, seen.column, seen.height, seen.width),
        conv="" if stage.alone else stage.layer.name,
        node=stage.makes[-1],
        own=planned.own,
        after=max(planned.after) + 1 if planned.after else 0,
    )


def _list(prepared: Prepared, options: SimOptions, jobs: Sequence[FrameJob]) -> FrameList:
    """The jobs with the tensors between them."""
    network = prepared.network
    shapes = network.shapes()
    for stage in prepared.stages:
        if stage.source == IMAGE:
            shapes[IMAGE] = stage.input_shape
    plain = {stage.source for stage in prepared.stages if stage.pairs is None}
    joined = {
        name: list(made_of(network, name))
        for name in sorted(plain - {IMAGE})
        if isinstance(network.node(name), ConcatLayer)
    }
    pairs = [stage for stage in prepared.stages if stage.pairs is not None]
    shapes |= {stage.source: stage.input_shape for stage in pairs}
    paired = {
        stage.source: [list(made_of(network, name)) for name in stage.reads] for stage in pairs
    }
    listed = FrameList(
        prepared.config, tuple(jobs), shapes, joined, options.golden_inputs, paired=paired
    )
    if options.sampled or options.job:
        return listed
    heads = heads_of(network)
    return replace(
        listed,
        save=tuple(
            node.name
            for node in network.nodes
            if node.name in listed.made and (options.images is None or node.name in heads)
        ),
    )


def heads_of(network: Network) -> tuple[str, ...]:
    """The nodes that no other reads: what the network says."""
    read = {source for node in network.nodes for source in sources(node)}
    return tuple(node.name for node in network.nodes if node.name not in read)


def write_frame(
    folder: Path, number: int, prepared: Prepared, listed: FrameList, picture: Picture
) -> None:
    """Hand a frame over: golden's tensors, and the packed image; the folder appears whole."""
    final = frame_folder(folder, number)
    scratch = final.with_suffix(".making")
    (scratch / "golden").mkdir(parents=True)
    wanted = listed.made.union(listed.checked_joins)
    for job in listed.jobs:
        wanted.update(part for parts in listed.parts(job.source) for part in parts)
    for name in sorted(wanted - {IMAGE}):
        values = np.ascontiguousarray(picture.tensors[name])
        np.save(scratch / "golden" / f"{name}.npy", values)
    if any(job.source == IMAGE for job in listed.jobs):
        np.save(scratch / INPUT, _packed_image(prepared, picture))
    scratch.rename(final)


def _packed_image(prepared: Prepared, picture: Picture) -> Int16Array:
    """The image as its readers see it, (H, W, C), channels filled up to whole words."""
    first = next(layer for layer in prepared.network.convs() if layer.source == IMAGE)
    seen = lower_input(first, picture.tensors[IMAGE])
    channels, rows, columns = seen.shape
    lanes = prepared.config.p_ic
    packed = np.zeros((rows, columns, groups(channels, lanes) * lanes), np.int16)
    packed[:, :, :channels] = seen.transpose(1, 2, 0)
    return packed
