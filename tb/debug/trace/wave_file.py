"""A wave file, clock edge by clock edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pywellen

from golden.config import InputError
from tb.toolchain.build import TOP
from tb.toolchain.waves import CYCLE_NS

Ints = npt.NDArray[np.int64]
"""One integer for each clock edge, or for each transaction."""
Flags = npt.NDArray[np.bool_]
"""One yes or no for each of them."""
UNKNOWN: Final = int(np.iinfo(np.int64).min)
"""What stands for a value that is not known."""
X: Final = "x"
"""A value of which a bit is neither 0 nor 1."""
DUT: Final = f"{TOP}.dut"
_NARROW: Final = 62
"""Bits of a signal that fits `Ints`."""
_SECONDS: Final = {"fs": -15, "ps": -12, "ns": -9, "us": -6, "ms": -3, "s": 0}

Cell = int | str | None
"""A number; `X`; or None where it is not known."""


class Wave:
    """Signals as the design's registers see them: just before each rising edge of the clock.

    Parameters
    ----------
    path : Path
        FST or VCD, of ``sim_top``.

    Raises
    ------
    InputError
        The file is missing, no wave, or not of this bench.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        try:
            self._wave = pywellen.Waveform(str(path))
            self._vars = {var.full_name: var for var in self._wave.all_vars()}
        except Exception as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: no wave in FST or VCD: {reason}") from None
        self.path = path
        self._changes: dict[str, tuple[Ints, Sequence[Any]]] = {}
        if f"{TOP}.clk" not in self._vars:
            raise InputError(f"{path}: {TOP}.clk is not in it: give a wave of this bench")
        times, values = self._of(f"{TOP}.clk")
        rises = [k for k in range(1, len(values)) if values[k] == 1 and values[k - 1] == 0]
        self._edges = times[rises]
        if not rises:
            raise InputError(f"{path}: the clock never rises in it")
        scale = self._wave.timescale
        unit = int(scale.factor) * 10.0 ** (_SECONDS[str(scale.unit)] + 9)
        self.cycles: Ints = np.round(self._edges * unit / CYCLE_NS - 0.5).astype(np.int64)

    def __len__(self) -> int:
        """Clock edges."""
        return len(self._edges)

    def width(self, name: str) -> int:
        """Bits of a signal."""
        return int(self._var(_full(name)).bitwidth)

    def ints(self, name: str) -> Ints:
        """An unsigned signal of up to 62 bits at every edge; `UNKNOWN` where a bit is.

        It is named from the PE down, such as ``drainer.read_pixel``.

        Raises
        ------
        InputError
            The wave does not hold it.
        """
        assert self.width(name) <= _NARROW, name
        return self._mapped(name, lambda value: value)

    def signed(self, name: str) -> Ints:
        """The same of a signal in two's complement."""
        values, half = self.ints(name), 1 << (self.width(name) - 1)
        return np.where(values >= half, values - 2 * half, values)

    def flag(self, name: str) -> Flags:
        """Whether the lowest bit of a signal is 1, at every edge; an unknown one is not."""
        flags: Flags = self._mapped(name, lambda value: value & 1) == 1
        return flags

    def any(self, name: str) -> Flags:
        """Whether a signal of any width has a bit that is 1, at every edge."""
        flags: Flags = self._mapped(name, bool) == 1
        return flags

    def _mapped(self, name: str, function: Callable[[int], int]) -> Ints:
        """A function of a signal's values at every edge; `UNKNOWN` where a bit is."""
        times, values = self._of(_full(name))
        plain = (function(value) if isinstance(value, int) else UNKNOWN for value in values)
        known = np.fromiter(plain, np.int64, len(values))
        found: Ints = np.append(known, UNKNOWN)[self._before(times)]
        return found

    def slices(self, name: str, at: Ints, low: int, bits: int, signed: bool = True) -> list[Cell]:
        """A part of a signal of any width at some edges.

        Parameters
        ----------
        at : ndarray of int64
            Numbers of edges; one beyond the wave's ends gives None.
        low : int
            First bit.
        signed : bool
            Two's complement.
        """
        times, values = self._of(_full(name))
        clipped = np.clip(at, 0, len(self) - 1)
        indexes = self._before(times)[clipped]
        width = self.width(name)
        return [
            None if index < 0 or edge != kept else _part(values[index], width, low, bits, signed)
            for index, edge, kept in zip(indexes, at, clipped, strict=True)
        ]

    def _var(self, full: str) -> Any:
        if full not in self._vars:
            raise InputError(f"{self.path}: signal {full} is not in it")
        return self._vars[full]

    def _of(self, full: str) -> tuple[Ints, Sequence[Any]]:
        """Times and values of a signal's changes."""
        if full not in self._changes:
            changes = self._var(full).tv
            times = np.fromiter((time for time, _ in changes), np.int64, len(changes))
            self._changes[full] = times, [value for _, value in changes]
        return self._changes[full]

    def _before(self, times: Ints) -> Ints:
        """Number of the last change before each edge; -1 where there is none."""
        found: Ints = np.searchsorted(times, self._edges, side="left").astype(np.int64) - 1
        return found


def _full(name: str) -> str:
    return f"{DUT}.{name}"


def _part(value: int | str, width: int, low: int, bits: int, signed: bool) -> Cell:
    """Bits of a value as pywellen gives it: an integer, or a text where one is unknown.

    Examples
    --------
    >>> _part(0x80FF, 16, 8, 8, True), _part(0x80FF, 16, 8, 8, False)
    (-128, 128)
    >>> _part("xx01", 4, 0, 2, False), _part("xx01", 4, 1, 2, False)
    (1, 'x')
    """
    if isinstance(value, str):
        text = value.zfill(width)[width - low - bits : width - low]
        if not set(text) <= {"0", "1"}:
            return X
        number = int(text, 2)
    else:
        number = (value >> low) & ((1 << bits) - 1)
    return number - (1 << bits) if signed and number >> (bits - 1) else number
