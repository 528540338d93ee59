"""The command ``convpe show``: a tensor before and after 8 bits, or a summary of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from golden.arithmetic.sm8 import Sm8Mode
from golden.config import ConfigError
from tb.commands import common
from tb.commands.inspection import extract
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.study.parameters.code_table import Histograms, Row
    from golden.study.parameters.coding import Coded

_Tensor = Annotated[
    str | None,
    typer.Argument(help="Name, or so much of it that one tensor has: Block8/Branch_0/Conv2d_1x1."),
]
_From = Annotated[
    Path,
    typer.Option(
        "--from", help="TensorFlow checkpoint (prefix or .index), .pth, .safetensors or .weights."
    ),
]
_Limit = Annotated[int, typer.Option(min=0, help="How many values are listed.")]
_Summary = Annotated[bool, typer.Option("--summary", help="All tensors, a line each.")]
LIMIT = 16
_WIDTHS = (3, 11, 9, 8, 8, 7, 7)
"""Of the summary's columns."""


def show(
    tensor: _Tensor = None,
    *,
    file: _From,
    n: extract.Fraction = None,
    best: extract.Rule = None,
    n_of: extract.FractionOf = None,
    mode: extract.Rounding = Sm8Mode.REFERENCE,
    fold: extract.Fold = False,
    epsilon: extract.Epsilon = None,
    only: extract.Only = None,
    limit: _Limit = LIMIT,
    summary: _Summary = False,
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Print a tensor's values before and after 8 bits with codes, errors and histograms."""
    console = new_console()
    from golden.study.parameters.code_table import find_tensor
    from golden.study.parameters.coding import coded

    if summary == (tensor is not None):
        raise ConfigError("give a tensor's name, or --summary")
    if summary and plots is not None:
        raise ConfigError("--plots is of one tensor: give its name instead of --summary")
    choice = extract.choose(n, best, n_of, mode)
    _, parameters, _ = extract.read(file, fold, epsilon, only, n_of)
    about = {"from": str(file), "mode": mode.value, "folded": fold}
    about |= extract.chosen(n, best, n_of)
    if tensor is None:
        document = _summary([coded(one, choice) for one in parameters], console)
    else:
        named = {one.name: one for one in parameters}
        found = coded(named[find_tensor(list(named), tensor)], choice)
        document = _one(found, limit, plots, console)
    write_json(json, {**about, **document}, console)


def _one(one: Coded, limit: int, plots: Path | None, console: Console) -> dict[str, Any]:
    """Show one tensor; return what JSON says of it."""
    from golden.study.parameters.code_table import histograms, rows, write_plot
    from golden.study.parameters.extraction import folder_name

    listed, counted = rows(one, limit), histograms(one)
    document = _facts(one)
    echo(console, document["name"])
    shape = "x".join(map(str, document["shape"])) or "one value"
    axes = f" ({document['axes']})" if document["axes"] else ""
    echo(console, f"{shape}{axes}, SM8({one.n}): {one.n} fraction bits, {one.mode.value}")
    if listed:
        console.print(_values(listed))
    if len(listed) < one.errors.count:
        echo(console, f"the first {len(listed)} of {one.errors.count:,} values")
    _print_histograms(counted, console)
    echo(console, f"error {one.errors.max_error:.4g} at most, rms {one.errors.rms_error:.4g}")
    echo(console, _clamped(one))
    files = []
    if plots is not None:
        path = plots / f"codes_{folder_name(one.parameter.name)}.png"
        write_plot(path, one)
        files.append(str(path))
        echo(console, f"plot in {path}")
    return {
        "tensor": document,
        "values": listed,
        "histogram": counted,
        "files": files,
    }


def _values(listed: list[Row]) -> Table:
    from tb.console import plain_table

    table = plain_table("", "index", "before", "code", "after", "error")
    for row in listed:
        index = ", ".join(map(str, row.index))
        table.add_row(index, f"{row.value:.6g}", row.code, f"{row.after:g}", f"{row.error:+.3g}")
    return table


def _print_histograms(counted: Histograms, console: Console) -> None:
    echo(console, f"\n{'from':>11}  {'before':<33} after")
    for line in counted.lines():
        echo(console, line)
    echo(console, "")


def _clamped(one: Coded) -> str:
    """How many values reached either end, in words."""
    errors = one.errors
    low = "raised to the smallest magnitude"
    if one.mode is Sm8Mode.ROUND_TO_NEAREST:
        low = "rounded to zero"
    return (
        f"{errors.clamped_high:,} of {errors.count:,} values clamped to the largest magnitude "
        f"({errors.high_share:.2%}), {errors.clamped_low:,} {low} ({errors.low_share:.2%})"
    )


def _summary(several: list[Coded], console: Console) -> dict[str, Any]:
    """Show all tensors; return what JSON says of them."""
    from golden.study.parameters.extraction import totals

    echo(console, "bytes before and after, largest and rms error, clamped high and low\n")
    echo(console, _line("", "n", "before", "after", "largest", "rms", "high", "low"))
    layer = None
    for one in several:
        if one.parameter.layer != layer:
            layer = one.parameter.layer
            echo(console, layer)
        errors = one.errors
        sizes = (f"{x:,}" for x in (one.parameter.values.nbytes, errors.count))
        figures = (f"{x:.2g}" for x in (errors.max_error, errors.rms_error))
        shares = (f"{x:.1%}" for x in (errors.high_share, errors.low_share))
        echo(console, _line(f"  {one.parameter.part}", str(one.n), *sizes, *figures, *shares))
    sums = totals([one.errors for one in several], sum(x.parameter.values.nbytes for x in several))
    echo(console, f"\n{sums['tensors']} tensors: {extract.totals_line(sums)}")
    return {"tensors": [_facts(one) for one in several], "totals": sums}


def _line(name: str, *figures: str) -> str:
    """A line of the summary, of less than 80 characters where the name is short."""
    return f"{name:<27}" + "".join(f"{x:>{w}}" for x, w in zip(figures, _WIDTHS, strict=True))


def _facts(one: Coded) -> dict[str, Any]:
    parameter = one.parameter
    return {
        "name": parameter.name,
        "shape": list(parameter.values.shape),
        "axes": parameter.axes,
        "fraction_bits": one.n,
        "bytes_before": parameter.values.nbytes,
        "bytes_after": one.errors.count,
        **one.errors.to_dict(),
    }
