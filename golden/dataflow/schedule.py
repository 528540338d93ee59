"""A whole image as a list of jobs: which tiles, in which order, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from golden.config import ConfigError, PEConfig
from golden.dataflow.fused_layer import FusedLayer
from golden.dataflow.tile import Tile, Window, input_words, reads, window
from golden.graph.layers import IMAGE, ConcatLayer, Shape, sources
from golden.graph.network import Network
from golden.reference.readout import Readout


@dataclass(frozen=True, slots=True, eq=False)
class PlannedJob:
    """A job without its tensors."""

    fused: FusedLayer
    """The layer that it is a job of."""
    number: int
    """Counted within the layer."""
    tile: Tile
    """Pixels of the convolution."""
    own: Tile
    """Those of them that only this job counts; the others are a halo."""
    output: Tile
    """What it makes of the layer's last node."""
    readout: Readout
    window: Window
    """What it reads of its source."""
    words: int
    """Words of the tile memory that its input takes."""
    in_base: int = 0
    """First of them."""
    after: tuple[int, ...] = ()
    """Jobs of the list whose outputs it reads."""

    @property
    def input_shape(self) -> Shape:
        """(I, H, W) of what it reads."""
        return self.fused.input_shape[0], self.window.height, self.window.width

    @property
    def channels(self) -> tuple[int, int]:
        """First output channel, and the one after the last."""
        return self.tile.first_channel, self.tile.last_channel

    @property
    def reads(self) -> int:
        """Sums that the drain reads for one group of output channels."""
        return reads(self.readout, self.tile.height, self.tile.width)

    @property
    def macs(self) -> int:
        """Useful multiplications, halo left out; a pool alone has none."""
        return 0 if self.fused.standalone else self.own.values * self.fused.conv.weight[0].size

    @property
    def macs_on_zero_weights(self) -> int:
        """Those of `macs` that multiply zeros around an embedded kernel."""
        kh, kw = self.fused.conv.kernel
        return self.macs // (kh * kw) * self.fused.conv.embedded_zero_taps


Tiler = Callable[[FusedLayer, PEConfig], Sequence[Tile]]
"""Cuts a layer's grid into tiles."""


def plan_job(fused: FusedLayer, cell: Tile, number: int, config: PEConfig) -> PlannedJob:
    """The job of one tile of a layer's grid.

    Raises
    ------
    ConfigError
        The PE cannot hold it.
    """
    if not fused.fits(cell, config):
        raise ConfigError(f"{fused.name}: tile {cell} does not fit the PE's memories")
    tile = fused.conv_tile(cell)
    read = window(fused.conv, tile, fused.input_shape)
    shape = (fused.input_shape[0], read.height, read.width)
    words = input_words(fused.conv, shape, config)
    own, output = fused.conv_tile(cell, halo=False), fused.out_tile(cell)
    return PlannedJob(fused, number, tile, own, output, fused.readout(cell), read, words)


def plan_jobs(
    fused_layers: Iterable[FusedLayer], config: PEConfig, tiler: Tiler
) -> list[PlannedJob]:
    """The jobs of several layers, with places in the tile memory, dependencies not yet known."""
    jobs = [
        plan_job(fused, cell, number, config)
        for fused in fused_layers
        for number, cell in enumerate(tiler(fused, config))
    ]
    return allocate(jobs, config)


def allocate(jobs: Sequence[PlannedJob], config: PEConfig) -> list[PlannedJob]:
    """Give each input its place in the tile memory.

    Jobs take the memory's two ends in turn, so that two neighbours' places are apart
    whenever both fit.
    """
    return [
        replace(job, in_base=(config.input_words - job.words) if index % 2 else 0)
        for index, job in enumerate(jobs)
    ]


def flatten_concat(network: Network, name: str) -> tuple[str, ...]:
    """Nodes whose values lie in a node or ``image``, in channel order: itself, or those joined."""
    node = None if name == IMAGE else network.node(name)
    if not isinstance(node, ConcatLayer):
        return (name,)
    return tuple(part for source in sources(node) for part in flatten_concat(network, source))


def add_dependencies(network: Network, jobs: Sequence[PlannedJob]) -> list[PlannedJob]:
    """Let each job wait for the jobs of the list that make what it reads."""
    producers: dict[str, list[int]] = {}
    for index, job in enumerate(jobs):
        producers.setdefault(job.fused.outputs[-1], []).append(index)
    linked = []
    for job in jobs:
        source = job.fused.source_window(job.window)
        read = Tile(source.row, source.column, source.height, source.width, 0, 1 << 16)
        parts = {part for name in job.fused.inputs for part in flatten_concat(network, name)}
        indices = [index for part in parts for index in producers.get(part, ())]
        after = sorted(index for index in indices if jobs[index].output.overlaps(read))
        linked.append(replace(job, after=tuple(after)))
    return linked
