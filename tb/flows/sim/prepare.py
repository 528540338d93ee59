"""From options to a run folder full of jobs: network, pictures, oracles, streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, PEConfig
from golden.dataflow.fused_layer import FusedLayer, fused_layers
from golden.dataflow.lowering import one_channel_stand_ins
from golden.dataflow.sampling import MIN_LAYER_MACS, sample_tiles
from golden.dataflow.schedule import PlannedJob, add_dependencies, plan_jobs
from golden.dataflow.tile import Tile
from golden.dataflow.tiling import tiles
from golden.graph.network import Network
from golden.quantization.layers import quantize_image
from golden.reference.bounds import smallest_acc_w
from golden.reference.run import run
from golden.vision.images import load
from tb.choices import parse_array, parse_jobs
from tb.flows.sim.options import SimOptions
from tb.networks.registry import QuantizedNetwork

INPUT_ACTIVATIONS = 131_072
"""What the input tile memory of a simulated array holds, whatever its lanes."""
TILE_PIXELS = {"verilator": 1024, "icarus": 32}
MIN_MACS = {"verilator": MIN_LAYER_MACS, "icarus": 0}
"""Icarus is some thousand times slower: smaller tiles, and no more than show each side."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that is known before a picture is looked at."""

    quantized: QuantizedNetwork
    """The network."""
    config: PEConfig
    fused_layers: tuple[FusedLayer, ...]
    """The layers to simulate."""
    jobs: tuple[PlannedJob, ...]
    """Of one frame, in order."""

    @property
    def network(self) -> Network:
        """The integers."""
        return self.quantized.network


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture and the reference model's tensors of it."""

    path: Path
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    """uint8 (H, W, 3). As read."""
    tensors: dict[str, Int16Array]
    """int16 (C, H, W). ``image`` and every node's output."""


def prepare(options: SimOptions, print_line: Callable[[str], None]) -> Prepared:
    """Import and quantise the network, and plan its jobs.

    Raises
    ------
    InputError
        A file that is missing or not what it should be.
    ConfigError
        Options that this network cannot honour.
    """
    quantized = options.network.build(options, print_line)
    network = quantized.network
    p_ic, p_oc = parse_array(options.lanes)
    config = PEConfig(
        p_ic,
        p_oc,
        acc_w=smallest_acc_w((*network.convs(), *one_channel_stand_ins(network))),
        mode=network.options.mode,
        act_w=network.options.act_w,
        weight_w=network.options.weight_w,
        tile_pixels=TILE_PIXELS[options.sim],
        input_words=INPUT_ACTIVATIONS // p_ic,
    )
    every = tuple(fused_layers(network, config))
    chosen = tuple(fused for fused in every if fused.name in options.job_layers)
    if options.distinct:
        chosen = _one_of_each_shape(chosen)
    jobs = _plan(network, every, config, options, {fused.name for fused in chosen})
    return Prepared(quantized, config, chosen, jobs)


def _one_of_each_shape(layers: Sequence[FusedLayer]) -> tuple[FusedLayer, ...]:
    """The first of all layers that differ in nothing but numbers."""
    first: dict[Any, FusedLayer] = {}
    for fused in layers:
        layer, behind = fused.conv, fused.post_op
        pool = None if behind is None else replace(behind, name="", source="")
        shape = (layer.kernel, layer.stride, layer.padding, fused.input_shape, fused.out_shape)
        first.setdefault((*shape, layer.activation, pool, fused.standalone), fused)
    return tuple(first.values())


def _plan(
    network: Network,
    every: Sequence[FusedLayer],
    config: PEConfig,
    options: SimOptions,
    chosen: Collection[str],
) -> tuple[PlannedJob, ...]:
    """The jobs of one frame that are asked for, each in the place that it has in a whole frame."""

    def sampled(fused: FusedLayer, config: PEConfig) -> list[Tile]:
        return sample_tiles(fused, config, options.seed, MIN_MACS[options.sim])[: options.tiles]

    planned = plan_jobs(every, config, sampled if options.sampled else tiles)
    jobs = [job for job in planned if job.fused.name in chosen]
    if options.job:
        asked = parse_jobs(options.job)
        if asked.stop > len(jobs):
            last = len(jobs) - 1
            raise ConfigError(f"JOB={options.job}: {options.layer} has jobs 0 to {last}")
        jobs = jobs[asked.start : asked.stop]
    return tuple(jobs if options.golden_inputs else add_dependencies(network, jobs))


def run_reference(prepared: Prepared, options: SimOptions, path: Path) -> Picture:
    """Run the reference model on a picture.

    Raises
    ------
    InputError
        The picture cannot be read.
    """
    picture, network = load(path), prepared.network
    floats = options.network.pixels(picture, options)
    pixels, _ = quantize_image(floats, network.input_frac, network.options.act_w)
    return Picture(path, np.asarray(picture), run(network, pixels))
