"""How a tile's finished values leave the PE: as they are, pooled, or upsampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, PoolPad
from golden.graph.layers import PoolLayer, UpsampleLayer
from golden.reference import spec


@dataclass(frozen=True, slots=True)
class Readout:
    """What stands between the activation and the output stream, for one tile.

    Raises
    ------
    ConfigError
        A combination that the PE does not have.
    """

    size: int = 1
    stride: int = 1
    """Window of the maximum and its step, pixels; 1 and 1 for none."""
    pad_bottom: bool = False
    pad_right: bool = False
    """Whether `size` - 1 rows below and columns to the right of the tile are padding."""
    pad: PoolPad = PoolPad.MINUS_INF
    """Value of that padding."""
    upsample: bool = False
    """Repeat every value 2 x 2 times."""

    def __post_init__(self) -> None:
        if self.size not in (1, 2, 3) or self.stride not in (1, 2):
            raise ConfigError(f"pool {self.size}x{self.size}/{self.stride} is unknown")
        if self.size == 1 and (self.stride != 1 or self.pad_bottom or self.pad_right):
            raise ConfigError("a readout without a pool has neither stride nor padding")
        if self.upsample and self.size != 1:
            raise ConfigError("a readout pools or upsamples, not both")

    @property
    def plain(self) -> bool:
        """Whether every value leaves once, in raster order."""
        return self.size == 1 and not self.upsample

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns that leave, of a tile with so many.

        Raises
        ------
        ConfigError
            The window is larger than the padded tile.

        >>> Readout(size=2, stride=2).shape(6, 5)
        (3, 2)
        >>> Readout(size=2, pad_right=True).shape(13, 13)
        (12, 13)
        """
        if self.upsample:
            return 2 * rows, 2 * columns
        margins = (self.pad_bottom * (self.size - 1), self.pad_right * (self.size - 1))
        spans = (rows + margins[0] - self.size, columns + margins[1] - self.size)
        if min(spans) < 0:
            raise ConfigError(f"tile {rows}x{columns} is smaller than the pool's window")
        return spans[0] // self.stride + 1, spans[1] // self.stride + 1

    def order(self, rows: int, columns: int) -> npt.NDArray[np.int64]:
        """Raster numbers of the tile's pixels in the order in which the PE reads them, no padding.

        A pixel that several windows see comes several times.

        Parameters
        ----------
        rows, columns : int
            Of the tile.

        >>> Readout(size=2, stride=2).order(2, 4).tolist()
        [0, 1, 4, 5, 2, 3, 6, 7]
        >>> Readout(upsample=True).order(1, 2).tolist()
        [0, 0, 1, 1, 0, 0, 1, 1]
        """
        return self._read(rows, columns)[0]

    def windows(self, rows: int, columns: int) -> npt.NDArray[np.int64]:
        """The output pixel that each read of `order` belongs to, (reads,).

        >>> Readout(size=2, stride=2).windows(2, 4).tolist()
        [0, 0, 0, 0, 1, 1, 1, 1]
        >>> Readout(size=2, pad_right=True).windows(2, 2).tolist()
        [0, 0, 0, 0, 1, 1]
        """
        return self._read(rows, columns)[1]

    def _read(self, rows: int, columns: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Pixels in the order of the reads, and the output pixel of each."""
        out_rows, out_columns = self.shape(rows, columns)
        if self.upsample:
            y, x = np.indices((out_rows, out_columns)) // 2
            return (y * columns + x).reshape(-1), np.arange(out_rows * out_columns)
        y, x, wy, wx = np.indices((out_rows, out_columns, self.size, self.size))
        row, column = y * self.stride + wy, x * self.stride + wx
        inside = (row < rows) & (column < columns)
        return (row * columns + column)[inside], (y * out_columns + x)[inside]

    def apply(self, values: Int16Array, act_w: int = 16) -> Int16Array:
        """What leaves of a tile's activated values (C, H, W): int16 (C, OH, OW).

        It is the specification's pool on the tile padded as the flags say.
        """
        if self.upsample:
            return spec.upsample(values, UpsampleLayer("readout", "tile"))
        if self.size == 1:
            return values
        margin = self.size - 1
        padded = np.pad(
            values,
            ((0, 0), (0, margin * self.pad_bottom), (0, margin * self.pad_right)),
            constant_values=spec.pool_padding(self.pad, act_w),
        )
        return spec.pool(padded, PoolLayer("readout", "tile", self.size, self.stride), act_w)


PLAIN: Final = Readout()
"""Every value once, in raster order."""
