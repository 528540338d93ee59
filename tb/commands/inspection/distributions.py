"""The command ``convpe distributions``: weights and activations, in numbers and pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.graph.image_size import ImageSize
from tb.commands import common
from tb.console import echo, new_console, progress, write_json

if TYPE_CHECKING:
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.networks.yolov3_tiny.retune_patch import Retune
    from golden.study.distributions.collect import Distributions
    from golden.vision.placement import Fit

VIEWS = 100

_BitTrue = Annotated[
    NumberFormat | None,
    typer.Option("--bit-true", help="Also run the integers of this format, and stats them."),
]
_Mode = Annotated[
    ProductMode, typer.Option(help="What one product adds to a sum of the bit-true run.")
]
_ActBits = Annotated[int, typer.Option(help="Bits of an activation in per_layer, 8 or 16.")]
_WeightBits = Annotated[int, typer.Option(help="Bits of a weight in per_layer, 8 or 16.")]


def distributions(
    images: common.Images = None,
    views: common.Views = VIEWS,
    seed: common.Seed = 1,
    model: common.Model = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    slope: common.SlopeOption = Slope.EIGHTH,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    act_bits: _ActBits = 16,
    weight_bits: _WeightBits = 16,
    bit_true: _BitTrue = None,
    mode: _Mode = ProductMode.FULL,
    retune: common.RetuneOption = "shipped",
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Measure how weights and each layer's input and output are distributed over pictures."""
    from golden.study.distributions.plots import write_plots
    from golden.vision.datasets import study_pictures
    from tb.commands.inspection.distribution_report import document

    console = new_console()
    fitting = common.parse_fit(fit)
    options = NumericOptions(
        slope=slope, place=place, pool_pad=pool_pad, act_w=act_bits, weight_w=weight_bits
    )
    exact = _bit_true_options(options, bit_true, mode)
    pictures = study_pictures(images, views, seed, lambda text: echo(console, text))
    chosen = common.ChosenPictures(pictures)
    files = common.find_model(model, console)
    side = common.choose_size(size, files, console)
    patch, facts = common.choose_patch(files, retune, [slope], console)
    found = _prepare(files, options, exact, side, patch)
    started = time.monotonic()
    found = _run(found, chosen, fitting, side, console)
    seconds = time.monotonic() - started
    _show(found, chosen, seconds, console)
    if plots is not None:
        written = write_plots(plots, found)
        echo(console, f"{len(written)} plots in {plots}")
    results = {
        **facts,
        "pictures": {**chosen.to_dict(), "seed": seed, "fit": fit, "size": side},
        "seconds": round(seconds, 3),
        "slope": slope.value,
        "leaky_place": place.value,
        "pool_pad": pool_pad.value,
        **document(found),
    }
    write_json(json, results, console)


def _bit_true_options(
    options: NumericOptions, number_format: NumberFormat | None, mode: ProductMode
) -> NumericOptions | None:
    """The choices of the bit-true run, if there is one."""
    if number_format is None:
        if mode is not ProductMode.FULL:
            raise ConfigError(f"mode {mode.value} is of the bit-true run: give --bit-true q7.8 too")
        return None
    if number_format is NumberFormat.Q7_8:
        options = replace(options, act_w=16, weight_w=16)
    return replace(options, format=number_format, mode=mode)


def _prepare(
    files: ModelFiles,
    options: NumericOptions,
    exact: NumericOptions | None,
    size: ImageSize,
    retune: Retune,
) -> Distributions:
    """Choose the formats, count the weights, and lay out statistics for the pictures."""
    from golden.networks.yolov3_tiny.build import build_yolov3_tiny
    from golden.networks.yolov3_tiny.files.reading import read_network, read_stored
    from golden.study.distributions import collect as study
    from golden.study.distributions.weights import weight_statistics

    network = read_network(files, options, retune)
    plain = network if retune is None else read_network(files, options, None)
    formats = study.both_formats(network, options, size)
    weights = weight_statistics(read_stored(files), plain, network, formats, options)
    tensors = study.empty_statistics(network.nodes, formats, options)
    found = study.Distributions(network, options, formats, weights, tensors)
    if exact is None:
        return found
    integers = build_yolov3_tiny(files, exact, input_size=size, retune=retune)
    return replace(found, integer_network=integers, integers=study.integer_statistics(integers))


def _run(
    found: Distributions, chosen: common.ChosenPictures, fit: Fit, size: ImageSize, console: Console
) -> Distributions:
    """Statistics every tensor of every picture, one picture at a time."""
    from golden.study.distributions import collect as study
    from golden.vision.images import preprocess

    count = 0
    with progress(console) as bar:
        task = bar.add_task("pictures", total=len(chosen))
        for count, shown in enumerate(chosen, 1):
            picture = shown.name, preprocess(shown.image, size, fit)
            study.add_float(found.tensors, found.network, picture, found.options.slope)
            if found.integer_network is not None:
                study.add_integers(found.integers, found.integer_network, picture)
            bar.update(task, completed=count + len(chosen.unreadable))
    return replace(found, pictures=count)


def _show(
    found: Distributions, chosen: common.ChosenPictures, seconds: float, console: Console
) -> None:
    from tb.commands.inspection.distribution_report import all_tables, remarks

    common.print_unreadable(chosen, console)
    skipped = len(chosen.unreadable)
    tail = f", {skipped} skipped" if skipped else ""
    echo(console, f"{found.pictures} pictures in {seconds:.1f} s{tail}\n")
    for table in all_tables(found):
        console.print(table)
    for line in remarks(found):
        echo(console, line)
