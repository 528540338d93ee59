"""A tensor before and after it became 8-bit codes: value by value, and as histograms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.arithmetic.sm8 import decode
from golden.config import InputError, first_few
from golden.study.parameters.coding import Coded
from golden.study.plot import COLOURS, dress, figure, save

BINS: Final = 16
_PLOT_BINS: Final = 64
_BAR: Final = 24
"""Characters of the longest bar."""
_SHOWN: Final = 5
_LIKE: Final = 0.6
"""How alike a name must be to be offered, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value."""

    index: tuple[int, ...]
    value: float
    """As the file has it."""
    code: str
    """Eight digits."""
    after: float
    """What the code stands for."""
    error: float
    """`after` less `value`."""


@dataclass(frozen=True, slots=True)
class Histograms:
    """Values before and after, counted in the same bins."""

    edges: tuple[float, ...]
    """One more than bins."""
    before: tuple[int, ...]
    after: tuple[int, ...]

    def lines(self) -> list[str]:
        """Return a line a bin, from the lowest up: its lower edge, and two bars with counts."""
        most = max(*self.before, *self.after, 1)
        rows = []
        for edge, one, other in zip(self.edges[:-1], self.before, self.after, strict=True):
            bars = (f"{_bar(count, most):{_BAR}} {count:>7,}" for count in (one, other))
            rows.append(f"{edge:>11.4g}  {'  '.join(bars)}")
        return rows


def find_tensor(names: Sequence[str], text: str) -> str:
    """Find the tensor that an abbreviation means.

    Parameters
    ----------
    names : sequence of str
        All there are.
    text : str
        A whole name; or the end, or else any run, of its parts that only one name has. A
        slash and a dot are the same.

    Raises
    ------
    InputError
        If there is none, or more than one; the text offers names.

    >>> names = ["net/a/beta", "net/b/beta", "net/b/mean"]
    >>> find_tensor(names, "a/beta"), find_tensor(names, "mean"), find_tensor(names, "net.a")
    ('net/a/beta', 'net/b/mean', 'net/a/beta')
    """
    if text in names:
        return text
    wanted = _parts(text)
    ends = [name for name in names if wanted and _parts(name)[-len(wanted) :] == wanted]
    inside = [name for name in names if _holds(_parts(name), wanted)]
    for found in (ends, inside):
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{text} means {len(found)} tensors, such as {first_few(found)}")
    close = close_names(names, text)
    offer = f"close names: {first_few(close)}" if close else f"such as {first_few(names)}"
    raise InputError(f"{text}: no such tensor among {len(names)}; {offer}")


def close_names(names: Sequence[str], text: str) -> list[str]:
    """Return the names that `text` may have been meant for, the likeliest first.

    >>> close_names(["net/Block8/beta", "net/Logits/weights"], "block8/betta")
    ['net/Block8/beta']
    """
    parts = max(len(_parts(text)), 1)
    likeness = {}
    for name in names:
        tail = "/".join(_parts(name)[-parts:]).lower()
        wanted = "/".join(_parts(text)).lower()
        likeness[name] = difflib.SequenceMatcher(None, tail, wanted, autojunk=False).ratio()
    ranked = sorted(names, key=lambda name: -likeness[name])
    return [name for name in ranked[:_SHOWN] if likeness[name] >= _LIKE]


def rows(one: Coded, limit: int) -> list[Row]:
    """Return the first values of a tensor, the last axis fastest."""
    values = one.parameter.values
    found = []
    for flat in range(min(limit, values.size)):
        index = tuple(int(i) for i in np.unravel_index(flat, values.shape))
        value, code = float(values[index]), int(one.codes[index])
        after = float(decode(code, one.n))
        found.append(Row(index, value, f"{code:08b}", after, after - value))
    return found


def histograms(one: Coded, bins: int = BINS) -> Histograms:
    """Count a tensor's values before and after in the same bins, over all of both."""
    before, after = _both(one)
    edges = np.histogram_bin_edges(np.concatenate([before, after]), bins)
    counts = [np.histogram(values, edges)[0].tolist() for values in (before, after)]
    return Histograms(tuple(edges.tolist()), tuple(counts[0]), tuple(counts[1]))


def write_plot(path: Path, one: Coded) -> None:
    """Draw a tensor's values before and after, and the errors."""
    made = figure(8, 6)
    upper, lower = made.subplots(2, 1)
    before, after = _both(one)
    edges: Any = np.histogram_bin_edges(np.concatenate([before, after]), _PLOT_BINS)
    upper.hist(before, edges, color=COLOURS[0], alpha=0.6, label="before")
    upper.hist(after, edges, color=COLOURS[1], alpha=0.6, label="after")
    upper.legend(frameon=False)
    form = f"SM8({one.n}), {one.mode.value}"
    dress(upper, f"{one.parameter.name}\n{form}", "value", "values")
    lower.hist(after - before, _PLOT_BINS, color=COLOURS[2])
    dress(lower, "error", "after less before", "values")
    save(made, path)


def _both(one: Coded) -> tuple[FloatArray, FloatArray]:
    """A tensor's values, flat, as they are and as their codes say."""
    before: FloatArray = one.parameter.values.astype(np.float64).ravel()
    return before, decode(one.codes, one.n).ravel()


def _bar(count: int, most: int) -> str:
    """A bar of at least one character where there is anything."""
    return "█" * max(round(count / most * _BAR), int(count > 0))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[/.]", name) if part]


def _holds(parts: list[str], wanted: list[str]) -> bool:
    """Whether a run of parts is the one that is wanted."""
    length = len(wanted)
    starts = range(len(parts) - length + 1)
    return bool(wanted) and any(parts[i : i + length] == wanted for i in starts)
