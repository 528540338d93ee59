"""The command ``convpe conv-error``: one convolution of uniform numbers, in Q7.8 and in float."""

from __future__ import annotations

from typing import Annotated

import typer

from golden.config import ProductMode
from tb.commands import common
from tb.console import echo, new_console, write_json

_In = Annotated[int, typer.Option("--in-channels", help="Channels of the input.")]
_Out = Annotated[int, typer.Option("--out-channels", help="Channels of the output.")]
_Kernel = Annotated[int, typer.Option(help="Side of the kernel: 1, 3, 5 or 7.")]
_Size = Annotated[int, typer.Option(help="Rows and columns of the map.")]
_Draws = Annotated[int, typer.Option(min=1, help="How many sets of numbers.")]
_Mode = Annotated[
    ProductMode | None, typer.Option(help="What one product adds to a sum; all unless given.")
]


def conv_error(
    in_channels: _In = 16,
    out_channels: _Out = 16,
    kernel: _Kernel = 3,
    size: _Size = 26,
    draws: _Draws = 10,
    mode: _Mode = None,
    seed: common.Seed = 1,
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Convolve numbers uniform in -1 to +1 in Q7.8, and measure the error against float64."""
    from golden.study.errors.uniform_conv import MODES, ConvShape, draw, errors, measure
    from tb.commands.accuracy.tables import layer_table, worst_table

    console = new_console()
    shape = ConvShape(in_channels, out_channels, kernel, size)
    modes = MODES if mode is None else (mode,)
    with common.counted_steps(console, "draws", draws) as advance:
        found = measure(shape, modes, draws, seed, advance)
    title = (
        f"{in_channels} x {size} x {size} to {out_channels} channels, kernel {kernel} x {kernel}, "
        f"{shape.products} products a sum"
    )
    echo(console, f"{title}; draws: {draws}")
    console.print(layer_table("Q7.8 less float64", list(found.values()), "mode"))
    console.print(worst_table(list(found.values()), "mode", "draw"))
    if plots is not None:
        from golden.study.errors.plots import plot_histograms

        first = draw(shape, seed)
        path = plots / "conv_error.png"
        plot_histograms(
            {each.value: errors(first, each) for each in modes}, path, f"{title}; first draw"
        )
        echo(console, f"plot in {path}")
    document = {
        "shape": shape,
        "draws": draws,
        "seed": seed,
        "modes": list(found.values()),
    }
    write_json(json, document, console)
