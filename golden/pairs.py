"""Two tensors of one shape as a single one, pixel beside pixel: what a residual add reads."""

from __future__ import annotations

from dataclasses import dataclass

from golden.graph.layers import Padding, Shape
from golden.plan import Tile, Window


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two tensors (C, H, W) as (C, 2HW, 1).

    Pixels stand in raster order, the first tensor's ahead of the second's: a kernel of two
    rows with stride 2 sees one pixel of both. Tiles consist of whole rows of the tensors.

    Parameters
    ----------
    sources : tuple of str
        The two nodes.
    shape : tuple of int
        (C, H, W) of each, and of their sum.
    """

    sources: tuple[str, str]
    shape: Shape

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
        channels = cell.first_channel, cell.last_channel
        return Tile(cell.row * width, 0, cell.height * width, 1, *channels)

    def rows(self, cell: Tile) -> Tile:
        """Some rows as pixels of the sum (C, H, W)."""
        return Tile(cell.row, 0, cell.height, self.shape[2], cell.first_channel, cell.last_channel)

    def seen(self, window: Window) -> Window:
        """The rows of either tensor that a window of (C, 2HW, 1) holds."""
        pixels = 2 * self.shape[2]
        row, height = window.row // pixels, window.height // pixels
        return Window(row, 0, height, self.shape[2], Padding())
