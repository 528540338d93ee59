"""The loss of a distillation, drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from golden.study.plot import COLOURS, dress, figure
from golden.study.retune.distillation import smoothed

WINDOW = 25
"""Steps that the thick line averages."""


def loss_plot(losses: Sequence[float]) -> Figure:
    """Draw the loss of every step, one or more, thin, and its running mean, thick; logarithmic."""
    made = figure()
    axes = made.subplots()
    steps = range(1, len(losses) + 1)
    axes.semilogy(steps, losses, color=COLOURS[0], linewidth=0.6, alpha=0.5, label="one step")
    mean = smoothed(losses, WINDOW)
    axes.semilogy(steps, mean, color=COLOURS[1], linewidth=2, label=f"mean of {WINDOW} steps")
    dress(axes, "Heads against the teacher's", "step", "weighted mean squared difference")
    axes.legend(frameon=False)
    return made
