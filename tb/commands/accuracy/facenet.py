"""The command ``convpe facenet``: what each number format costs FaceNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.config import Standardization
from tb.commands import common
from tb.console import echo, new_console, print_whole, write_json

if TYPE_CHECKING:
    from golden.networks.facenet.files import FaceNet
    from golden.study.facenet import Outcome

_Model = Annotated[
    Path | None,
    typer.Option(
        help="TensorFlow checkpoint, .pth or .safetensors; a network drawn from the seed "
        "unless given."
    ),
]
_Size = Annotated[int, typer.Option(help="Rows and columns of the picture.")]
_Standardize = Annotated[
    Standardization, typer.Option("--standardize", help="Of pixels; per_image for models of 2017.")
]
_Blocks = Annotated[bool, typer.Option(help="Show every block.")]


def facenet(
    model: _Model = None,
    image: common.Image = None,
    images: common.Images = None,
    views: common.OneOrViews = 0,
    size: _Size = 160,
    standardize: _Standardize = Standardization.FIXED,
    seed: common.Seed = 1,
    blocks: _Blocks = False,
    json: common.Json = None,
) -> None:
    """Compare FaceNet in integers with FaceNet in floats: six formats, block by block."""
    from golden.networks.facenet.graph import check_size
    from golden.networks.facenet.pictures import prepare, prepare_all
    from golden.study.facenet import FORMATS, evaluate_formats

    console = new_console()
    check_size(size)
    weights, about = _network(model, seed, console)
    chosen = common.choose_pictures(image, images, views, seed, console)
    pictures = [prepare(shown.image, size, standardize) for shown in chosen]
    common.print_unreadable(chosen, console)
    with common.counted_steps(console, "formats", len(FORMATS)) as advance:
        calibration = prepare_all(None, size, standardize)
        outcomes = evaluate_formats(
            weights, pictures, calibration, standardization=standardize, advance=advance
        )
    _show(outcomes, blocks, console)
    document = {
        "model": about,
        "size": size,
        "standardize": standardize.value,
        "pictures": chosen.to_dict(),
        "formats": [outcome.to_dict() for outcome in outcomes],
    }
    write_json(json, document, console)


def _network(
    model: Path | None, seed: int, console: Console
) -> tuple[FaceNet, dict[str, str | int | None]]:
    if model is not None:
        from golden.networks.facenet.files import read_facenet

        return read_facenet(model), {"file": str(model), "seed": None}
    from golden.networks.facenet.graph import facenet as table
    from golden.networks.facenet.seeded import seeded

    echo(
        console,
        f"no model given: a network drawn from seed {seed}. It recognises nobody; what it shows "
        "is numerics",
    )
    return seeded(table(), seed), {"file": None, "seed": seed}


def _show(outcomes: list[Outcome], blocks: bool, console: Console) -> None:
    from golden.study.facenet import PARTS
    from tb.console import plain_table

    table = plain_table(
        "signal to noise, dB, of the weights and at the end of each part; least cosine of both "
        "embeddings",
        "format",
        "weights",
        *PARTS,
        "cosine",
    )
    for outcome in outcomes:
        found = {block.name: _decibels(block.sqnr_db) for block in outcome.errors.blocks}
        cosine = f"{min(outcome.errors.cosines):.5f}"
        weights = _decibels(outcome.weight_sqnr)
        parts = (found[block] for block in PARTS.values())
        table.add_row(outcome.format.name, weights, *parts, cosine)
    print_whole(table, console)
    if not blocks:
        return
    numbers = [str(number) for number in range(1, len(outcomes) + 1)]
    every = plain_table("signal to noise by block, dB; formats as above", "block", *numbers)
    columns: list[list[Any]] = [[*outcome.errors.blocks] for outcome in outcomes]
    for row in zip(*columns, strict=True):
        every.add_row(row[0].name, *(_decibels(block.sqnr_db) for block in row))
    print_whole(every, console)


def _decibels(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}"
