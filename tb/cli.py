"""The command ``convpe``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from golden.config import ConfigError
from tb.options import SimOptions, parse_seed

EXIT_USAGE = 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A Verilog convolution PE, run on real networks and compared with its golden model.",
)


@app.callback()
def _group() -> None:
    """Keep ``sim`` a subcommand while it is the only one."""


@app.command()
def sim(
    layer: Annotated[str, typer.Option(help="Only this convolution, such as conv4.")] = "",
    mode: Annotated[str, typer.Option(help="full, cut_floor or cut_round.")] = "full",
    number_format: Annotated[
        str, typer.Option("--format", help="per_layer or q7.8.")
    ] = "per_layer",
    slope: Annotated[str, typer.Option(help="1/8 or 13/128.")] = "1/8",
    leaky_place: Annotated[
        str, typer.Option(help="after_requant or before_requant.")
    ] = "after_requant",
    pool_pad: Annotated[str, typer.Option(help="minus_inf or zero.")] = "minus_inf",
    array: Annotated[str, typer.Option(help="Input lanes x output lanes, such as 16x16.")] = "",
    image: Annotated[Path | None, typer.Option(help="Picture file.")] = None,
    fit: Annotated[str, typer.Option(help="letterbox or plain.")] = "letterbox",
    model: Annotated[Path | None, typer.Option(help="Darknet .weights file.")] = None,
    simulator: Annotated[str, typer.Option("--sim", help="verilator or icarus.")] = "verilator",
    verilator: Annotated[str, typer.Option(help="Verilator 5.036 or later.")] = "",
    seed: Annotated[str, typer.Option(help="Integer that repeats every random choice.")] = "1",
    waves: Annotated[bool, typer.Option("--waves", help="Write a wave of the first job.")] = False,
    inject: Annotated[str, typer.Option(help="A fault: expected, rtl or stream.")] = "",
) -> None:
    """Run real tensors through the RTL and compare every value (``make sim``)."""
    from tb.simulate import simulate

    options = SimOptions(
        layer=layer,
        mode=mode,
        format=number_format,
        slope=slope,
        leaky_place=leaky_place,
        pool_pad=pool_pad,
        array=array,
        image=image,
        fit=fit,
        model=model,
        sim=simulator,
        verilator=verilator,
        seed=parse_seed(seed),
        waves=waves,
        inject=inject,
    )
    raise typer.Exit(simulate(options, Console()))


def main() -> None:
    """Run the command; a bad choice is one line, not a traceback."""
    try:
        app()
    except ConfigError as error:
        sys.exit(_refused(str(error)))


def _refused(message: str) -> int:
    """Say in one line what is wrong, and leave a red report of it."""
    from tb.simulate import report_refusal

    print(f"convpe: {message}", file=sys.stderr)
    report_refusal(message, " ".join(["convpe", *map(shlex.quote, sys.argv[1:])]))
    return EXIT_USAGE
