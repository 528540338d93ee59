"""Golden's values beside what left the PE, from the files of the replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.tile import Tile
from tb.debug.trace.place import TracedJob
from tb.debug.trace.transactions import Row, Transactions, Value
from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints

REPLAY: Final = "replay"
"""Folder of the replay beside its waves."""


def with_golden(found: Transactions, job: TracedJob, folder: Path) -> Transactions:
    """A stage's transactions with golden's values, where they are known.

    Those are the values behind the activation and the beats of the output.

    Parameters
    ----------
    found : Transactions
        Of one job, in coordinates of the layer.
    job : TracedJob
    folder : Path
        Of the wave; the job's expected values lie there or in the replay's folder.
    """
    record = job.record
    if found.stage == "output":
        kind, tile, lanes = "expected", record.out_tile, job.config.p_oc
    elif found.stage == "output-stage":
        kind, tile, lanes = ("activated" if record.tap else "expected"), record.tile, 1
    else:
        return found
    paths = [place / f"{record.stem}.{kind}.npy" for place in (folder, folder / REPLAY)]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return found
    expected: Int16Array = np.load(path)

    def read(chosen: Ints) -> list[Row]:
        names = ("channel", "row", "column")
        places = np.stack([found.places[name][chosen] for name in names], axis=1)
        cells = [_cells(expected, tile, place, lanes) for place in places.tolist()]
        return [*cells] if lanes > 1 else [cell[0] if cell else None for cell in cells]

    return replace(found, values={**found.values, "golden": Value(read, "output")})


def _cells(expected: Int16Array, tile: Tile, place: list[int], lanes: int) -> list[Cell]:
    """Golden's values of some channels from one on; none where the place is not known."""
    if UNKNOWN in place:
        return []
    channel, row, column = place
    first, y, x = channel - tile.first_channel, row - tile.row, column - tile.column
    _, rows, columns = expected.shape
    if first < 0 or not (0 <= y < rows and 0 <= x < columns):
        return []
    return [*expected[first : first + lanes, y, x].tolist()]


def differs(row: Mapping[str, Row]) -> bool:
    """Whether a transaction's value is not golden's, where both are known.

    >>> differs({"value": 3, "golden": 4}), differs({"value": 3, "golden": None})
    (True, False)
    """
    golden = row.get("golden")
    return golden not in (None, []) and golden != row.get("value", row.get("values"))
