"""The command ``convpe preprocess``: a picture becomes the network's integers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.config import NumberFormat
from golden.graph.image_size import image_size, in_words, parse_size, sides
from tb.commands import common
from tb.commands.quantization.quantize import WeightRounding
from tb.console import echo, new_console, plain_table, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from golden.study.dumps.preprocessing import Prepared, Window
    from golden.vision.placement import Placement

_SIDE = 4

_Picture = Annotated[
    Path | None, typer.Argument(help="Picture file; a shipped photograph unless given.")
]
_Bits = Annotated[int, typer.Option("--bits", help="Of one integer, 8 or 16.")]
_Rounding = Annotated[WeightRounding, typer.Option(help="From a pixel to its integer.")]
_Show = Annotated[
    str, typer.Option(help="ROW,COLUMN,N: the N x N pixels to show; the middle unless given.")
]
_Npy = Annotated[
    Path | None,
    typer.Option("--npy", help="Takes the integers: .npy, or .npz with their fraction bits."),
]
_Raw = Annotated[
    Path | None, typer.Option("--raw", help="Takes the integers, raw, lowest byte first: .bin.")
]
_Hex = Annotated[
    Path | None, typer.Option("--hex", help="Takes the integers for $readmemh, one a line: .hex.")
]
_Png = Annotated[Path | None, typer.Option("--png", help="Takes what the network sees: .png.")]


def preprocess(
    picture: _Picture = None,
    size: common.Size = None,
    fit: common.Fit = "letterbox",
    number_format: common.Format = NumberFormat.PER_LAYER,
    bits: _Bits = 16,
    rounding: _Rounding = WeightRounding.ROUND_HALF_TO_EVEN,
    show: _Show = "",
    npy: _Npy = None,
    raw: _Raw = None,
    hex_file: _Hex = None,
    png: _Png = None,
    json: common.Json = None,
) -> None:
    """Fit a picture to the network, quantise it, and show its integers."""
    from golden.networks.yolov3_tiny.graph import INPUT_SIZE
    from golden.study.dumps import preprocessing as study
    from golden.vision import images
    from golden.vision.placement import placement

    console = new_console()
    fitting = common.parse_fit(fit)
    frac = study.image_frac(number_format, bits)
    chosen = INPUT_SIZE if size is None else parse_size(size, "--size")
    middle = ",".join(str(side // 2) for side in sides(chosen))
    window = study.parse_window(show or f"{middle},{_SIDE}", chosen)
    targets = {"array": npy, "raw": raw, "hex": hex_file, "png": png}
    path = picture or images.default_image()
    wanted = {kind: target for kind, target in targets.items() if target is not None}
    for kind, target in wanted.items():
        study.check_ending(kind, target)
    study.check_targets([*wanted.values(), *([json] if json else [])], [path])
    image = images.load(path)
    pixels = images.preprocess(image, chosen, fitting)
    prepared = study.prepare(pixels, frac, bits, rounding.value)
    place = placement((image.height, image.width), chosen, fitting)
    _say_picture(path, place, prepared, console)
    console.print(_channel_table(prepared))
    for line in _excerpt(prepared, window):
        echo(console, line)
    about: dict[str, Any] = {
        "picture": str(path),
        "picture_size": [image.height, image.width],
        "fit": fit,
        "format": number_format.value,
        "bits": bits,
        "frac": frac,
        "rounding": rounding.value,
        "shape": list(prepared.ints.shape),
        "sha256": prepared.sha256(),
    }
    writers = study.writers(prepared, about)
    for kind, target in wanted.items():
        writers[kind](target)
        echo(console, f"{kind} in {target}")
    write_json(json, {**about, **_document(prepared, place)}, console)


def _say_picture(path: Path, place: Placement, prepared: Prepared, console: Console) -> None:
    height, width = place.picture_size
    size = image_size(*prepared.ints.shape[1:])
    echo(
        console,
        f"{path.name}: {width}x{height} pixels, as {place.width}x{place.height} from row "
        f"{place.top}, column {place.left} of {in_words(size)}",
    )
    low, high = -(1 << (prepared.width - 1)), (1 << (prepared.width - 1)) - 1
    step = 2.0**-prepared.frac
    echo(
        console,
        f"{prepared.width} bits, {prepared.frac} of them fraction: {low * step:g} to "
        f"{high * step:.6g} in steps of {step:g}",
    )
    echo(
        console,
        f"saturated {prepared.saturated} of {prepared.ints.size:,}; largest error "
        f"{prepared.largest_error():.2g}; sha256 {prepared.sha256()[:16]}...\n",
    )


def _channel_table(prepared: Prepared) -> Table:
    from golden.study.dumps.preprocessing import channels

    table = plain_table("", "channel", "min", "max", "mean", "std")
    for name, figures in channels(prepared).items():
        table.add_row(name, *(f"{figure:.4f}" for figure in figures.values()))
    return table


def _excerpt(prepared: Prepared, window: Window) -> list[str]:
    """Show a window of every channel: integers, hex digits and real values side by side."""
    from golden.study.dumps.preprocessing import CHANNELS, hex_digits

    rows = slice(window.row, window.row + window.side)
    columns = slice(window.column, window.column + window.side)
    last = window.column + window.side - 1
    lines = [f"columns {window.column} to {last}: integers | hex | real values"]
    real = prepared.real()
    for index, name in enumerate(CHANNELS):
        lines.append(name)
        block = zip(prepared.ints[index, rows, columns], real[index, rows, columns], strict=True)
        for row, (ints, values) in enumerate(block, window.row):
            cells = (
                " ".join(f"{value:6d}" for value in ints.tolist()),
                " ".join(hex_digits(value, prepared.width) for value in ints.tolist()),
                " ".join(f"{value:.5f}" for value in values.tolist()),
            )
            lines.append(f"{f'row {row}':>8}  {' | '.join(cells)}")
    return lines


def _document(prepared: Prepared, place: Placement) -> dict[str, Any]:
    from golden.study.dumps.preprocessing import channels

    return {
        "placed": {
            "row": place.top,
            "column": place.left,
            "height": place.height,
            "width": place.width,
        },
        "saturated": prepared.saturated,
        "largest_error": prepared.largest_error(),
        "channels": channels(prepared),
    }
