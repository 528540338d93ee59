"""The command ``convpe model``: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import PoolPad
from golden.graph.image_size import ImageSize, in_words
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.networks.yolov3_tiny.torch_model import YOLOv3_tiny_quantize_bnfuse
    from golden.study.parameters.modules import NodeFacts

Source = Annotated[
    Path | None,
    typer.Argument(help="Darknet .weights, torch .pth or .safetensors; fetched unless given."),
]
_Tree = Annotated[bool, typer.Option(help="Print the torch model.")]


def model(
    source: Source = None,
    size: common.Size = None,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    tree: _Tree = True,
    json: common.Json = None,
) -> None:
    """Read a model, name what is wrong with it, and print modules, shapes and MACs."""
    console = new_console()
    from golden.networks.yolov3_tiny.files.reading import read_network
    from golden.networks.yolov3_tiny.torch_model import torch_model
    from golden.study.parameters.modules import node_facts

    files = common.find_model(source, console)
    side = common.choose_size(size, files, console)
    options = NumericOptions(pool_pad=pool_pad)
    network = read_network(files, options, None)
    built = torch_model(network)
    ranges = _ranges(files, built)
    about = describe(files)
    if tree:
        echo(console, str(built))
    echo(console, "; ".join(about["words"]))
    facts = node_facts(network, side)
    _show(facts, ranges, side, console)
    document = {
        "model": about["facts"],
        "classes": list(network.classes),
        "size": side,
        "nodes": facts,
        "parameters": sum(fact.parameters for fact in facts),
        "macs": sum(fact.macs for fact in facts),
        "macs_on_zero_weights": sum(fact.macs_on_zero_weights for fact in facts),
        "tracked_ranges": {name: list(pair) for name, pair in ranges.items()},
    }
    write_json(json, document, console)


def describe(files: ModelFiles) -> dict[str, Any]:
    """Say in words, and in fields for JSON, which file a model comes from and how it is stored."""
    from golden.networks.yolov3_tiny.files.reading import read_stored
    from golden.networks.yolov3_tiny.graph import HEADS, count_classes

    stored = read_stored(files)
    classes = count_classes(len(stored[HEADS[0]].weight))
    normalised = sum(conv.norm is not None for conv in stored.values())
    kernel = stored["conv_set_2"].weight.shape[2]
    facts = {
        "file": str(files.weights),
        "sha256": files.sha256,
        "official": files.official,
        "classes": classes,
        "conv_set_2_kernel": kernel,
        "batch_normalisations": normalised,
        "order": list(stored),
    }
    words = [
        f"the official {files.weights.name}" if files.official else str(files.weights),
        f"{classes} classes",
        f"conv_set_2 {kernel}x{kernel}",
        f"{normalised} batch normalisations" if normalised else "batch normalisation is folded",
    ]
    return {"facts": facts, "words": words}


def _ranges(
    files: ModelFiles, built: YOLOv3_tiny_quantize_bnfuse
) -> dict[str, tuple[float, float]]:
    """The ranges that a checkpoint's trackers have learnt."""
    if files.cfg is not None:
        return {}
    from golden.importers.torch.tensor_files import read_tensors
    from golden.networks.yolov3_tiny.torch_model import AveragedRangeTracker, load_trackers

    load_trackers(built, read_tensors(files.weights).tensors)
    return {
        name: (tracker.min_val.item(), tracker.max_val.item())
        for name, tracker in built.named_children()
        if isinstance(tracker, AveragedRangeTracker) and tracker.first_a.item()
    }


def _show(
    facts: list[NodeFacts],
    ranges: dict[str, tuple[float, float]],
    size: ImageSize,
    console: Console,
) -> None:
    from tb.console import plain_table

    title = f"layers at {in_words(size)}"
    table = plain_table(title, "layer", "kernel", "input", "output", "parameters", "MMAC")
    for fact in facts:
        convolution = fact.kind == "conv"
        table.add_row(
            fact.name,
            f"{fact.kernel}x{fact.kernel}" if convolution else fact.kind,
            " + ".join(_shape(shape) for shape in fact.inputs),
            _shape(fact.output),
            f"{fact.parameters:,}" if convolution else "",
            f"{fact.macs / 1e6:,.1f}" if convolution else "",
        )
    console.print(table)
    parameters, macs, zeros = (
        sum(getattr(fact, field) for fact in facts)
        for field in ("parameters", "macs", "macs_on_zero_weights")
    )
    echo(console, f"{parameters:,} parameters, {macs / 1e9:.3f} GMAC a picture")
    if zeros:
        echo(
            console,
            f"{zeros / 1e6:.0f} MMAC of them, {zeros / macs:.1%}, multiply the zeros around "
            "conv_set_2's 1x1 kernel",
        )
    if ranges:
        table = plain_table("tracked ranges", "tracker", "min", "max")
        for name, (low, high) in ranges.items():
            table.add_row(name, f"{low:.4g}", f"{high:.4g}")
        console.print(table)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
