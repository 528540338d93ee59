"""The command ``convpe fuse``: batch normalisation folded, and what that changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from golden.config import PoolPad, Slope
from tb.commands import common
from tb.commands.inspection.model import Source, describe
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.study.errors.folding import FoldingError

_Target = Annotated[
    Path | None, typer.Option("--out", help="Write the folded model: .pth or .safetensors.")
]


def fuse(
    source: Source = None,
    image: common.Image = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    slope: common.SlopeOption = Slope.EIGHTH,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    out: _Target = None,
    json: common.Json = None,
) -> None:
    """Fold batch normalisation, and compare each layer's output with the unfolded network's."""
    console = new_console()
    from golden.networks.yolov3_tiny.files.reading import fold_all, read_stored
    from golden.networks.yolov3_tiny.files.saving import check_folded_target, save_folded, unsaid
    from golden.study.errors.folding import folding_errors
    from golden.vision.images import default_image, load, preprocess

    path, fitted = image or default_image(), common.parse_fit(fit)
    files = common.find_model(source, console)
    side = common.choose_size(size, files, console)
    if out is not None:
        check_folded_target(files, out)
    pixels = preprocess(load(path), side, fitted)
    stored = read_stored(files)
    convs = fold_all(stored, files.weights)
    found = folding_errors(stored, pixels, slope.real, pool_pad)
    about = describe(files)
    echo(console, "; ".join(about["words"]))
    _show(found, path.name, console)
    written = [] if out is None else save_folded(files, convs, out)
    for file in written:
        echo(console, f"wrote {file}")
    if out is not None and (lost := unsaid(files, out)):
        echo(console, lost)
    document = {
        "model": about["facts"],
        "image": str(path),
        "fit": fit,
        "size": side,
        "slope": slope.value,
        "layers": found,
        "files": [str(file) for file in written],
    }
    write_json(json, document, console)


def _show(found: list[FoldingError], picture: str, console: Console) -> None:
    from tb.console import plain_table

    title = f"folded less unfolded, largest difference: {picture}"
    table = plain_table(title, "layer", "largest output", "float32", "of largest", "float64")
    for layer in found:
        table.add_row(
            layer.name if layer.normalised else f"{layer.name} (none to fold)",
            f"{layer.largest:.4g}",
            f"{layer.float32:.2g}",
            f"{layer.float32 / layer.largest if layer.largest else 0:.1g}",
            f"{layer.float64:.2g}",
        )
    console.print(table)
    worst = max(found, key=lambda layer: layer.float32)
    echo(
        console,
        f"largest: {worst.float32:.2g} in float32 ({worst.name}), "
        f"{max(layer.float64 for layer in found):.2g} in float64",
    )
