"""Plots of distributions: overviews of all layers, and a page for each convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from golden.arithmetic.fixed import FloatArray
from golden.config import NumberFormat
from golden.graph.layers import sources
from golden.study.distributions.collect import (
    SOURCE_PICTURES,
    SOURCE_RANGE,
    Distributions,
    Scale,
    scales,
)
from golden.study.distributions.statistics import Statistics
from golden.study.distributions.weights import AFTER_FOLDING, BEFORE_FOLDING, weight_scales
from golden.study.plot import COLOURS, dress, figure, name_layers, save

_BINS: Final = 120
_LEAST: Final = 0.3
"""Part of one value that a log axis begins at."""
_EXPONENTS: Final = (-20, 9)
"""Powers of two between which magnitudes are drawn."""
_COLUMNS: Final = 5
_BLUE, _ORANGE, _GREEN, _PURPLE = COLOURS[:4]
_GREY: Final = "0.62"
_FORMATS: Final = {NumberFormat.Q7_8: _ORANGE, NumberFormat.PER_LAYER: _GREEN}

Drawing = Callable[[Axes, Distributions, str], None]
"""Draws one convolution's small plot."""


def write_plots(folder: Path, found: Distributions) -> list[Path]:
    """Write every plot of a study.

    Parameters
    ----------
    folder : Path
        Takes ``ranges.png``, ``activations.png``, ``magnitudes.png``, ``weights.png`` and a
        page for each convolution, named after it.
    """
    title = f"{found.pictures} pictures, float, slope {found.options.slope.value}"
    pages: dict[str, Callable[[], Figure]] = {
        "ranges": partial(ranges, found),
        "activations": partial(
            _grid, found, f"input and output of each layer, share of values a bin: {title}", _flow
        ),
        "magnitudes": partial(
            _grid, found, f"output of each layer, share of values an octave: {title}", _output
        ),
        "weights": partial(
            _grid, found, "weights of each layer, share of them an octave", _weights
        ),
        **{name: partial(layer_page, found, name) for name in found.weights},
    }
    paths = []
    for name, draw in pages.items():
        paths.append(folder / f"{name}.png")
        save(draw(), paths[-1])
    return paths


def ranges(found: Distributions) -> Figure:
    """Draw the range of every tensor, beside what the source saw."""
    made = figure(10, 5)
    axes = made.subplots()
    title = f"range of every tensor over {found.pictures} pictures, float"
    dress(axes, title, "", "value")
    for place, stats in enumerate(found.tensors.values()):
        low, middle, high = stats.percentiles((0.1, 50.0, 99.9))
        axes.vlines(place, stats.low, stats.high, color=_BLUE, linewidth=1.2)
        axes.vlines(place, low, high, color=_BLUE, linewidth=8, alpha=0.45)
        axes.plot(place, middle, "_", color="black", markersize=9)
    for value in SOURCE_RANGE:
        axes.axhline(value, color=_ORANGE, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"{value:+g}",
            (1.005, value),
            xycoords=("axes fraction", "data"),
            color=_ORANGE,
            va="center",
        )
    axes.set_xlim(-0.7, len(found.tensors) - 0.3)
    name_layers(axes, list(found.tensors))
    handles = [
        axes.plot([], [], color=_BLUE, linewidth=1.2, label="smallest to largest")[0],
        axes.plot([], [], color=_BLUE, linewidth=8, alpha=0.45, label="0.1% to 99.9%")[0],
        axes.plot([], [], "_", color="black", markersize=9, label="median")[0],
        axes.plot(
            *([], []),
            color=_ORANGE,
            linestyle="--",
            label=f"the source, {SOURCE_PICTURES} pictures, its weights; tensors unknown",
        )[0],
    ]
    made.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return made


def layer_page(found: Distributions, name: str) -> Figure:
    """Draw one convolution: input and output above, weights below."""
    made = figure(10, 7)
    made.suptitle(f"{name}: {found.pictures} pictures, slope {found.options.slope.value}")
    (flow, output), (spread, weight) = made.subplots(2, 2)
    _flow(flow, found, name)
    dress(flow, f"input ({_source(found, name)}) and output", "value", "share of values a bin")
    _output(output, found, name)
    dress(output, "magnitude of the output", "magnitude", "share of values an octave")
    _spread(spread, found.weights[name])
    dress(spread, "weights", "value", "share of weights a bin")
    _weights(weight, found, name)
    dress(weight, "magnitude of the weights", "magnitude", "share of weights an octave")
    for axes in (flow, spread):
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    for axes in (output, weight):
        axes.legend(edgecolor="none", framealpha=1, fontsize=8, loc="center left")
    return made


