"""The command ``convpe errors``: integers against floats, or one dump against another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.study.errors.format_errors import FormatErrors
    from golden.study.errors.layer_errors import LayerError

Formats = list[tuple[str, NumericOptions]]
"""Formats to hold against floats, each with its name."""
_Dump = Annotated[
    Path | None, typer.Argument(help="Dumps of two runs (.npz), the reference first.")
]
_All = Annotated[
    bool, typer.Option("--all", help="Hold every format against the float network: a table.")
]
_Slope = Annotated[
    Slope | None, typer.Option(help="Of the leaky rectifier; 1/8, and with --all both.")
]


def errors(
    reference: _Dump = None,
    other: _Dump = None,
    every: _All = False,
    model: common.Model = None,
    image: common.Image = None,
    images: common.Folder = None,
    views: common.OneOrViews = 0,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    mode: common.Mode = ProductMode.FULL,
    number_format: common.Format = NumberFormat.PER_LAYER,
    slope: _Slope = None,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    act_bits: common.ActWidth = 16,
    weight_bits: common.WeightWidth = 16,
    retune: common.RetuneOption = "shipped",
    seed: common.Seed = 1,
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Measure each layer's error: the integer network against the float one, or two dumps."""
    console = new_console()
    if reference is not None or other is not None:
        if reference is None or other is None or every:
            raise ConfigError("give two dumps to compare, or none and the options of a run")
        _two_dumps(reference, other, plots, json, console)
        return
    one = slope or Slope.EIGHTH
    options = NumericOptions(
        number_format, mode, one, place, pool_pad, act_w=act_bits, weight_w=weight_bits
    )
    slopes = (slope,) if slope else tuple(Slope)
    formats = _headline(slopes, pool_pad) if every else [(_name(options), options)]
    chosen = common.choose_pictures(image, images, views, seed, console)
    results, network = _measure(formats, model, retune, chosen, fit, size, console)
    if every:
        _show_headline(results, plots, console)
    else:
        _show_one(results[0], plots, console)
    common.print_unreadable(chosen, console)
    document = {
        "kind": "formats",
        **network,
        "fit": fit,
        "pictures": chosen.to_dict(),
        "runs": [result.to_dict() for result in results],
    }
    write_json(json, document, console)


def _name(options: NumericOptions) -> str:
    """What a choice of format is called."""
    bits = f"{options.act_w} bits" if options.act_w == options.weight_w else ""
    bits = bits or f"{options.act_w} x {options.weight_w} bits"
    return f"{options.format.value} {options.mode.value}, {bits}"


def _headline(slopes: tuple[Slope, ...], pool_pad: PoolPad) -> Formats:
    from golden.study.errors.format_errors import HEADLINE

    return [
        (name, replace(options, slope=slope, pool_pad=pool_pad))
        for slope in slopes
        for name, options in HEADLINE.items()
    ]


def _measure(
    formats: Formats,
    model: Path | None,
    retune: str,
    chosen: common.ChosenPictures,
    fit: str,
    size: str | None,
    console: Console,
) -> tuple[list[FormatErrors], dict[str, Any]]:
    """Quantise for each format, run every picture; also return JSON's facts of the network."""
    from golden.study.errors.format_errors import float_against_fixed, make_pairings

    fitted = common.parse_fit(fit)
    files = common.find_model(model, console)
    side = common.choose_size(size, files, console)
    slopes = dict.fromkeys(options.slope for _, options in formats)
    patch, network = common.choose_patch(files, retune, tuple(slopes), console)
    network["size"] = side
    with common.counted_steps(console, "quantising", len(formats)) as advance:
        pairings = make_pairings(files, formats, side, patch, advance)
    with common.counted_steps(console, "pictures", len(chosen)) as advance:
        return float_against_fixed(pairings, chosen, fitted, side, advance), network


def _show_one(result: FormatErrors, plots: Path | None, console: Console) -> None:
    from tb.commands.accuracy.tables import headline_table, layer_table, worst_table

    layers = result.errors.results()
    fixed = result.pairing.fixed
    what = f"{result.pairing.name}, slope {fixed.options.slope.value}"
    title = f"{what}, less float: {_pictures(result)}"
    console.print(layer_table(title, layers))
    console.print(worst_table(layers))
    console.print(headline_table("heads and boxes", [result]))
    _plot({what: layers}, plots, "errors.png", f"Integers against floats, {what}", console)


def _show_headline(results: list[FormatErrors], plots: Path | None, console: Console) -> None:
    from tb.commands.accuracy.tables import headline_table

    title = f"integers against floats of the same slope: {_pictures(results[0])}"
    console.print(headline_table(title, results))
    for slope in dict.fromkeys(result.pairing.fixed.options.slope for result in results):
        runs = {
            result.pairing.name: result.errors.results()
            for result in results
            if result.pairing.fixed.options.slope is slope
        }
        name = f"errors_{slope.value.replace('/', '_')}.png"
        _plot(runs, plots, name, f"Integers against floats, slope {slope.value}", console)


def _pictures(result: FormatErrors) -> str:
    return "1 picture" if result.pictures == 1 else f"{result.pictures} pictures"


def _two_dumps(
    reference: Path, other: Path, plots: Path | None, json: Path | None, console: Console
) -> None:
    """Hold one dump against another."""
    from golden.config import InputError
    from golden.study.dumps.comparison import compare, only_in
    from golden.study.dumps.dump import read_dump
    from tb.commands.accuracy.tables import layer_table, worst_table

    first, second = read_dump(reference), read_dump(other)
    try:
        layers = compare(first, second)
    except InputError as error:
        raise InputError(f"{reference} and {other}: {error}") from None
    title = f"{other.name} less {reference.name}"
    console.print(layer_table(title, layers))
    console.print(worst_table(layers))
    _plot({other.name: layers}, plots, "errors.png", title, console)
    only = only_in(first, second), only_in(second, first)
    common.write_comparison((reference, other), only, layers, json, console)


def _plot(
    runs: dict[str, list[LayerError]], plots: Path | None, name: str, title: str, console: Console
) -> None:
    if plots is None:
        return
    from golden.study.errors.plots import plot_errors

    plot_errors(runs, plots / name, title)
    echo(console, f"plot in {plots / name}")
