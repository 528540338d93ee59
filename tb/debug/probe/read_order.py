"""The order in which a tile's pixels are read, output value by output value."""

from __future__ import annotations

from golden.reference.readout import Readout


def windows(readout: Readout, rows: int, columns: int) -> list[tuple[int, ...]]:
    """The pixels that make each value that leaves, in the order in which they are read.

    Parameters
    ----------
    readout : Readout
    rows, columns : int
        Of the tile.

    Returns
    -------
    list of tuple of int
        Raster numbers, one tuple for each value; pixels in the padding are left out.

    >>> windows(Readout(size=2, pad_right=True), 2, 3)
    [(0, 1, 3, 4), (1, 2, 4, 5), (2, 5)]
    >>> windows(Readout(upsample=True), 1, 2)[:3]
    [(0,), (0,), (1,)]
    """
    out_rows, out_columns = readout.shape(rows, columns)
    half = 2 if readout.upsample else 1
    found = []
    for y in range(out_rows):
        for x in range(out_columns):
            top, left = y // half * readout.stride, x // half * readout.stride
            found.append(
                tuple(
                    row * columns + column
                    for row in range(top, min(top + readout.size, rows))
                    for column in range(left, min(left + readout.size, columns))
                )
            )
    return found


def padded(readout: Readout, rows: int, columns: int, place: int) -> bool:
    """Whether a value's window reaches over the tile's edge."""
    return len(windows(readout, rows, columns)[place]) < readout.size**2
