"""The options by which a command chooses its networks, and how they become networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from tb.commands import common

if TYPE_CHECKING:
    from golden.study.errors.candidates import Candidate, Maker

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
Confidence = Annotated[float, typer.Option(min=0, max=1, help="A box must score more.")]
Overlap = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Of two boxes of a class that share more of their union, one goes."
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
    model: Path | None, options: NumericOptions, retune: str, size: str | None, console: Console
) -> tuple[Maker, dict[str, Any]]:
    """Find the model's files and retuning patch; also return what JSON says of them.

    Raises
    ------
    InputError
        If the model or the patch cannot be read, or they do not belong together.
    ConfigError
        If the patch is for another slope.
    """
    from golden.study.errors.candidates import Maker

    files = common.find_model(model, console)
    chosen = common.choose_size(size, files, console)
    patch, facts = common.choose_patch(files, retune, (options.slope,), console)
    slope = options.slope.value
    facts = {
        "weights_sha256": files.sha256,
        "retune_sha256": facts["retune_sha256"][slope],
        "slope": slope,
        "leaky_place": options.place,
        "pool_pad": options.pool_pad,
        "size": chosen,
    }
    return Maker(files, options, patch, chosen), facts


def make_candidates(names: Sequence[str], maker: Maker, console: Console) -> list[Candidate]:
    """Read and quantise the model for each name."""
    candidates = []
    with common.counted_steps(console, "reading the networks", len(names)) as advance:
        for name in names:
            candidates.append(maker.make(name))
            advance()
    return candidates


def figure(value: float | None, digits: int = 3) -> str:
    """A figure in a table; a dash where it is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"