def _grid(found: Distributions, title: str, draw: Drawing) -> Figure:
    """Draw the same small plot for every convolution."""
    rows = -(-(len(found.weights) + 1) // _COLUMNS)
    made = figure(11, 2 * rows + 0.3)
    made.suptitle(title, fontsize=12)
    places = made.subplots(rows, _COLUMNS).ravel()
    for axes, name in zip(places, found.weights, strict=False):
        dress(axes, "", "", "")
        draw(axes, found, name)
        axes.set_title(name, loc="left", fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in places[len(found.weights) :]:
        axes.set_axis_off()
    handles, labels = places[0].get_legend_handles_labels()
    places[len(found.weights)].legend(handles, labels, loc="upper left", frameon=False, fontsize=9)
    return made


def _source(found: Distributions, name: str) -> str:
    return next(sources(node)[0] for node in found.network.nodes if node.name == name)


def _flow(axes: Axes, found: Distributions, name: str) -> None:
    """Draw the histograms of a layer's input and output, shares on a log scale."""
    before, after = found.tensors[_source(found, name)], found.tensors[name]
    edges = _edges(before, after)
    _step(axes, edges, before.shares(edges), _GREY, "input", fill=True)
    _step(axes, edges, after.shares(edges), _BLUE, "output")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST / max(before.count, after.count), 2)


def _spread(axes: Axes, stages: Mapping[str, Statistics]) -> None:
    """Draw the histograms of weights before and after folding."""
    before, after = stages[BEFORE_FOLDING], stages[AFTER_FOLDING]
    edges = _edges(before, after)
    _step(axes, edges, before.shares(edges), _GREY, "as stored", fill=True)
    _step(axes, edges, after.shares(edges), _BLUE, "folded")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST / max(before.count, after.count), 2)


def _edges(*several: Statistics) -> FloatArray:
    low = min(stats.low for stats in several)
    high = max(stats.high for stats in several)
    margin = 0.01 * (high - low) + 1e-9
    return np.linspace(low - margin, high + margin, _BINS + 1)


def _step(
    axes: Axes, edges: FloatArray, shares: FloatArray, colour: str, label: str, fill: bool = False
) -> None:
    width = 0.0 if fill else 1.3
    axes.stairs(shares, edges, color=colour, fill=fill, linewidth=width, label=label)


def _output(axes: Axes, found: Distributions, name: str) -> None:
    """Draw the magnitudes of a layer's output, and what each format holds of them."""
    _magnitudes(axes, {"output": found.tensors[name]})
    held = {
        label: scales(format_, label, found.options)[name]
        for label, format_ in found.formats.items()
    }
    _held(axes, held)


def _weights(axes: Axes, found: Distributions, name: str) -> None:
    """Draw the magnitudes of a layer's weights, and what each format holds of them."""
    stages = found.weights[name]
    _magnitudes(axes, {"as stored": stages[BEFORE_FOLDING], "folded": stages[AFTER_FOLDING]})
    _octaves(axes, stages[NumberFormat.Q7_8.value], _ORANGE, "folded, in q7.8")
    _held(axes, weight_scales(name, found.formats, found.options))


def _magnitudes(axes: Axes, several: Mapping[str, Statistics]) -> None:
    """Draw the shares of values by octave; the last statistics as a line."""
    *others, last = several
    for label in others:
        _octaves(axes, several[label], _GREY, label, fill=True)
    _octaves(axes, several[last], _BLUE, last)
    ticks = np.arange(-16, 9, 8)
    axes.set_xticks(ticks, [f"$2^{{{tick}}}$" for tick in ticks])
    axes.set_xlim(*_EXPONENTS)


def _octaves(axes: Axes, stats: Statistics, colour: str, label: str, fill: bool = False) -> None:
    """Draw the share of values between each power of two and the next."""
    negative, positive = stats.octaves()
    edges = np.arange(_EXPONENTS[0], _EXPONENTS[1] + 1, dtype=np.float64)
    counts = [negative.get(int(e), 0) + positive.get(int(e), 0) for e in edges[1:]]
    _step(axes, edges, np.array(counts) / stats.count, colour, label, fill)


def _held(axes: Axes, held: Mapping[NumberFormat, Scale]) -> None:
    """Draw, as bars above the curve, the magnitudes that each format neither zeroes nor cuts."""
    top = axes.get_ylim()[1]
    for place, (label, scale) in enumerate(held.items()):
        height = top * (1.06 + 0.1 * place)
        low, high = -scale.frac - 1, scale.width - 1 - scale.frac
        text = f"{label.value} holds"
        axes.hlines(height, low, high, color=_FORMATS[label], linewidth=3, label=text)
        axes.axvline(low, color=_FORMATS[label], linewidth=0.8, linestyle=":")
        axes.axvline(high, color=_FORMATS[label], linewidth=0.8, linestyle=":")
    axes.set_ylim(0, top * 1.25)
