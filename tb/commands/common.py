"""What the commands of the study share: options, progress, and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golden.config import LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope

Model = Annotated[
    Path | None,
    typer.Option(help="Darknet .weights, torch .pth or .safetensors; fetched unless given."),
]
Image = Annotated[Path | None, typer.Option(help="Picture file; a shipped one unless given.")]
Images = Annotated[
    Path | None,
    typer.Option(help="Folder of pictures; crops and flips of shipped photographs unless given."),
]
Views = Annotated[int, typer.Option(min=1, help="How many crops and flips.")]
Fit = Annotated[str, typer.Option(help="letterbox or plain.")]
Size = Annotated[int, typer.Option(help="Rows and columns of the input, a multiple of 32.")]
Seed = Annotated[int, typer.Option(min=0, help="Integer that repeats every random choice.")]
RetuneOption = Annotated[
    str,
    typer.Option(
        "--retune", help="Retuning patch: shipped (used where it fits), none, or a file's path."
    ),
]
Mode = Annotated[ProductMode, typer.Option(help="What one product adds to a sum.")]
Format = Annotated[
    NumberFormat, typer.Option("--format", help="Fraction bits per layer, or 8 everywhere.")
]
SlopeOption = Annotated[Slope, typer.Option("--slope", help="Of the leaky rectifier.")]
Place = Annotated[LeakyPlace, typer.Option("--leaky-place", help="Activation and requantising.")]
Pad = Annotated[PoolPad, typer.Option("--pool-pad", help="Beyond the edge of the stride-1 pool.")]
ActWidth = Annotated[int, typer.Option("--act-bits", help="Bits of an activation, 8 or 16.")]
WeightWidth = Annotated[int, typer.Option("--weight-bits", help="Bits of a weight, 8 or 16.")]
Json = Annotated[Path | None, typer.Option("--json", help="File that takes the results.")]
Out = Annotated[Path, typer.Option("--out", help="Folder that takes the files.")]
Plots = Annotated[Path | None, typer.Option("--plots", help="Folder that takes the plots.")]
