"""Tables of errors, layer by layer and format by format."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from golden.networks.yolov3_tiny.graph import HEADS
from golden.study.errors.format_errors import FormatErrors
from golden.study.errors.layer_errors import LayerError
from tb.console import plain_table


def layer_table(title: str, layers: Sequence[LayerError], first: str = "layer") -> Table:
    """Error figures of each layer, or of whatever `first` says."""
    table = plain_table(title, first, "min", "max", "mean", "rms", "SQNR dB", "equal")
    for layer in layers:
        figures = (layer.min, layer.max, layer.mean, layer.rms)
        table.add_row(
            layer.name,
            *(f"{figure:.3g}" for figure in figures),
            decibel_text(layer),
            f"{layer.equal:.1%}",
        )
    return table


def worst_table(layers: Sequence[LayerError], first: str = "layer", last: str = "picture") -> Table:
    """The element of each layer that lies furthest off, with both values."""
    named = (last,) if any(layer.worst.picture for layer in layers) else ()
    table = plain_table("worst element", first, "(c, y, x)", "reference", "value", *named)
    for layer in layers:
        worst = layer.worst
        place = f"({', '.join(map(str, worst.index))})"
        values = f"{worst.reference:.6g}", f"{worst.value:.6g}"
        table.add_row(layer.name, place, *values, *(worst.picture for _ in named))
    return table


def headline_table(title: str, results: Sequence[FormatErrors]) -> Table:
    """A format a row: dB at the heads; the float network's boxes, and how many stay."""
    table = plain_table(title, "format", "slope", *HEADS, "boxes", "same", "lost", "new")
    for result in results:
        layers = {layer.name: layer for layer in result.errors.results()}
        boxes = result.agreement
        table.add_row(
            result.pairing.name,
            result.pairing.fixed.slope.value,
            *(decibel_text(layers[head]) for head in HEADS),
            f"{boxes.matched + boxes.missed:,}",
            f"{boxes.matched:,}",
            f"{boxes.missed:,}",
            f"{boxes.extra:,}",
        )
    return table


def decibel_text(layer: LayerError) -> str:
    """Signal to noise in dB; ``exact`` without noise, ``none`` without signal."""
    if layer.exact:
        return "exact"
    return "none" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}"
