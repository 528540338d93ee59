"""The command ``convpe detect``: boxes of several networks on the same pictures, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, PoolPad, Slope
from golden.networks.yolov3_tiny.detection import CONFIDENCE, OVERLAP
from tb.commands import common
from tb.commands.accuracy.candidates import (
    Confidence,
    Overlap,
    Runs,
    make_candidates,
    names_of,
    read_model,
)
from tb.console import echo, new_console, progress, write_json

_Picture = Annotated[
    Path | None, typer.Argument(help="Picture file; a shipped photograph unless given.")
]
_Same = Annotated[
    float,
    typer.Option(
        "--same", min=0, max=1, help="Boxes match if they share this part of their union."
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Picture file that takes the drawings, build/detect/boxes.png unless given; of "
        "more than one picture, the folder that takes them, none unless given.",
    ),
]


def detect(
    picture: _Picture = None,
    images: common.Folder = None,
    views: common.OneOrViews = 0,
    runs: Runs = None,
    confidence: Confidence = CONFIDENCE,
    overlap: Overlap = OVERLAP,
    same: _Same = 0.5,
    slope: common.SlopeOption = Slope.EIGHTH,
    retune: common.RetuneOption = "shipped",
    model: common.Model = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    seed: common.Seed = 1,
    out: _Out = None,
    json: common.Json = None,
) -> None:
    """Find objects with the float network and with quantised ones, and compare the boxes."""
    from golden.study.detection.detections import DetectionOptions, Total, compare, listing
    from tb.commands.accuracy.drawings import Drawings
    from tb.commands.accuracy.tables import boxes_table, print_cut, totals_table

    console = new_console()
    options = NumericOptions(slope=slope, place=place, pool_pad=pool_pad)
    names = names_of(runs, options)
    fitted = common.parse_fit(fit)
    chosen = common.choose_pictures(picture, images, views, seed, console, "a picture")
    drawings = Drawings.choose(chosen, out)
    maker, facts = read_model(model, options, retune, size, console)
    detection = DetectionOptions(fitted, maker.size, confidence, overlap, same)
    candidates = make_candidates(names, maker, console)
    totals = [Total(candidate) for candidate in candidates]
    listed: dict[str, Any] = {}
    drawn: list[Path] = []
    with progress(console) as bar:
        seen = compare(candidates, chosen, detection)
        for one in bar.track(seen, total=len(chosen), description="pictures"):
            for total, found, matched in zip(totals, one.found, one.matched, strict=True):
                total.add(found, matched)
            listed[one.shown.name] = {
                name: listing(found, matched)
                for name, found, matched in zip(names, one.found, one.matched, strict=True)
            }
            drawn += drawings.draw(one, names)
            if len(chosen) == 1:
                console.print(boxes_table(one, names))
    console.print(totals_table(totals, len(listed)))
    print_cut(totals, console)
    common.print_unreadable(chosen, console)
    if drawn:
        echo(console, f"drawn in {drawn[0] if len(drawn) == 1 else drawn[0].parent}")
    document = {
        **facts,
        "fit": fit,
        "confidence": confidence,
        "overlap": overlap,
        "same": same,
        "classes": list(candidates[0].classes),
        "pictures": chosen.to_dict(),
        "runs": [
            {**total.to_dict(), "against_first": total.agreement.to_dict()} for total in totals
        ],
        "boxes": listed,
    }
    write_json(json, document, console)
