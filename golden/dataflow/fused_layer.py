"""A network as the PE runs it: convolutions fused with a pool or upsampling, other nodes alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from golden.config import ConfigError, PEConfig, PoolPad
from golden.dataflow.lowering import addition, averaging, identity, lower
from golden.dataflow.tile import Tile, Window, fits
from golden.graph.fusion import fused
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConcatLayer,
    ConvLayer,
    Padding,
    PoolLayer,
    ResidualLayer,
    Shape,
    UpsampleLayer,
)
from golden.graph.network import Network
from golden.reference.readout import PLAIN, Readout

POOLS: Final = ((2, 2), (2, 1), (3, 2))
"""Windows and steps that a tile's readout has."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two tensors (C, H, W) as (C, 2HW, 1).

    Pixels stand in raster order, the first tensor's ahead of the second's: a kernel of two
    rows with stride 2 reads one pixel of both. Tiles consist of whole rows of the tensors.
    """

    sources: tuple[str, str]
    """The two nodes."""
    shape: Shape
    """(C, H, W) of each, and of their sum."""

    @property
    def input_shape(self) -> Shape:
        """(C, 2HW, 1)."""
        channels, height, width = self.shape
        return channels, 2 * height * width, 1

    def flat(self, cell: Tile) -> Tile:
        """Some rows as pixels of the sum (C, HW, 1).

        >>> Pairs(("x", "y"), (8, 5, 6)).flat(Tile(2, 0, 3, 1, 0, 8))
        Tile(row=12, column=0, height=18, width=1, first_channel=0, last_channel=8)
        """
        width = self.shape[2]
        return replace(cell, row=cell.row * width, height=cell.height * width, width=1)

    def rows(self, cell: Tile) -> Tile:
        """Some rows as pixels of the sum (C, H, W)."""
        return replace(cell, width=self.shape[2])

    def source_window(self, window: Window) -> Window:
        """The rows of either tensor that a window of (C, 2HW, 1) holds."""
        pixels = 2 * self.shape[2]
        row, height = window.row // pixels, window.height // pixels
        return Window(row, 0, height, self.shape[2], Padding())


@dataclass(frozen=True, slots=True, eq=False)
class FusedLayer:
    """A convolution and the pool or upsampling that its jobs do too.

    Tiles are chosen on the `grid`: the convolution's pixels, the pool's where there is one, or
    the rows of a residual add.

    Raises
    ------
    ConfigError
        A pool that the PE does not have.
    """

    name: str
    """The convolution's, or that of the node that runs without one."""
    conv: ConvLayer
    """As the PE runs it: lowered, or what stands for a node that is no convolution."""
    source: str
    """Node that it reads, or the name of the `pairs`."""
    input_shape: Shape
    """(I, H, W), lowered."""
    post_op: PoolLayer | UpsampleLayer | None = None
    """What the readout does."""
    standalone: bool = False
    """Whether it runs without a convolution of the network."""
    own_channels: bool = False
    """Whether each group of output channels reads its own input channels alone."""
    pairs: Pairs | None = None
    """The two nodes that a residual add reads."""

    def __post_init__(self) -> None:
        pool = self.post_op
        if isinstance(pool, PoolLayer) and (pool.size, pool.stride) not in POOLS:
            raise ConfigError(
                f"{pool.name}: the PE has no pool {pool.size}x{pool.size}/{pool.stride}"
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Nodes that the jobs make: the convolution, and what is fused with it."""
        if self.standalone or self.post_op is None:
            return (self.name,)
        return self.conv.name, self.post_op.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Nodes that the jobs read."""
        return (self.source,) if self.pairs is None else self.pairs.sources

    @property
    def conv_shape(self) -> Shape:
        """(O, rows, columns) of the convolution."""
        return self.conv.output_shape(self.input_shape)

    @property
    def out_shape(self) -> Shape:
        """(O, rows, columns) of the last node made."""
        if self.pairs is not None:
            return self.pairs.shape
        return (
            self.conv_shape if self.post_op is None else self.post_op.output_shape(self.conv_shape)
        )

    @property
    def grid(self) -> Shape:
        """(O, rows, columns) that tiles are chosen on; a residual add's row is one column wide."""
        if self.pairs is not None:
            return *self.pairs.shape[:2], 1
        return self.out_shape if isinstance(self.post_op, PoolLayer) else self.conv_shape

    def conv_tile(self, cell: Tile, halo: bool = True) -> Tile:
        """The convolution's pixels that a tile of the grid needs.

        Without `halo` only those that no other tile counts.
        """
        if self.pairs is not None:
            return self.pairs.flat(cell)
        row, height, _ = self._span(cell.row, cell.height, 1, halo)
        column, width, _ = self._span(cell.column, cell.width, 2, halo)
        return replace(cell, row=row, column=column, height=height, width=width)

    def out_tile(self, cell: Tile) -> Tile:
        """Where a tile of the grid lies in the last node made."""
        if self.pairs is not None:
            return self.pairs.rows(cell)
        if not isinstance(self.post_op, UpsampleLayer):
            return cell
        sides = ("row", "column", "height", "width")
        return replace(cell, **{side: 2 * getattr(cell, side) for side in sides})

    def source_window(self, window: Window) -> Window:
        """What of the `inputs` lies in a window of the input."""
        return window if self.pairs is None else self.pairs.source_window(window)

    def readout(self, cell: Tile) -> Readout:
        """How a tile of the grid leaves: padded where the pool reaches over the edge."""
        if self.post_op is None:
            return PLAIN
        if isinstance(self.post_op, UpsampleLayer):
            return Readout(upsample=True)
        bottom = self._span(cell.row, cell.height, 1)[2]
        right = self._span(cell.column, cell.width, 2)[2]
        pad = self.post_op.padding or PoolPad.MINUS_INF
        return Readout(self.post_op.size, self.post_op.stride, bottom, right, pad)

    def fits(self, cell: Tile, config: PEConfig) -> bool:
        """Whether the PE holds this tile of the grid."""
        return fits(self.conv, self.conv_tile(cell), self.input_shape, config)

    def too_large(self, config: PEConfig) -> ConfigError:
        """The error of a layer of which not even one pixel fits, or one row of a residual add."""
        least = "pixel" if self.pairs is None else f"row of {self.pairs.shape[2]} pixels"
        return ConfigError(
            f"{self.name}: not one output {least} fits an input memory of {config.input_words} "
            f"words of {config.p_ic} activations and {config.tile_pixels} sums; raise input_words"
        )

    def _span(self, start: int, count: int, axis: int, halo: bool = True) -> tuple[int, int, bool]:
        """First pixel, pixels, and whether padding follows them, along one axis."""
        pool = self.post_op
        size, stride = (pool.size, pool.stride) if isinstance(pool, PoolLayer) else (1, 1)
        first, stop = start * stride, (start + count - 1) * stride + size
        end = min(stop, self.conv_shape[axis])
        at_the_end = start + count == self.grid[axis]
        return first, end - first if halo or at_the_end else count * stride, stop > end


def fused_layers(network: Network, config: PEConfig) -> tuple[FusedLayer, ...]:
    """The fused layers of a network, in data-flow order.

    A pool or an upsampling that is fused is part of its convolution's jobs; another gets
    jobs of its own, as a residual add and a global average do. A concatenation has none:
    whoever reads it finds its sources next to each other.
    """
    shapes = network.shapes()
    post_ops = {conv: network.node(name) for name, conv in fused(network.nodes).items()}
    found: list[FusedLayer] = []
    for node in network.nodes:
        if isinstance(node, ConvLayer):
            post_op = post_ops.get(node.name)
            assert post_op is None or isinstance(post_op, (PoolLayer, UpsampleLayer))
            conv, shape = lower(node), shapes[node.source]
            if node.source == IMAGE:
                shape = (conv.in_channels, *node.output_shape(shape)[1:])
            found.append(FusedLayer(node.name, conv, node.source, shape, post_op))
        elif not isinstance(node, ConcatLayer) and node not in post_ops.values():
            found.append(_standalone(network, node, shapes, config))
    return tuple(found)


def _standalone(
    network: Network,
    node: PoolLayer | UpsampleLayer | ResidualLayer | AverageLayer,
    shapes: dict[str, Shape],
    config: PEConfig,
) -> FusedLayer:
    """A node that is no convolution."""
    name, pairs, post_op = node.name, None, None
    if isinstance(node, ResidualLayer):
        pairs = Pairs((node.sources[0], node.sources[1]), shapes[name])
        source, shape = f"{name}.pairs", pairs.input_shape
        conv = addition(network, node, shape[0])
    else:
        source, shape = node.source, shapes[node.source]
        if isinstance(node, AverageLayer):
            conv = averaging(network, node, shape)
        else:
            conv, post_op = identity(network, name, source, shape[0]), node
    own = config.p_ic == config.p_oc
    return FusedLayer(name, conv, source, shape, post_op, True, own, pairs)
