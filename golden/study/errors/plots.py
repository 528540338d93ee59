"""Plots of errors, layer by layer; the ending of a path says the format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from golden.arithmetic.fixed import FloatArray
from golden.study.errors.layer_errors import LayerError
from golden.study.errors.perturbation import BoxNoise, LayerNoise
from golden.study.plot import COLOURS, dress, figure, name_layers, save


def plot_errors(runs: Mapping[str, Sequence[LayerError]], path: Path, title: str) -> None:
    """Draw each layer's signal-to-noise ratio and largest error, a line a run, of the same layers.

    A layer without error has no point.
    """
    made = figure(10, 7)
    upper, lower = made.subplots(2, 1, sharex=True)
    for (run, layers), colour in zip(runs.items(), cycle(COLOURS)):
        sqnr = [math.nan if layer.sqnr_db is None else layer.sqnr_db for layer in layers]
        upper.plot(range(len(layers)), sqnr, ".-", color=colour, label=run)
        largest = [layer.largest or math.nan for layer in layers]
        lower.plot(range(len(layers)), largest, ".-", color=colour)
    dress(upper, title, "", "SQNR, dB")
    dress(lower, "Largest error of a value", "", "")
    lower.set_yscale("log")
    upper.legend(frameon=False, fontsize=8, ncols=3)
    name_layers(lower, [layer.name for layer in next(iter(runs.values()))])
    save(made, path)


def plot_histograms(errors: Mapping[str, FloatArray], path: Path, title: str) -> None:
    """Draw how often each error occurs, a curve for each run, by its name."""
    made = figure()
    axes = made.subplots()
    for (run, values), colour in zip(errors.items(), cycle(COLOURS)):
        axes.hist(values.ravel(), 80, density=True, histtype="step", color=colour, label=run)
    dress(axes, title, "integer output less float output", "density")
    axes.legend(frameon=False, fontsize=9)
    save(made, path)


def plot_perturbation(
    layers: Sequence[LayerNoise], boxes: BoxNoise, path: Path, title: str
) -> None:
    """Draw how an error grows from layer to layer, and what became of the boxes.

    Whiskers are 95 % intervals; a full dot is a layer that noise is added to.

    """
    made = figure(11, 5)
    left, right = made.subplots(1, 2, width_ratios=(5, 1))
    places = range(len(layers))
    for figures, name, colour in (
        ([layer.rms for layer in layers], "rms", COLOURS[0]),
        ([layer.largest for layer in layers], "largest", COLOURS[1]),
    ):
        means = [each.mean or math.nan for each in figures]
        margins = [each.margin_95 or 0.0 for each in figures]
        left.errorbar(places, means, margins, color=colour, capsize=2, linewidth=1, label=name)
        filled = [at for at in places if layers[at].disturbed]
        left.plot(filled, [means[at] for at in filled], "o", color=colour, markersize=4)
    left.set_yscale("log")
    left.legend(frameon=False, fontsize=9)
    dress(left, title, "", "error against the clean run")
    name_layers(left, [layer.name for layer in layers])
    counts = (boxes.kept, boxes.lost, boxes.new)
    right.bar(
        ["kept", "lost", "new"],
        [count.mean for count in counts],
        yerr=[count.margin_95 or 0.0 for count in counts],
        color=[COLOURS[2], COLOURS[1], COLOURS[3]],
        capsize=3,
    )
    dress(right, f"Boxes, {boxes.clean} clean", "", "")
    save(made, path)
