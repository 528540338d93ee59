"""The command ``convpe perturb``: noise on layers' outputs, and what it does downstream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.graph.image_size import ImageSize
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.study.errors.perturbation import BoxNoise, LayerNoise, Runner

ALL: Final = "all"
_Layer = Annotated[
    list[str] | None,
    typer.Option(
        "--layer", help="Add noise behind this layer; may be given again; every convolution: all."
    ),
]
_Amplitude = Annotated[float, typer.Option(help="Largest magnitude of the noise.")]
_OneSided = Annotated[
    bool, typer.Option("--one-sided/--two-sided", help="From 0 to the amplitude, or from minus.")
]
_Draws = Annotated[int, typer.Option(min=1, help="How often the noise is drawn anew.")]
_BitTrue = Annotated[
    bool, typer.Option("--bit-true", help="Disturb the integer network, not the float one.")
]


def perturb(
    layer: _Layer = None,
    amplitude: _Amplitude = 0.05,
    one_sided: _OneSided = True,
    draws: _Draws = 20,
    model: common.Model = None,
    image: common.Image = None,
    images: common.Folder = None,
    views: common.OneOrViews = 0,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    bit_true: _BitTrue = False,
    mode: common.Mode = ProductMode.FULL,
    number_format: common.Format = NumberFormat.PER_LAYER,
    slope: common.SlopeOption = Slope.EIGHTH,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    act_bits: common.ActWidth = 16,
    weight_bits: common.WeightWidth = 16,
    retune: common.RetuneOption = "shipped",
    seed: common.Seed = 1,
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Add uniform noise behind layers: the error layer by layer, and the boxes lost and new."""
    from golden.study.errors.format_errors import numeric_facts
    from golden.study.errors.noise import Noise
    from golden.study.errors.perturbation import box_noise, layer_noise
    from golden.study.errors.perturbation import perturb as disturb

    console = new_console()
    fitted = common.parse_fit(fit)
    options = NumericOptions(
        number_format, mode, slope, place, pool_pad, act_w=act_bits, weight_w=weight_bits
    )
    noise = Noise(_layers(layer or [ALL]), amplitude, one_sided, seed)
    chosen = common.choose_pictures(image, images, views, seed, console)
    files = common.find_model(model, console)
    side = common.choose_size(size, files, console)
    runner, network = _runner(files, options, retune, side, bit_true, console)
    with common.counted_steps(console, "noisy runs", draws * len(chosen)) as advance:
        made = disturb(runner, chosen, noise, draws, fitted, side, advance)
    layers, boxes = layer_noise(made, noise), box_noise(made)
    low = 0 if one_sided else -amplitude
    kind = "integer" if bit_true else "float"
    title = f"{kind} network, noise from {low:g} to {amplitude:g}, draws: {draws}"
    _show(title, layers, boxes, console)
    common.print_unreadable(chosen, console)
    if plots is not None:
        from golden.study.errors.plots import plot_perturbation

        plot_perturbation(layers, boxes, plots / "perturbation.png", title)
        echo(console, f"plot in {plots / 'perturbation.png'}")
    document = {
        "network": kind,
        **network,
        "options": numeric_facts(options),
        "noise": noise,
        "draws": draws,
        "size": side,
        "fit": fit,
        "pictures": chosen.to_dict(),
        "layers": layers,
        "boxes": boxes,
    }
    write_json(json, document, console)


def _layers(names: Sequence[str]) -> tuple[str, ...]:
    """The nodes that noise is added to."""
    from golden.graph.layers import IMAGE
    from golden.networks.yolov3_tiny.graph import DARKNET_ORDER, graph
    from golden.study.errors.noise import check_layers

    known = (IMAGE, *(node.name for node in graph().nodes))
    convs = [name for name in known if name in DARKNET_ORDER]
    return check_layers(
        [one for name in names for one in (convs if name == ALL else [name])], known
    )


def _runner(
    files: ModelFiles,
    options: NumericOptions,
    retune: str,
    size: ImageSize,
    bit_true: bool,
    console: Console,
) -> tuple[Runner, dict[str, Any]]:
    """The network to disturb, and what JSON says of it."""
    from golden.networks.yolov3_tiny.build import build_yolov3_tiny
    from golden.networks.yolov3_tiny.files.reading import read_network
    from golden.study.errors.noise import FixedRunner, FloatRunner

    patch, facts = common.choose_patch(files, retune, (options.slope,), console)
    if bit_true:
        return FixedRunner(build_yolov3_tiny(files, options, None, size, patch)), facts
    slope = options.slope.real
    return FloatRunner(read_network(files, options, patch), slope), facts


def _show(title: str, layers: Sequence[LayerNoise], boxes: BoxNoise, console: Console) -> None:
    from tb.console import plain_table

    table = plain_table(title, "layer", "mean", "rms", "largest", "SQNR dB")
    for layer in layers:
        table.add_row(
            f"{'+' if layer.disturbed else ' '}{layer.name}",
            layer.mean.text(".2g"),
            layer.rms.text(),
            layer.largest.text(".2g"),
            "exact" if layer.sqnr_db is None else layer.sqnr_db.text(".2f", ".2f"),
        )
    console.print(table)
    echo(console, "+ noise is added here; ± half of the 95 % interval of the mean over the draws")
    counts = {"kept": boxes.kept, "lost": boxes.lost, "new": boxes.new}
    words = ", ".join(f"{name} {count.text()}" for name, count in counts.items())
    echo(console, f"boxes: {boxes.clean} without noise; {words}")
    if boxes.overlap is not None and boxes.confidence_change is not None:
        moved, surer = boxes.overlap.text(), boxes.confidence_change.text("+.3g")
        echo(console, f"kept boxes: overlap with the clean one {moved}, confidence {surer}")
