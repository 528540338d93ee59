"""The house style of plots, and files of them that are whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from golden.files import whole_file

COLOURS: Final = ("#1f5fa8", "#c8500a", "#2d8a4e", "#7b4fa3", "#8a6d1f", "#4d4d4d")
"""Lines and bars, in this order."""
_DOTS: Final = 110


def figure(width: float = 8, height: float = 4.5) -> Figure:
    """An empty figure, inches."""
    made = Figure(figsize=(width, height), dpi=_DOTS, layout="constrained")
    FigureCanvasAgg(made)
    return made


def dress(axes: Axes, title: str, x: str, y: str) -> None:
    """Give axes a title, labels and a faint grid."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def name_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Write layer names along the x axis, one a unit."""
    axes.set_xticks(range(len(layers)), layers, rotation=60, ha="right", fontsize=8)


def save(made: Figure, path: Path) -> None:
    """Write a figure whole; the ending says the format."""
    with whole_file(path) as scratch:
        made.savefig(scratch)
