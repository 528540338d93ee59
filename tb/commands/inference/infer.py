"""The command ``convpe infer``: a picture through the integer network, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    ConfigError,
    LeakyPlace,
    NumberFormat,
    Overflow,
    PoolPad,
    ProductMode,
    Rounding,
    Slope,
)
from golden.graph.image_size import ImageSize, image_size
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from golden.arithmetic.fixed import Int16Array
    from golden.graph.network import Network
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.study.dumps.inference import LayerFacts

_Dump = Annotated[
    Path | None, typer.Option("--dump", help="File (.npz) that takes every layer's tensor.")
]
_From = Annotated[
    str, typer.Option("--from", help="Run this layer and all after it, on tensors of --input.")
]
_Input = Annotated[
    Path | None, typer.Option("--input", help="Dump (.npz) that the part --from ... reads.")
]
_Rounding = Annotated[Rounding, typer.Option(help="Of the requantising shift.")]
_Overflow = Annotated[Overflow, typer.Option(help="What a value beyond the width becomes.")]
_Check = Annotated[
    bool, typer.Option("--check", help="Compute every layer on torch too, and compare.")
]


def infer(
    model: common.Model = None,
    image: common.Image = None,
    fit: common.Fit = "letterbox",
    size: common.Size = None,
    mode: common.Mode = ProductMode.FULL,
    number_format: common.Format = NumberFormat.PER_LAYER,
    act_bits: common.ActWidth = 16,
    weight_bits: common.WeightWidth = 16,
    slope: common.SlopeOption = Slope.EIGHTH,
    place: common.Place = LeakyPlace.AFTER_REQUANT,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    rounding: _Rounding = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY,
    overflow: _Overflow = Overflow.SATURATE,
    retune: common.RetuneOption = "shipped",
    dump: _Dump = None,
    first: _From = "",
    given: _Input = None,
    check: _Check = False,
    json: common.Json = None,
) -> None:
    """Run the integer network bit by bit as the hardware does, and show every layer."""
    from golden.study.errors.format_errors import numeric_facts

    console = new_console()
    options = NumericOptions(
        number_format, mode, slope, place, pool_pad, rounding, overflow, act_bits, weight_bits
    )
    _check_files(first, image, given, dump)
    files = common.find_model(model, console)
    side = common.choose_size(size, files, console)
    network, facts = integer_network(files, options, side, retune, console)
    chosen = {"rounding": options.rounding, "overflow": options.overflow}
    facts |= {"size": side, "fit": fit, "options": {**numeric_facts(options), **chosen}}
    tensors, read = _read(network, image, fit, first, given)
    facts["input"] = read
    values, layers = _run(network, tensors, first, console)
    title = f"{options.format.value} {options.mode.value}, {read}"
    console.print(layer_table(title, layers))
    if check:
        facts["differences"] = _compared(network, values, console)
    if dump is not None:
        _write(dump, values, network, facts, console)
    write_json(json, {**facts, "layers": layers}, console)


def _check_files(first: str, image: Path | None, given: Path | None, dump: Path | None) -> None:
    """Refuse options that contradict each other."""
    if bool(first) != (given is not None):
        raise ConfigError("give --from LAYER and --input DUMP together")
    if given is not None and image is not None:
        raise ConfigError("give --image or --input, not both")
    if dump is not None and dump.suffix != ".npz":
        raise ConfigError(f"--dump {dump}: give a name that ends in .npz")
    if dump is not None and given is not None and dump.resolve() == given.resolve():
        raise ConfigError(f"--dump {dump}: that is the file of --input; give another")


def integer_network(
    files: ModelFiles, options: NumericOptions, size: ImageSize, retune: str, console: Console
) -> tuple[Network, dict[str, Any]]:
    """Quantise the network, or read a quantised one; also say which it was.

    Raises
    ------
    InputError
        A file is damaged or missing.
    ConfigError
        The options are not the network's.
    """
    from golden.export.reader import integer_network as read_integers
    from golden.networks.yolov3_tiny.build import build_yolov3_tiny
    from golden.networks.yolov3_tiny.files.fetch import model_format

    if model_format(files.weights) == "integers":
        none = {"weights_sha256": files.sha256, "retune_sha256": None}
        return read_integers(files.weights, options, size), none
    patch, facts = common.choose_patch(files, retune, (options.slope,), console)
    facts["retune_sha256"] = facts["retune_sha256"][options.slope.value]
    return build_yolov3_tiny(files, options, input_size=size, retune=patch), facts


def _read(
    network: Network, image: Path | None, fit: str, first: str, given: Path | None
) -> tuple[dict[str, Int16Array], str]:
    """The tensors to start from, and what they are, in words."""
    from golden.config import InputError
    from golden.graph.layers import IMAGE
    from golden.study.dumps.dump import read_dump
    from golden.study.dumps.inference import given_tensors
    from golden.vision.images import default_image

    if given is not None:
        network.node(first)
        found = read_dump(given)
        try:
            return given_tensors(network, first, found), f"from {first} on {given.name}"
        except InputError as error:
            raise InputError(f"{given}: {error}") from None
    path = image or default_image()
    return {IMAGE: read_picture(network, path, fit)}, path.name


def read_picture(network: Network, path: Path, fit: str) -> Int16Array:
    """A picture as the network reads it, (3, H, W).

    Raises
    ------
    InputError
        It cannot be read.
    """
    from golden.quantization.layers import quantize_image
    from golden.vision.images import load, preprocess

    size = image_size(*network.input_shape[1:])
    pixels = preprocess(load(path), size, common.parse_fit(fit))
    ints, _ = quantize_image(pixels, network.input_frac, network.options.act_w)
    return ints


def _run(
    network: Network, tensors: dict[str, Int16Array], first: str, console: Console
) -> tuple[dict[str, Int16Array], list[LayerFacts]]:
    from golden.graph.layers import IMAGE
    from golden.study.dumps.inference import infer as layer_by_layer
    from golden.study.dumps.inference import nodes_from

    start = first or IMAGE
    values, layers = {}, []
    total = len(tensors) + len(nodes_from(network, start))
    with common.counted_steps(console, "layers", total) as advance:
        for name, tensor, facts in layer_by_layer(network, tensors, start):
            values[name] = tensor
            layers.append(facts)
            advance()
    return values, layers


def layer_table(title: str, layers: Sequence[LayerFacts]) -> Table:
    """A tensor a row."""
    from tb.console import plain_table

    columns = ("layer", "shape", "frac", "min", "max", "saturated", "zero", "sha256")
    table = plain_table(title, *columns)
    for layer in layers:
        table.add_row(
            layer.name,
            "x".join(map(str, layer.shape)),
            str(layer.frac),
            f"{layer.least:,}",
            f"{layer.most:,}",
            "" if layer.saturated is None else f"{layer.saturated:,}",
            f"{layer.zeros:.1%}",
            layer.sha256[:16],
        )
    return table


def _compared(network: Network, values: dict[str, Int16Array], console: Console) -> dict[str, int]:
    """Compare with torch; one wrong value ends the command."""
    from golden.study.dumps.inference import differences

    wrong = differences(network, values)
    for name, count in wrong.items():
        if count:
            raise AssertionError(f"{name}: {count} values differ from torch's")
    echo(console, f"torch computes the same values in all {len(wrong)} layers")
    return wrong


def _write(
    path: Path,
    values: dict[str, Int16Array],
    network: Network,
    facts: dict[str, Any],
    console: Console,
) -> None:
    from golden.study.dumps.dump import Dump, write_dump

    fracs = network.fracs()
    write_dump(path, Dump(dict(values), {name: fracs[name] for name in values}, facts))
    echo(console, f"{len(values)} tensors in {path}")
