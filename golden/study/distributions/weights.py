"""How a network's weights are distributed: as they are stored, folded, and in each format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from golden.arithmetic.fixed import FloatArray, dequantize, quantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat
from golden.graph.float_conv import FloatConv, StoredConv
from golden.graph.float_graph import FloatNetwork
from golden.quantization.fraction_bits import Formats
from golden.study.distributions.collect import FormatEffect, Scale, format_effect
from golden.study.distributions.statistics import Statistics

BEFORE_FOLDING: Final = "before folding"
AFTER_FOLDING: Final = "after folding"


def weight_statistics(
    stored: Mapping[str, StoredConv],
    plain: FloatNetwork,
    network: FloatNetwork,
    formats: Mapping[NumberFormat, Formats],
    options: NumericOptions,
) -> dict[str, dict[str, Statistics]]:
    """Statistics every convolution's weights at every stage.

    The zeros around an embedded kernel are left out. A convolution without batch
    normalisation has the same weights before and after folding; they are taken from
    `plain`, so that a head has the same channels at every stage.

    Parameters
    ----------
    stored : mapping of str to StoredConv
        As the file holds them.
    plain : FloatNetwork
        Folded, not tuned.
    network : FloatNetwork
        What is quantised: `plain`, or the tuned network.
    options : NumericOptions
        `weight_w` is read.

    Returns
    -------
    dict of str to dict of str to Statistics
        By convolution in data-flow order; then `BEFORE_FOLDING`, `AFTER_FOLDING`, which holds
        the formats' limits, and the quantised weights by the format's name.
    """
    names = [node.name for node in network.nodes if node.name in network.convs]
    made = {}
    for name in names:
        raw = stored[name]
        before = plain.convs[name].weight if raw.norm is None else raw.weight
        after = own_taps(network.convs[name], raw.weight.shape[2])
        made[name] = _stages(name, before, after, weight_scales(name, formats, options))
    return made


def weight_scales(
    name: str, formats: Mapping[NumberFormat, Formats], options: NumericOptions
) -> dict[NumberFormat, Scale]:
    """Give the formats of one convolution's weights."""
    return {
        label: Scale(format_.weight[name], 16 if label is NumberFormat.Q7_8 else options.weight_w)
        for label, format_ in formats.items()
    }


def weight_effects(
    stages: Mapping[str, Statistics], scales: Mapping[NumberFormat, Scale]
) -> dict[NumberFormat, FormatEffect]:
    """Say what each format does to one convolution's weights."""
    return {
        label: format_effect(stages[AFTER_FOLDING], scale, label) for label, scale in scales.items()
    }


def own_taps(conv: FloatConv, kernel: int) -> FloatArray:
    """Cut the middle `kernel` x `kernel` taps out of a convolution's weights.

    >>> import numpy as np
    >>> conv = FloatConv("c", np.arange(9.0).reshape(1, 1, 3, 3), np.zeros(1))
    >>> own_taps(conv, 1).item()
    4.0
    """
    margin = (conv.weight.shape[2] - kernel) // 2
    end = margin + kernel
    return conv.weight[:, :, margin:end, margin:end]


def _stages(
    name: str, before: FloatArray, after: FloatArray, scales: Mapping[NumberFormat, Scale]
) -> dict[str, Statistics]:
    limits = {label.value: scale.limits() for label, scale in scales.items()}
    made = {
        BEFORE_FOLDING: Statistics(f"{name} weight"),
        AFTER_FOLDING: Statistics(f"{name} weight", limits),
    }
    made[BEFORE_FOLDING].add(before)
    made[AFTER_FOLDING].add(after)
    for label, scale in scales.items():
        ints, _ = quantize(after, scale.frac, scale.width, name=f"{name} weight")
        made[label.value] = Statistics(f"{name} weight")
        made[label.value].add(dequantize(ints, scale.frac))
    return made
