"""The options by which a command chooses its networks, and how they become networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from tb.console import progress, say

if TYPE_CHECKING:
    from golden.study.errors.candidates import Contender, Maker

Runs = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        help="A network beside the float one, may be repeated: FORMAT:MODE, such as "
        "q7.8:cut_floor (bit-true; :8 after it means 8 bits); weights:FORMAT (float arithmetic "
        "on rounded weights); teacher (float, slope 0.1, not retuned); none. Unless given: "
        "weights:q7.8, q7.8:cut_floor, q7.8:cut_round, q7.8:full, per_layer:full. The reference "
        "is float, or the first of a list that names float itself.",
    ),
]


def names_of(runs: Sequence[str] | None, options: NumericOptions) -> tuple[str, ...]:
    """Names of the networks that run, ``float`` first unless ``--run`` puts it elsewhere.

    Raises
    ------
    ConfigError
        If a name is none, or is there twice.
    """
    from golden.study.errors.candidates import FLOAT, USUAL, check_names

    chosen = tuple(run for run in runs if run != "none") if runs else USUAL
    names = chosen if FLOAT in chosen else (FLOAT, *chosen)
    check_names(names, options)
    return names


def read_model(
    model: Path | None, options: NumericOptions, retune: str, size: int, console: Console
) -> Maker:
    """Find the model's files; say which retuning patch fits them.

    Raises
    ------
    InputError
        If the model or the patch cannot be read, or they do not belong together.
    ConfigError
        If the size is none, or the patch is for another slope.
    """
    from golden.networks.yolov3_tiny.files.fetch import model_files
    from golden.networks.yolov3_tiny.graph import check_size
    from golden.networks.yolov3_tiny.retune_patch import fitting, retune_choice
    from golden.study.errors.candidates import Maker

    check_size(size)
    files = model_files(model, print_line=lambda text: say(console, text))
    patch = fitting(retune_choice(retune), files.sha256, options.slope)
    say(
        console,
        f"slope {options.slope.value}, " + (f"retuned by {patch.name}" if patch else "not retuned"),
    )
    return Maker(files, options, patch, size)


def make_contenders(names: Sequence[str], maker: Maker, console: Console) -> list[Contender]:
    """Read and quantise the model for each name."""
    with progress(console) as bar:
        task = bar.add_task("reading the networks", total=len(names))
        contenders = []
        for name in names:
            contenders.append(maker.make(name))
            bar.advance(task)
    return contenders


def model_facts(maker: Maker) -> dict[str, Any]:
    """What JSON says of the model and the choices that all its networks share."""
    from golden.files import sha256_of

    patch, options = maker.patch, maker.options
    return {
        "weights_sha256": maker.files.sha256,
        "retune_sha256": sha256_of(patch) if patch else None,
        "slope": options.slope.value,
        "leaky_place": options.place.value,
        "pool_pad": options.pool_pad.value,
        "size": maker.size,
    }


def figure(value: float | None, digits: int = 3) -> str:
    """A figure in a table; a dash where it is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"
