"""How large a wave file becomes, and which cycles fit into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from golden.config import ConfigError, PEConfig
from tb.toolchain.wave_window import LIMIT, Wave

MB: Final = 1_000_000
MARGIN: Final = 16
"""Cycles shown before a job's first and after its last."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes of a wave file, measured with full-scale random data while the array is busy.

    Parameters
    ----------
    header : int
        Bytes before the first cycle.
    cycle : float
        Bytes a cycle, whatever the array.
    row, lane : float
        More of them for each of P_IC with 16-bit activations, of P_OC with 40-bit sums.
    """

    header: int
    cycle: float
    row: float
    lane: float


GROWTH: Final[Mapping[tuple[str, str], Growth]] = MappingProxyType(
    {
        ("verilator", "fst"): Growth(12_000, 8, 1.5, 44),
        ("verilator", "vcd"): Growth(60_000, 280, 60, 395),
        ("icarus", "fst"): Growth(12_000, 2, 1.5, 38),
    }
)
"""By simulator and ending of the file."""


@dataclass(frozen=True, slots=True)
class Window:
    """The cycles that a wave file is to cover.

    Parameters
    ----------
    first, last : int
        Both are covered.
    bytes : int
        Estimate of the file's size.
    choice : str
        Why just these, in words.
    limit : int
        Bytes at which the trace ends, should the estimate be wrong.
    """

    first: int
    last: int
    bytes: int
    choice: str
    limit: int = LIMIT

    @property
    def cycles(self) -> int:
        """How many cycles."""
        return self.last - self.first + 1

    def wave(self, path: Path) -> Wave:
        """Return the file to be written."""
        return Wave(path, self.first, self.last, self.limit)


def bytes_a_cycle(config: PEConfig, simulator: str, ending: str) -> float:
    """Return how fast a wave file grows.

    Parameters
    ----------
    config : PEConfig
    simulator : str
    ending : str
        ``fst`` or ``vcd``.

    Examples
    --------
    >>> bytes_a_cycle(PEConfig(16, 16), "verilator", "fst")
    736.0
    """
    growth = GROWTH[simulator, ending]
    rows, lanes = config.p_ic * config.act_w / 16, config.p_oc * config.acc_w / 40
    return growth.cycle + growth.row * rows + growth.lane * lanes


def estimate(config: PEConfig, cycles: int, simulator: str, ending: str) -> int:
    """Return about how many bytes a wave file of so many cycles takes, rather more than less."""
    header = GROWTH[simulator, ending].header
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
        Cycle that must be seen; None: the job's first.
    config : PEConfig
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
    fitting = _fitting(config, simulator, ending, limit)

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


def _fitting(config: PEConfig, simulator: str, ending: str, limit: int) -> int:
    """How many cycles fit into a file."""
    room = limit - GROWTH[simulator, ending].header
    return max(1, int(room / bytes_a_cycle(config, simulator, ending)))


def _mb(size: int) -> str:
    return f"{size / MB:.2g} MB" if size < 10 * MB else f"{round(size / MB):,} MB"
