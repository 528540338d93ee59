"""A network as the PE runs it: convolutions with what stands behind them, and other nodes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from golden.config import ConfigError, PEConfig, PoolPad
from golden.dataflow.lowering import Pairs, addition, averaging, identity
from golden.dataflow.tile import Tile, Window, fits, lower
from golden.graph.fusion import fused
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    ConvLayer,
    PoolLayer,
    ResidualLayer,
    Shape,
    UpsampleLayer,
)
from golden.graph.network import Network
from golden.reference.readout import PLAIN, Readout

POOLS: Final = ((2, 2), (2, 1), (3, 2))
"""Windows and steps that a tile's readout has."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One layer's jobs: a convolution, and the pool or upsampling behind it.

    Tiles are chosen on the `grid`: the convolution's pixels, the pool's where there is one, or
    the rows of a residual add.

    Parameters
    ----------
    name : str
        The convolution's, or that of the node that runs without one.
    layer : ConvLayer
        As the PE runs it: lowered, or what stands for a node that is no convolution.
    source : str
        Node that it reads, or the name of the `pairs`.
    input_shape : tuple of int
        (I, H, W), lowered.
    behind : PoolLayer or UpsampleLayer or None
        What the readout does.
    alone : bool
        Whether it runs without a convolution of the network.
    own_channels : bool
        Whether each group of output channels reads its own input channels alone.
    pairs : Pairs or None
        The two nodes that a residual add reads.

    Raises
    ------
    ConfigError
        A pool that the PE does not have.
    """

    name: str
    layer: ConvLayer
    source: str
    input_shape: Shape
    behind: PoolLayer | UpsampleLayer | None = None
    alone: bool = False
    own_channels: bool = False
    pairs: Pairs | None = None

    def __post_init__(self) -> None:
        pool = self.behind
        if isinstance(pool, PoolLayer) and (pool.size, pool.stride) not in POOLS:
            raise ConfigError(
                f"{pool.name}: the PE has no pool {pool.size}x{pool.size}/{pool.stride}"
            )

    @property
    def makes(self) -> tuple[str, ...]:
        """Nodes that the jobs make: the convolution, and what is behind it."""
        if self.alone or self.behind is None:
            return (self.name,)
        return self.layer.name, self.behind.name

    @property
    def reads(self) -> tuple[str, ...]:
        """Nodes that the jobs read."""
        return (self.source,) if self.pairs is None else self.pairs.sources

    @property
    def conv_shape(self) -> Shape:
        """(O, rows, columns) of the convolution."""
        return self.layer.output_shape(self.input_shape)

    @property
    def out_shape(self) -> Shape:
        """(O, rows, columns) of the last node made."""
        if self.pairs is not None:
            return self.pairs.shape
        return self.conv_shape if self.behind is None else self.behind.output_shape(self.conv_shape)

    @property
    def grid(self) -> Shape:
        """(O, rows, columns) that tiles are chosen on; a residual add's row is one column wide."""
        if self.pairs is not None:
            return *self.pairs.shape[:2], 1
        return self.out_shape if isinstance(self.behind, PoolLayer) else self.conv_shape

    def conv_tile(self, cell: Tile) -> Tile:
        """The convolution's pixels that a tile of the grid needs."""
        if self.pairs is not None:
            return self.pairs.flat(cell)
        row, height, _ = self._needs(cell.row, cell.height, 1)
        column, width, _ = self._needs(cell.column, cell.width, 2)
        return Tile(row, column, height, width, cell.first_channel, cell.last_channel)

    def own_tile(self, cell: Tile) -> Tile:
        """Those of `conv_tile` that no other tile of the grid counts: without halo."""
        if self.pairs is not None:
            return self.pairs.flat(cell)
        row, height = self._counts(cell.row, cell.height, 1)
        column, width = self._counts(cell.column, cell.width, 2)
        return Tile(row, column, height, width, cell.first_channel, cell.last_channel)

    def out_tile(self, cell: Tile) -> Tile:
        """Where a tile of the grid lies in the last node made."""
        if self.pairs is not None:
            return self.pairs.rows(cell)
        if not isinstance(self.behind, UpsampleLayer):
            return cell
        row, column, height, width = (
            2 * side for side in (cell.row, cell.column, cell.height, cell.width)
        )
        return Tile(row, column, height, width, cell.first_channel, cell.last_channel)

    def seen(self, window: Window) -> Window:
        """What of the nodes that are read lies in a window of the input."""
        return window if self.pairs is None else self.pairs.seen(window)

    def readout(self, cell: Tile) -> Readout:
        """How a tile of the grid leaves: padded where the pool reaches over the edge."""
        if self.behind is None:
            return PLAIN
        if isinstance(self.behind, UpsampleLayer):
            return Readout(upsample=True)
        bottom = self._needs(cell.row, cell.height, 1)[2]
        right = self._needs(cell.column, cell.width, 2)[2]
        pad = self.behind.padding or PoolPad.MINUS_INF
        return Readout(self.behind.size, self.behind.stride, bottom, right, pad)

    def fits(self, cell: Tile, config: PEConfig) -> bool:
        """Whether the PE holds this tile of the grid."""
        return fits(self.layer, self.conv_tile(cell), self.input_shape, config)

    def too_large(self, config: PEConfig) -> ConfigError:
        """The error of a layer of which not even one pixel fits, or one row of a residual add."""
        least = "pixel" if self.pairs is None else f"row of {self.pairs.shape[2]} pixels"
        return ConfigError(
            f"{self.name}: not one output {least} fits an input memory of {config.input_words} "
            f"words of {config.p_ic} activations and {config.tile_pixels} sums; raise input_words"
        )

    def _window(self) -> tuple[int, int]:
        """Window and step of the pool, or of none."""
        pool = self.behind
        return (pool.size, pool.stride) if isinstance(pool, PoolLayer) else (1, 1)

    def _needs(self, start: int, count: int, axis: int) -> tuple[int, int, bool]:
        """First pixel, pixels, and whether padding follows them, along one axis."""
        size, stride = self._window()
        stop = (start + count - 1) * stride + size
        inside = min(stop, self.conv_shape[axis])
        return start * stride, inside - start * stride, stop > inside

    def _counts(self, start: int, count: int, axis: int) -> tuple[int, int]:
        """First pixel and pixels without the halo, along one axis."""
        _, stride = self._window()
        first, needed, _ = self._needs(start, count, axis)
        at_the_end = start + count == self.grid[axis]
        return first, needed if at_the_end else count * stride


