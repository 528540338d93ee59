"""Tables: errors by layer and format; boxes, and how networks agree on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from golden.networks.yolov3_tiny.detection import CANDIDATES
from golden.networks.yolov3_tiny.graph import HEADS
from golden.study.detection.detections import Compared, Total, shares
from golden.study.errors.format_errors import FormatErrors
from golden.study.errors.layer_errors import LayerError
from tb.commands.accuracy.candidates import figure
from tb.console import echo, plain_table

ROWS: Final = 8
"""Boxes of one network that a table lists."""


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
            result.pairing.fixed.options.slope.value,
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


def boxes_table(one: Compared, names: Sequence[str]) -> Table:
    """Every network's best boxes on one picture, and what they share with the first one's."""
    picture = one.shown
    size = f"{picture.image.width} x {picture.image.height} pixels"
    title = f"{picture.name}, {size}; IoU with the matching box of {names[0]}"
    columns = ("class", "confidence", "left", "top", "right", "bottom", "IoU")
    table = plain_table(title, "network", *columns)
    for name, found, matched in zip(names, one.found, one.matched, strict=True):
        shared = shares(matched)
        for row, box in enumerate(found.boxes[:ROWS]):
            edges = (f"{edge:.0f}" for edge in box.corners)
            what = (box.label, f"{box.confidence:.3f}", *edges, figure(shared.get(box)))
            table.add_row("" if row else name, *what)
        if len(found.boxes) > ROWS:
            table.add_row("", f"and {len(found.boxes) - ROWS:,} more")
        if not found.boxes:
            table.add_row(name, "none")
    return table


def totals_table(totals: Sequence[Total], pictures: int) -> Table:
    """A network a row: its boxes, and how they agree with the first one's."""
    many = f"{pictures} pictures" if pictures > 1 else "one picture"
    title = f"Boxes of {many}, held against {totals[0].network.name}'s"
    columns = ("boxes", "TP", "FP", "FN", "prec.", "recall", "F1", "IoU", "score")
    table = plain_table(title, "network", *columns)
    for index, total in enumerate(totals):
        sums = total.agreement
        if not index:
            table.add_row(total.network.name, f"{total.boxes:,}")
            continue
        counts = (f"{n:,}" for n in (total.boxes, sums.matched, sums.extra, sums.missed))
        parts = map(figure, (sums.precision, sums.recall, sums.f1, sums.mean_overlap))
        change = "-" if sums.mean_change is None else f"{sums.mean_change:+.2f}"
        table.add_row(total.network.name, *counts, *parts, change)
    return table


def print_cut(totals: Sequence[Total], console: Console) -> None:
    """Name the networks with more box candidates than suppression considers."""
    for total in totals:
        if total.cut_pictures:
            many = f"{total.candidates:,} candidates"
            echo(console, f"{total.network.name}: {many}; the best {CANDIDATES:,} a picture count")
