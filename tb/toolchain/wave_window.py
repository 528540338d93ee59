"""Which cycles of a simulation are written to a wave file, and up to which size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CYCLE_NS: Final = 10
"""Period of the bench's clock: the edge of cycle n is at 10 n + 5 ns."""
TICKS_A_CYCLE: Final = CYCLE_NS * 1000
"""The same in the time unit of a wave file, ps."""
LIMIT: Final = 8_000_000
"""Bytes that a wave file may have, unless told otherwise."""
LARGEST: Final = (1 << 31) - 1
LOOKS: Final = 16
"""Parts of the limit after each of which the file's size is looked at."""
STOPPED: Final = re.compile(r"^waves: the limit of \d+ bytes is reached in cycle (\d+)$", re.M)


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave file to be written, and how much of it.

    Parameters
    ----------
    path : Path
    first, last : int, optional
        Cycles, counted from the start of the simulation; both are in the file. None: from
        the beginning, to the end.
    limit : int
        Bytes. The trace ends, with a line in the simulator's log, soon after the file is
        larger: at most by a fifth.

    Raises
    ------
    ValueError
        The window is empty or the limit is none.
    """

    path: Path
    first: int | None = None
    last: int | None = None
    limit: int = LIMIT

    def __post_init__(self) -> None:
        first = self.first or 0
        if first < 0 or (self.last is not None and self.last < first):
            raise ValueError(f"no cycles from {self.first} to {self.last}")
        if not 0 < self.limit <= LARGEST:
            raise ValueError(f"limit {self.limit}: from 1 to {LARGEST} bytes")

    def plusargs(self, bytes_a_cycle: float) -> Iterator[str]:
        """Yield what tells the simulation of it.

        Parameters
        ----------
        bytes_a_cycle : float
            How fast the file grows: says how often its size is looked at.

        Examples
        --------
        >>> list(Wave(Path("w.fst"), 100, 199, limit=64000).plusargs(40.0))[1:]
        ['+wave_from=1000', '+wave_until=2000', '+wave_pause=1000', '+wave_limit=64000']
        """
        yield f"+wave_file={self.path}"
        yield f"+wave_from={(self.first or 0) * CYCLE_NS}"
        if self.last is not None:
            yield f"+wave_until={(self.last + 1) * CYCLE_NS}"
        yield f"+wave_pause={max(1, int(self.limit / LOOKS / bytes_a_cycle)) * CYCLE_NS}"
        yield f"+wave_limit={self.limit}"


def stopped_in(log: Path) -> int | None:
    """Return the cycle in which the limit ended the waves, or None where it did not.

    Parameters
    ----------
    log : Path
        The simulator's log, ``simulator.log`` in the folder of the run.
    """
    found = STOPPED.search(log.read_text(errors="replace"))
    return None if found is None else int(found[1])