def stages(network: Network, config: PEConfig) -> tuple[Stage, ...]:
    """The stages of a network, in data-flow order.

    A pool or an upsampling that is fused is part of its convolution's jobs; another gets
    jobs of its own, as a residual add and a global average do. A concatenation has none:
    whoever reads it finds its sources side by side.
    """
    shapes = network.shapes()
    behind = {conv: network.node(name) for name, conv in fused(network.nodes).items()}
    found: list[Stage] = []
    for node in network.nodes:
        if isinstance(node, ConvLayer):
            after = behind.get(node.name)
            assert after is None or isinstance(after, (PoolLayer, UpsampleLayer))
            shape = _lowered_shape(node, shapes[node.source])
            found.append(Stage(node.name, lower(node), node.source, shape, after))
        elif not isinstance(node, ConcatLayer) and node not in behind.values():
            found.append(_alone(network, node, shapes, config))
    return tuple(found)


def _lowered_shape(layer: ConvLayer, shape: Shape) -> Shape:
    """Shape of the input that the lowered layer reads."""
    if layer.source != IMAGE:
        return shape
    _, rows, columns = layer.output_shape(shape)
    return layer.weight[0].size, rows, columns


def _alone(
    network: Network,
    node: PoolLayer | UpsampleLayer | ResidualLayer | AverageLayer,
    shapes: dict[str, Shape],
    config: PEConfig,
) -> Stage:
    """The stage of a node that is no convolution."""
    name, shape, own = node.name, shapes[node.name], config.p_ic == config.p_oc
    if isinstance(node, ResidualLayer):
        pairs = Pairs((node.sources[0], node.sources[1]), shape)
        layer = addition(network, node, shape[0])
        source, read = f"{name}.pairs", pairs.input_shape
        return Stage(name, layer, source, read, alone=True, own_channels=own, pairs=pairs)
    read = shapes[node.source]
    if isinstance(node, AverageLayer):
        layer = averaging(network, node, read)
        return Stage(name, layer, node.source, read, alone=True, own_channels=own)
    layer = identity(network, name, node.source, read[0])
    return Stage(name, layer, node.source, read, node, alone=True, own_channels=own)
