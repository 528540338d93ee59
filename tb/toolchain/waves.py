"""Wave files: which cycles of a simulation are written to one, and how large it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from golden.config import ConfigError, PEConfig

CYCLE_NS: Final = 10
"""Period of the clock of ``tb/hdl/sim_top.v``: the edge of cycle n is at 10 n + 5 ns."""
TICKS_A_CYCLE: Final = CYCLE_NS * 1000
"""The same in the time unit of a wave file, ps."""
LIMIT: Final = 8_000_000
"""Bytes that a wave file may have by default."""
LARGEST: Final = (1 << 31) - 1
SIZE_CHECKS: Final = 16
"""Parts of the limit after each of which the file's size is checked."""
STOPPED: Final = re.compile(r"^waves: the limit of \d+ bytes is reached in cycle (\d+)$", re.M)
MB: Final = 1_000_000
MARGIN: Final = 16
"""Cycles shown before a job's first and after its last."""
GROWTH: Final[dict[tuple[str, str], tuple[int, float, float, float]]] = {
    ("verilator", "fst"): (12_000, 8, 1.5, 44),
    ("verilator", "vcd"): (60_000, 280, 60, 395),
    ("icarus", "fst"): (12_000, 2, 1.5, 38),
}
"""Bytes by simulator and ending, measured with full-scale random data while the array is busy:
before the first cycle; in a cycle, whatever the array; in a cycle for each of P_IC with 16-bit
activations, and for each of P_OC with 40-bit sums."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave file to be written, and how much of it.

    Raises
    ------
    ValueError
        The window is empty or the limit is none.
    """

    path: Path
    first: int | None = None
    last: int | None = None
    """Cycles, counted from the start of the simulation; both are in the file. None: from the
    beginning, to the end."""
    limit: int = LIMIT
    """Bytes. The trace ends, with a line in the simulator's log, soon after the file is larger: at
    most by a fifth."""

    def __post_init__(self) -> None:
        first = self.first or 0
        if first < 0 or (self.last is not None and self.last < first):
            raise ValueError(f"no cycles from {self.first} to {self.last}")
        if not 0 < self.limit <= LARGEST:
            raise ValueError(f"limit {self.limit}: from 1 to {LARGEST} bytes")

    def plusargs(self, bytes_a_cycle: float) -> Iterator[str]:
        """Yield the simulation's arguments; the file's growth decides how often it is checked.

        >>> list(Wave(Path("w.fst"), 100, 199, limit=64000).plusargs(40.0))[1:]
        ['+wave_from=1000', '+wave_until=2000', '+wave_pause=1000', '+wave_limit=64000']
        """
        yield f"+wave_file={self.path.absolute()}"
        yield f"+wave_from={(self.first or 0) * CYCLE_NS}"
        if self.last is not None:
            yield f"+wave_until={(self.last + 1) * CYCLE_NS}"
        pause = max(1, int(self.limit / SIZE_CHECKS / bytes_a_cycle))
        yield f"+wave_pause={pause * CYCLE_NS}"
        yield f"+wave_limit={self.limit}"


def stopped_in(log: Path) -> int | None:
    """Return the cycle in which the limit ended the waves, by ``simulator.log``, if it did."""
    found = STOPPED.search(log.read_text(errors="replace"))
    return None if found is None else int(found[1])


@dataclass(frozen=True, slots=True)
class Window:
    """The cycles that a wave file is to cover."""

    first: int
    last: int
    """Both are covered."""
    bytes: int
    """Estimate of the file's size."""
    choice: str
    """Why just these, in words."""
    limit: int = LIMIT
    """Bytes at which the trace ends, should the estimate be wrong."""

    @property
    def cycles(self) -> int:
        """How many cycles."""
        return self.last - self.first + 1

    def wave(self, path: Path) -> Wave:
        """Return the file to be written."""
        return Wave(path, self.first, self.last, self.limit)


def bytes_a_cycle(config: PEConfig, simulator: str, ending: str) -> float:
    """Return how fast a wave file, ``fst`` or ``vcd``, grows.

    Examples
    --------
    >>> bytes_a_cycle(PEConfig(16, 16), "verilator", "fst")
    736.0
    """
    _, cycle, row, lane = GROWTH[simulator, ending]
    return cycle + row * config.p_ic * config.act_w / 16 + lane * config.p_oc * config.acc_w / 40


def estimate(config: PEConfig, cycles: int, simulator: str, ending: str) -> int:
    """Return about how many bytes a wave file of so many cycles takes, rather more than less."""
    header = GROWTH[simulator, ending][0]
    return header + round(cycles * bytes_a_cycle(config, simulator, ending))


def choose_window(
    job: tuple[int, int],
    guilty: int | None,
    config: PEConfig,
    simulator: str,
    ending: str,
    *,
    wanted: int | None = None,
    limit: int = LIMIT,
) -> Window:
    """Choose the cycles to record: the whole job, or what fits around the guilty cycle.

    Parameters
    ----------
    job : tuple of int
        Its first and last cycle in the simulation.
    guilty : int or None
        Cycle that must be covered; None: the job's first.
    simulator, ending : str
        As for `estimate`.
    wanted : int, optional
        So many cycles around the guilty one, and no others.
    limit : int
        Bytes of the file.

    Raises
    ------
    ConfigError
        So many cycles as are wanted do not fit.
    """
    room = limit - GROWTH[simulator, ending][0]
    fitting = max(1, int(room / bytes_a_cycle(config, simulator, ending)))

    def window(first: int, count: int, choice: str) -> Window:
        size = estimate(config, count, simulator, ending)
        return Window(first, first + count - 1, size, choice, limit)

    first, last = max(0, job[0] - MARGIN), job[1] + MARGIN
    whole = last - first + 1
    if wanted is not None:
        if not 0 < wanted <= fitting:
            raise ConfigError(
                f"WINDOW={wanted}: choose 1 to {fitting} cycles, which is what {_mb(limit)} of "
                f"waves hold of a {config.array} array"
            )
        first = job[0] if guilty is None else max(0, guilty - wanted // 2)
        return window(first, wanted, f"WINDOW={wanted}")
    size = f"{whole:,} cycles, about {_mb(estimate(config, whole, simulator, ending))}"
    if whole <= fitting:
        return window(first, whole, f"the whole job, {size}")
    place = "from the job's first on" if guilty is None else "around the wrong value"
    centre = job[0] if guilty is None else guilty
    first = max(first, min(centre - fitting // 2, last + 1 - fitting))
    text = f"{fitting:,} cycles {place}: the whole job, {size}, is over the limit of {_mb(limit)}"
    return window(first, fitting, text)


def _mb(size: int) -> str:
    return f"{size / MB:.2g} MB" if size < 10 * MB else f"{round(size / MB):,} MB"
