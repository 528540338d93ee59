"""Tables of boxes, and of how networks agree on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from golden.networks.yolov3_tiny.detection import CANDIDATES
from golden.study.detection.detections import Compared, Total, shares
from tb.commands.accuracy.candidates import figure
from tb.console import plain_table, say

ROWS: Final = 8
"""Boxes of one network that a table lists."""


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
    title = f"Boxes of {many}, held against {totals[0].contender.name}'s"
    columns = ("boxes", "TP", "FP", "FN", "prec.", "recall", "F1", "IoU", "score")
    table = plain_table(title, "network", *columns)
    for index, total in enumerate(totals):
        sums = total.agreement
        if not index:
            table.add_row(total.contender.name, f"{total.boxes:,}")
            continue
        counts = (f"{n:,}" for n in (total.boxes, sums.matched, sums.extra, sums.missed))
        parts = map(figure, (sums.precision, sums.recall, sums.f1, sums.mean_overlap))
        change = "-" if sums.mean_change is None else f"{sums.mean_change:+.2f}"
        table.add_row(total.contender.name, *counts, *parts, change)
    return table


def say_cut(totals: Sequence[Total], console: Console) -> None:
    """Name the networks with more candidates than suppression looks at."""
    for total in totals:
        if total.cut_pictures:
            many = f"{total.candidates:,} candidates"
            say(console, f"{total.contender.name}: {many}; the best {CANDIDATES:,} a picture count")
