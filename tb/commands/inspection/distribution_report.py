"""Tables and JSON of ``convpe distributions``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from golden.config import NumberFormat
from golden.graph.layers import sources
from golden.networks.yolov3_tiny.graph import HEADS
from golden.study.distributions.collect import (
    RAIL,
    SOURCE_PICTURES,
    SOURCE_RANGE,
    Distributions,
    FormatEffect,
    extremes,
)
from golden.study.distributions.statistics import PERCENTILE_ERROR, PERCENTILES, Statistics
from golden.study.distributions.weights import (
    AFTER_FOLDING,
    BEFORE_FOLDING,
    weight_effects,
    weight_scales,
)
from tb.console import plain_table

SHOWN = (0.1, 50.0, 99.9)
"""Percentiles in a table; JSON has more."""


def all_tables(found: Distributions) -> Iterator[Table]:
    """Yield every table, in the order of the work."""
    yield weight_table(found)
    yield format_table(found)
    slope = found.options.slope.value
    yield range_table(found.tensors, f"float, slope {slope}, {found.pictures} pictures")
    yield effect_table(found)
    if found.integer_network is not None:
        options = found.integer_network.options
        kind = f"{options.format.value}, {options.mode.value}"
        yield rail_table(found.integers, f"bit-true, {kind}, {found.pictures} pictures")


def weight_table(found: Distributions) -> Table:
    """Weights of every convolution as stored and after folding."""
    table = plain_table(
        "weights before and after folding",
        *("layer", "weights", "stored\nmin", "\nmax", "\nstd"),
        *("folded\nmin", "\nmax", "\nstd"),
    )
    for name, stages in found.weights.items():
        after = stages[AFTER_FOLDING]
        figures = (*_spread(stages[BEFORE_FOLDING]), *_spread(after))
        table.add_row(name, f"{after.count:,}", *map(figure, figures))
    return table


def format_table(found: Distributions) -> Table:
    """Weights of every convolution after quantisation, in both formats."""
    table = plain_table(
        f"weights in q7.8, and in per_layer of {found.options.weight_w} bits",
        *("layer", "q7.8\nmin", "\nmax", "\nstd", "\nbeyond", "\nto 0"),
        *("per_layer\nfraction", "\nbeyond", "\nto 0"),
    )
    for name, stages in found.weights.items():
        effects = weight_effects(stages, weight_scales(name, found.formats, found.options))
        q7_8, own = effects[NumberFormat.Q7_8], effects[NumberFormat.PER_LAYER]
        table.add_row(
            name,
            *map(figure, _spread(stages[NumberFormat.Q7_8.value])),
            *(share(q7_8.saturated), share(q7_8.rounded_to_zero)),
            *(str(own.frac), share(own.saturated), share(own.rounded_to_zero)),
        )
    return table


def _spread(stats: Statistics) -> tuple[float, float, float]:
    return stats.low, stats.high, stats.std


def range_table(tensors: Mapping[str, Statistics], title: str) -> Table:
    """Range, moments and percentiles of every tensor."""
    table = plain_table(title, "tensor", "min", "max", "mean", "std", *(f"{p:g}%" for p in SHOWN))
    for name, stats in tensors.items():
        figures = (*_moments(stats), *stats.percentiles(SHOWN))
        table.add_row(name, *map(figure, figures))
    return table


def rail_table(tensors: Mapping[str, Statistics], title: str) -> Table:
    """Range and moments of every integer tensor, and what is at a rail or zero."""
    table = plain_table(title, "tensor", "min", "max", "mean", "std", "at a rail", "zero")
    for name, stats in tensors.items():
        at_rail = share(stats.beyond[RAIL] / stats.count) if stats.limits else ""
        zero = share(stats.zeros / stats.count)
        table.add_row(name, *map(figure, _moments(stats)), at_rail, zero)
    return table


def _moments(stats: Statistics) -> tuple[float, float, float, float]:
    return stats.low, stats.high, stats.mean, stats.std


def effect_table(found: Distributions) -> Table:
    """What both formats do to every tensor of the float network."""
    table = plain_table(
        f"the same values in q7.8, and in per_layer of {found.options.act_w} bits",
        *("tensor", "zero", "q7.8\nbeyond", "\nahead", "\nto 0"),
        *("per_layer\nfraction", "\nbeyond", "\nahead", "\nto 0"),
    )
    for name, stats in found.tensors.items():
        effects = found.effects(name)
        q7_8, own = effects[NumberFormat.Q7_8], effects[NumberFormat.PER_LAYER]
        zero = share(stats.zeros / stats.count)
        table.add_row(name, zero, *_shares(q7_8), str(own.frac), *_shares(own))
    return table


def _shares(format_effect: FormatEffect) -> tuple[str, str, str]:
    ahead = (
        ""
        if format_effect.saturated_before_activation is None
        else share(format_effect.saturated_before_activation)
    )
    return share(format_effect.saturated), ahead, share(format_effect.rounded_to_zero)


def share(part: float) -> str:
    """Write a share so that a small one is still told from none.

    >>> share(0.0), share(2.5e-7), share(0.00012), share(0.5)
    ('0', '2e-07', '0.01%', '50.0%')
    """
    if not part:
        return "0"
    return f"{part:.0e}" if part < 1e-4 else f"{part:.2%}" if part < 0.1 else f"{part:.1%}"


def figure(value: float) -> str:
    """Write a number in seven characters.

    >>> figure(-135.25), figure(-27.16), figure(0.0333)
    ('-135', '-27.2', '0.033')
    """
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3f}"


def remarks(found: Distributions) -> Iterator[str]:
    """Yield the lines below the tables."""
    yield "beyond: saturates in the format. ahead: does so before the activation, where"
    yield "the requantiser cuts. to 0: is not zero, but rounded to it. A percentile is off"
    yield f"by at most {PERCENTILE_ERROR:.2%} of itself. A layer's input is the row above it; but"
    yield f"{_odd_inputs(found)}.\n"
    yield _range("all layers' inputs and outputs", extremes(found.tensors.values()))
    inner = [stats for name, stats in found.tensors.items() if name not in HEADS]
    yield _range("without the heads", extremes(inner))
    low, high = SOURCE_RANGE
    yield (
        f"the source: {low:+g} to {high:+g} over {SOURCE_PICTURES} pictures, its own weights; "
        "tensors not said"
    )


def _odd_inputs(found: Distributions) -> str:
    """Say which tensors a layer reads, where that is not the row above it."""
    rows = list(found.tensors)
    odd = [
        f"{node.name} reads {' and '.join(sources(node))}"
        for node in found.network.nodes
        if sources(node) != (rows[rows.index(node.name) - 1],)
    ]
    return ", ".join(odd)


def _range(what: str, ends: tuple[Statistics, Statistics]) -> str:
    low, high = ends
    return (
        f"{what}:\n  {low.low:+.1f} ({low.name}, {low.low_at}) "
        f"to {high.high:+.1f} ({high.name}, {high.high_at})"
    )


def document(found: Distributions) -> dict[str, Any]:
    """JSON of everything measured."""
    exact = found.integer_network
    inner = [stats for name, stats in found.tensors.items() if name not in HEADS]
    return {
        "percentile_error": PERCENTILE_ERROR,
        "range": {
            **_ends(extremes(found.tensors.values())),
            "without_heads": _ends(extremes(inner)),
            "source": {
                "low": SOURCE_RANGE[0],
                "high": SOURCE_RANGE[1],
                "pictures": SOURCE_PICTURES,
                "tensor": None,
            },
        },
        "layers": [{"name": n.name, "inputs": list(sources(n))} for n in found.network.nodes],
        "weights": {name: _weights(found, name) for name in found.weights},
        "tensors": {
            name: {**_summary(stats), "formats": found.effects(name)}
            for name, stats in found.tensors.items()
        },
        "bit_true": exact
        and {
            "format": exact.options.format.value,
            "mode": exact.options.mode.value,
            "tensors": {
                name: {
                    **_summary(stats),
                    "frac": exact.fracs()[name],
                    "at_a_rail": stats.beyond[RAIL] / stats.count if stats.limits else None,
                }
                for name, stats in found.integers.items()
            },
        },
    }


def _ends(ends: tuple[Statistics, Statistics]) -> dict[str, Any]:
    low, high = ends
    return {
        "low": {"value": low.low, "tensor": low.name, "picture": low.low_at},
        "high": {"value": high.high, "tensor": high.name, "picture": high.high_at},
    }


def _weights(found: Distributions, name: str) -> dict[str, Any]:
    stages = found.weights[name]
    made: dict[str, Any] = {
        stage.replace(" ", "_"): _summary(stats) for stage, stats in stages.items()
    }
    scales = weight_scales(name, found.formats, found.options)
    return {**made, "formats": weight_effects(stages, scales)}


def _summary(stats: Statistics) -> dict[str, Any]:
    negative, positive = stats.octaves()
    percentiles = stats.percentiles().tolist()
    return {
        "count": stats.count,
        "min": stats.low,
        "max": stats.high,
        "mean": stats.mean,
        "std": stats.std,
        "zero": stats.zeros / stats.count,
        "percentiles": {f"{p:g}": x for p, x in zip(PERCENTILES, percentiles, strict=True)},
        "octaves": {
            "negative": {str(exponent): count for exponent, count in negative.items()},
            "zero": stats.zeros,
            "positive": {str(exponent): count for exponent, count in positive.items()},
        },
    }
