"""A whole image as a list of jobs: which tiles, in which order, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from golden.config import ConfigError, PEConfig
from golden.dataflow.stage import Stage
from golden.dataflow.tile import Tile, Window, input_words, reads, window
from golden.graph.layers import IMAGE, ConcatLayer, sources
from golden.graph.network import Network
from golden.reference.readout import Readout


@dataclass(frozen=True, slots=True, eq=False)
class PlannedJob:
    """A job without its tensors.

    Parameters
    ----------
    stage : Stage
        The layer that it is a job of.
    number : int
        Counted within the stage.
    tile : Tile
        Pixels of the convolution.
    own : Tile
        Those of them that only this job counts; the others are a halo.
    output : Tile
        What it makes of the stage's last node.
    readout : Readout
    window : Window
        What it reads of its source.
    words : int
        Words of the tile memory that its input takes.
    in_base : int
        First of them.
    after : tuple of int
        Jobs of the list whose outputs it reads.
    """

    stage: Stage
    number: int
    tile: Tile
    own: Tile
    output: Tile
    readout: Readout
    window: Window
    words: int
    in_base: int = 0
    after: tuple[int, ...] = ()

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
        return 0 if self.stage.alone else self.own.values * self.stage.layer.weight[0].size

    @property
    def macs_on_zero_weights(self) -> int:
        """Those of `macs` that multiply zeros around an embedded kernel."""
        kh, kw = self.stage.layer.kernel
        return self.macs // (kh * kw) * self.stage.layer.embedded_zero_taps


Tiler = Callable[[Stage, PEConfig], Sequence[Tile]]
"""Cuts a stage's grid into tiles."""


def plan_job(stage: Stage, cell: Tile, number: int, config: PEConfig) -> PlannedJob:
    """The job of one tile of a stage's grid.

    Raises
    ------
    ConfigError
        The PE cannot hold it.
    """
    if not stage.fits(cell, config):
        raise ConfigError(f"{stage.name}: tile {cell} does not fit the PE's memories")
    tile = stage.conv_tile(cell)
    seen = window(stage.layer, tile, stage.input_shape)
    shape = (stage.input_shape[0], seen.height, seen.width)
    words = input_words(stage.layer, shape, config)
    own, output = stage.own_tile(cell), stage.out_tile(cell)
    return PlannedJob(stage, number, tile, own, output, stage.readout(cell), seen, words)


def plan_jobs(stages: Iterable[Stage], config: PEConfig, tiler: Tiler) -> list[PlannedJob]:
    """The jobs of several stages, with places in the tile memory, not yet linked."""
    jobs = [
        plan_job(stage, cell, number, config)
        for stage in stages
        for number, cell in enumerate(tiler(stage, config))
    ]
    return place(jobs, config)


def place(jobs: Sequence[PlannedJob], config: PEConfig) -> list[PlannedJob]:
    """Give each input its place in the tile memory.

    Jobs take the memory's two ends in turn, so that two neighbours' places are apart
    whenever both fit.
    """
    return [
        replace(job, in_base=(config.input_words - job.words) if index % 2 else 0)
        for index, job in enumerate(jobs)
    ]


def made_of(network: Network, name: str) -> tuple[str, ...]:
    """The nodes whose values lie in a node, in channel order: itself, or a concatenation's.

    Parameters
    ----------
    network : Network
    name : str
        A node, or ``image``.
    """
    node = None if name == IMAGE else network.node(name)
    if not isinstance(node, ConcatLayer):
        return (name,)
    return tuple(part for source in sources(node) for part in made_of(network, source))


def link(network: Network, jobs: Sequence[PlannedJob]) -> list[PlannedJob]:
    """Let each job wait for the jobs of the list that make what it reads."""
    makers: dict[str, list[int]] = {}
    for index, job in enumerate(jobs):
        makers.setdefault(job.stage.makes[-1], []).append(index)
    linked = []
    for job in jobs:
        seen = job.stage.seen(job.window)
        read = Tile(seen.row, seen.column, seen.height, seen.width, 0, 1 << 16)
        parts = {part for source in job.stage.reads for part in made_of(network, source)}
        after = [
            index
            for part in parts
            for index in makers.get(part, ())
            if jobs[index].output.overlaps(read)
        ]
        linked.append(replace(job, after=tuple(sorted(after))))
    return linked
