"""The command ``convpe quantize``: a model in integers, saved for every reader."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.graph.image_size import ImageSize
from tb.commands import common
from tb.commands.inspection.model import Source, describe
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from golden.study.distributions.rounding import TensorErrors
    from golden.study.parameters.quantization import QuantizedModel
    from golden.vision.placement import Fit


class Rule(str, Enum):
    """How fraction bits of the picture and the weights are chosen."""

    MAX = "max"
    MSE = "mse"


class WeightRounding(str, Enum):
    """Rounding from real numbers to integers."""

    ROUND_HALF_TO_EVEN = "round_half_to_even"
    FLOOR = "floor"
    TOWARD_ZERO = "toward_zero"


_Rule = Annotated[
    Rule,
    typer.Option(
        "--by", help="Per layer: fraction bits by the largest value or the mean squared error."
    ),
]
_Given = Annotated[
    Path | None,
    typer.Option("--fractions", help="JSON file of fraction bits; a manifest serves too."),
]
_Fraction = Annotated[
    list[str] | None,
    typer.Option("--fraction", help="Fraction bits of one tensor: conv1.weight=12; repeatable."),
]
_Rounding = Annotated[WeightRounding, typer.Option(help="Of the numbers that are saved.")]
_Calibration = Annotated[
    Path | None,
    typer.Option(
        "--images", help="Folder of pictures that outputs are given room for; shipped ones if none."
    ),
]
_Hex = Annotated[bool, typer.Option("--hex/--no-hex", help="Write hex files for $readmemh.")]
_OUT = Path("build/quantized")


def quantize(
    source: Source = None,
    out: common.Out = _OUT,
    number_format: common.Format = NumberFormat.PER_LAYER,
    rule: _Rule = Rule.MAX,
    fractions: _Given = None,
    fraction: _Fraction = None,
    rounding: _Rounding = WeightRounding.ROUND_HALF_TO_EVEN,
    act_bits: common.ActWidth = 16,
    weight_bits: common.WeightWidth = 16,
    mode: common.Mode = ProductMode.FULL,
    slope: common.SlopeOption = Slope.EIGHTH,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    retune: common.RetuneOption = "shipped",
    image: common.Image = None,
    images: _Calibration = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    write_hex: _Hex = True,
    json: common.Json = None,
) -> None:
    """Quantise weights and picture; save the model as it came, raw integers, and hex.

    OUT takes the model in its own format and order with exactly representable numbers,
    integers.bin with manifest.json, and hex/ for Verilog's $readmemh.
    """
    console = new_console()
    from golden.export.writer import DATA, HEX, plain_options, write_integers
    from golden.networks.yolov3_tiny.files.saving import check_saved, check_target, save_like
    from golden.quantization.overrides import FIELD, fraction_bits, parse_fractions, read_fractions
    from golden.study.parameters.quantization import quantize_model, quantize_picture
    from golden.vision.images import default_image, load, preprocess

    options = NumericOptions(
        number_format, mode, slope, place, pool_pad, act_w=act_bits, weight_w=weight_bits
    )
    given = read_fractions(fractions) if fractions is not None else {}
    given |= parse_fractions(fraction or [])
    path, fitted = image or default_image(), common.parse_fit(fit)
    files = common.find_model(source, console)
    side = common.choose_size(size, files, console)
    target = out / files.weights.name
    check_target(files, target)
    pixels = preprocess(load(path), side, fitted)
    patch, facts = common.choose_patch(files, retune, (slope,), console)
    chosen = _calibration(images)
    with common.counted_steps(console, "quantising", len(chosen)) as advance:
        pictures = _pixels(chosen, side, fitted, advance)
        made = quantize_model(
            files, options, pictures, pixels, given, rule.value, rounding.value, patch
        )
    common.print_unreadable(chosen, console)
    ints, picture = quantize_picture(pixels, made.network, rounding.value)
    show_errors(made, picture, console)
    bits = fraction_bits(made.formats)
    about = {
        "source": {**describe(files)["facts"], "file": files.weights.name},
        **facts,
        "rule": rule.value,
        "rounding": rounding.value,
        "image": {"file": path.name, "fit": fit},
        FIELD: bits,
    }
    convs = {name: conv.real() for name, conv in made.convs.items()}
    written = save_like(files, convs, target)
    check_saved(target, convs)
    written.append(write_integers(out, made.network, ints, about, write_hex))
    echo(console, f"wrote {target}: read back, every number is equal")
    echo(console, f"wrote {written[-1]}, {DATA}" + (f" and {HEX}/" if write_hex else ""))
    document = {
        **about,
        "options": plain_options(options),
        "size": side,
        "calibration": chosen.to_dict(),
        "files": [str(file) for file in written],
        "weights": made.weights,
        "biases": made.biases,
        "picture": picture,
    }
    write_json(json, document, console)


def _calibration(images: Path | None) -> common.ChosenPictures:
    """The pictures that outputs are given room for."""
    from golden.vision.datasets import Folder, Sample
    from golden.vision.images import calibration_images, load

    if images is not None:
        return common.ChosenPictures(Folder(images))
    return common.ChosenPictures(
        tuple(Sample(file.name, load(file), file) for file in calibration_images())
    )


def _pixels(
    chosen: common.ChosenPictures, size: ImageSize, fit: Fit, step: Callable[[], None]
) -> Iterator[npt.NDArray[np.float32]]:
    from golden.vision.images import preprocess

    for shown in chosen:
        yield preprocess(shown.image, size, fit)
        step()


def show_errors(made: QuantizedModel, picture: TensorErrors, console: Console) -> None:
    """Print what rounding and truncating cost every layer's weights, and the picture."""
    from tb.console import plain_table

    cut = "floor" if made.rounding == "floor" else "toward_zero"
    width = made.network.options.weight_w
    title = f"absolute error of picture and {width}-bit weights: rounded, and cut ({cut})"
    columns = ("frac", "rounded", "mean", "cut", "mean", "to 0", "clipped")
    table = plain_table(title, "tensor", *columns)
    rows = (picture, *made.weights)
    for each in rows:
        rounded, truncated = each.errors["round_half_to_even"], each.errors[cut]
        table.add_row(
            each.name.removesuffix(".weight"),
            str(each.frac),
            *(f"{x:.3g}" for x in (rounded.largest, rounded.mean)),
            *(f"{x:.3g}" for x in (truncated.largest, truncated.mean)),
            f"{each.zeroed / each.count:.2%}",
            f"{each.saturated:,}",
        )
    console.print(table)
    for word, name in (("rounded", "round_half_to_even"), ("cut", cut)):
        most = max(made.weights, key=lambda each: each.errors[name].largest)
        count = sum(each.count for each in made.weights)
        mean = sum(each.errors[name].mean * each.count for each in made.weights) / count
        text = f"weights, {word}: {most.errors[name].largest:.3g} at most ({most.name}), "
        echo(console, f"{text}{mean:.3g} on average")
    bias = max(made.biases, key=lambda each: each.errors[made.rounding].largest)
    echo(console, f"biases, as saved: {bias.errors[made.rounding].largest:.3g} at most")
