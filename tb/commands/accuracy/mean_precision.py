"""The command ``convpe map``: mean average precision on a folder in VOC's layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, PoolPad, Slope
from golden.networks.yolov3_tiny.detection import OVERLAP
from tb.commands import common
from tb.commands.accuracy.candidates import (
    Confidence,
    Overlap,
    Runs,
    figure,
    make_candidates,
    names_of,
    read_model,
)
from tb.console import echo, new_console, progress, write_json

if TYPE_CHECKING:
    from golden.study.detection.average_precision import Precision
    from golden.study.detection.detections import Total
    from golden.study.detection.voc import VocFolder

CONFIDENCE: Final = 0.005
"""A box must score more: the curve of precision and recall wants the doubtful ones too."""
NAMED: Final = 10
"""Pictures and objects of one kind of fault that are named; JSON has them all."""

_Folder = Annotated[Path, typer.Argument(help="Folder with JPEGImages and Annotations.")]
_Set = Annotated[
    str, typer.Option("--set", help="Names in ImageSets/Main/SET.txt alone; all unless given.")
]


def mean_precision(
    folder: _Folder,
    chosen: _Set = "",
    runs: Runs = None,
    confidence: Confidence = CONFIDENCE,
    overlap: Overlap = OVERLAP,
    slope: common.SlopeOption = Slope.EIGHTH,
    retune: common.RetuneOption = "shipped",
    model: common.Model = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    json: common.Json = None,
) -> None:
    """Measure mAP50 on annotated pictures (VOC layout), float and quantised.

    COCO's average precision: 101 recalls, IoU 0.5, at most 100 boxes of a class in a
    picture. Difficult objects count neither way.
    """
    from golden.study.detection.average_precision import Scorer
    from golden.study.detection.detections import DetectionOptions, Total
    from golden.study.detection.voc import VocFolder
    from tb.commands.accuracy.tables import print_cut

    console = new_console()
    options = NumericOptions(slope=slope, place=place, pool_pad=pool_pad)
    names = names_of(runs, options)
    fitted = common.parse_fit(fit)
    pictures = VocFolder(folder, chosen)
    maker, facts = read_model(model, options, retune, size, console)
    detection = DetectionOptions(fitted, maker.size, confidence, overlap)
    candidates = make_candidates(names, maker, console)
    totals = [Total(candidate) for candidate in candidates]
    scorers = [Scorer(candidate.classes) for candidate in candidates]
    with progress(console) as bar:
        for marked in bar.track(pictures, total=len(pictures), description="pictures"):
            found = detection.detect(candidates, marked.shown)
            for total, scorer, seen in zip(totals, scorers, found, strict=True):
                total.add(seen)
                scorer.add(seen.boxes, marked.truths)
    results = [scorer.result() for scorer in scorers]
    console.print(precision_table(names, results))
    _say_faults(pictures, scorers[0].unknown, console)
    print_cut(totals, console)
    document = {
        **facts,
        "fit": fit,
        "confidence": confidence,
        "overlap": overlap,
        "folder": str(folder),
        "set": chosen or None,
        "pictures": len(pictures) - len(pictures.skipped),
        "skipped": pictures.skipped,
        "objects_dropped": pictures.dropped,
        "boxes_clipped": pictures.clipped,
        "unknown_classes": dict(scorers[0].unknown.most_common()),
        "rule": "COCO: 101 recalls, IoU 0.5, at most 100 boxes of a class in a picture",
        "runs": [_facts(total, result) for total, result in zip(totals, results, strict=True)],
    }
    write_json(json, document, console)


def precision_table(names: Sequence[str], results: Sequence[Precision]) -> Table:
    """A class a row, a network a column."""
    from tb.console import plain_table

    heads = (name.replace(":", "\n", 1) for name in names)
    table = plain_table("Average precision at IoU 0.5", "class", "objects", *heads)
    by_class = [{row.label: row for row in result.classes} for result in results]
    for label in dict.fromkeys(row.label for result in results for row in result.classes):
        rows = [found.get(label) for found in by_class]
        truths = next(row.truths for row in rows if row)
        parts = (figure(row.ap50 if row else None) for row in rows)
        if truths:
            table.add_row(label, f"{truths:,}", *parts)
    table.add_section()
    table.add_row("mean", "", *(figure(result.map50) for result in results))
    return table


def _facts(total: Total, result: Precision) -> dict[str, Any]:
    """One network's results as JSON holds them."""
    return {**total.to_dict(), "map50": result.map50, "classes": result.classes}


def _say_faults(pictures: VocFolder, unknown: Counter[str], console: Console) -> None:
    """Count and name what was left out."""
    _say_some("pictures skipped", list(pictures.skipped.values()), console)
    _say_some("objects left out", pictures.dropped, console)
    if pictures.clipped:
        echo(console, f"{pictures.clipped:,} boxes reached beyond their picture and were cut")
    if unknown:
        kinds = ", ".join(f"{label} ({count:,})" for label, count in unknown.most_common(NAMED))
        rest = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        echo(
            console, f"{unknown.total():,} objects of classes that the network lacks: {kinds}{rest}"
        )


def _say_some(what: str, faults: Sequence[str], console: Console) -> None:
    if faults:
        echo(console, f"{len(faults):,} {what}:")
    for fault in faults[:NAMED]:
        echo(console, f"  {fault}")
    if len(faults) > NAMED:
        echo(console, f"  and {len(faults) - NAMED:,} more; --json has them all")
