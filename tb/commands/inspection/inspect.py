"""The command ``convpe inspect``: a network's modules, a file's tensors, each as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from golden.config import ConfigError, first_few
from golden.graph.image_size import ImageSize, Rectangle, in_words, parse_size
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    import numpy.typing as npt

    from golden.study.parameters.modules import Module

FACENET: Final = "facenet"
YOLO: Final = "yolov3-tiny"
_SHOWN: Final = 20

Tensors = dict[str, "npt.NDArray[Any]"]

_Source = Annotated[
    str,
    typer.Argument(
        help="facenet, yolov3-tiny, or a file: .weights, .pth, .safetensors, a TensorFlow "
        "checkpoint's prefix."
    ),
]
_Size = Annotated[
    str | None,
    typer.Option(
        help="Rows and columns of the picture, or width x height; 160 for FaceNet, for "
        "YOLOv3-tiny what its .cfg says or 416, unless given."
    ),
]
_Depth = Annotated[int | None, typer.Option(min=1, help="Levels of the trees; all unless given.")]
_Embedding = Annotated[int, typer.Option(min=1, help="Width of facenet's embedding.")]


@dataclass(frozen=True, slots=True)
class _Network:
    """A network that was asked for, or found in a file."""

    name: str
    root: str
    size: ImageSize
    modules: list[Module]
    unknown: tuple[str, ...] = ()


def inspect(
    source: _Source,
    size: _Size = None,
    depth: _Depth = None,
    embedding: _Embedding = 512,
    json: common.Json = None,
) -> None:
    """Show a network's modules with shapes, parameters and MACs, and a file's tensors."""
    console = new_console()
    tensors: Tensors = {}
    network = _known(source, size, embedding)
    if network is None:
        tensors = _read(Path(source), console)
        _show_tensors(source, tensors, depth, console)
        network = _found(Path(source), tensors, size, console)
    if network is not None:
        _show_network(network, depth, console)
    else:
        echo(console, f"{source}: neither FaceNet nor YOLOv3-tiny is in it")
    write_json(json, {**_tensor_facts(tensors), **_network_facts(network)}, console)


def _known(source: str, size: str | None, embedding: int) -> _Network | None:
    """The network of that name; None: it is a file's."""
    if source == FACENET:
        from golden.networks.facenet.graph import facenet

        return _facenet(facenet(embedding), size)
    if source == YOLO:
        from golden.networks.yolov3_tiny.graph import INPUT_SIZE, graph

        return _yolo(graph(), INPUT_SIZE if size is None else parse_size(size, "--size"))
    return None


def _facenet(graph: Any, size: str | None, unknown: tuple[str, ...] = ()) -> _Network:
    from golden.networks.facenet.graph import INPUT_SIZE, check_size
    from golden.networks.facenet.names import SCOPE
    from golden.study.parameters.modules import modules

    side = INPUT_SIZE if size is None else parse_size(size, "--size")
    if isinstance(side, Rectangle):
        raise ConfigError(f"--size {size}: FaceNet runs on squares")
    check_size(side)
    return _Network(FACENET, SCOPE, side, modules(graph, side), unknown)


def _yolo(graph: Any, size: ImageSize) -> _Network:
    from golden.networks.yolov3_tiny.graph import check_size
    from golden.study.parameters.modules import modules

    check_size(size)
    return _Network(YOLO, YOLO, size, modules(graph, size))


def _read(path: Path, console: Console) -> Tensors:
    from golden.config import InputError, offer
    from golden.importers.file_kinds import READ, FileKind, file_kind, refusal
    from golden.importers.tensorflow.checkpoint import is_tf_checkpoint
    from golden.importers.text import printable
    from golden.networks.facenet.files import read_named
    from golden.study.parameters.model_parameters import WANTED

    if not is_tf_checkpoint(path):
        if not path.exists():
            instead = offer(str(path), (FACENET, YOLO))
            raise InputError(f"{path}: no such file; {instead}, or give {WANTED}")
        kind = file_kind(path)
        if kind is FileKind.DARKNET:
            return _darknet_tensors(path, console)
        if kind not in READ:
            raise refusal(path, kind, WANTED)
    return {printable(name): tensor for name, tensor in read_named(path).items()}


def _darknet_tensors(path: Path, console: Console) -> Tensors:
    """The tensors of a Darknet file in its order, under the nodes' names."""
    from golden.networks.yolov3_tiny.files.reading import read_stored

    files = common.find_model(path, console)
    found: Tensors = {}
    for name, conv in read_stored(files).items():
        norm = conv.norm
        if norm is not None:
            parts = {"beta": norm.beta, "gamma": norm.gamma, "mean": norm.mean}
            found |= {f"{name}.{key}": value for key, value in parts.items()}
            found[f"{name}.variance"] = norm.variance
        elif conv.bias is not None:
            found[f"{name}.bias"] = conv.bias
        found[f"{name}.weights"] = conv.weight
    return {name: value.astype("float32") for name, value in found.items()}


def _found(path: Path, tensors: Tensors, size: str | None, console: Console) -> _Network | None:
    """The network that a file's tensors belong to."""
    from golden.networks.facenet.files import facenet_of, naming_of

    if naming_of(tensors) is not None:
        weights = facenet_of(tensors, path)
        return _facenet(weights.graph, size, weights.unknown)
    if "pred_2.weight" not in tensors and "pred_2.weights" not in tensors:
        return None
    from golden.networks.yolov3_tiny.files.reading import read_stored
    from golden.networks.yolov3_tiny.graph import HEADS, count_classes, graph

    files = common.find_model(path, console)
    stored = read_stored(files)
    classes = count_classes(len(stored[HEADS[0]].weight))
    assert classes is not None, "checked where the file was read"
    kernel = stored["conv_set_2"].weight.shape[2]
    chosen = common.choose_size(size, files, console)
    return _yolo(graph(classes, set_2_kernel=kernel), chosen)


def _show_tensors(source: str, tensors: Tensors, depth: int | None, console: Console) -> None:
    from tb.commands.inspection.inspect_tables import tensor_table

    console.print(tensor_table(f"tensors of {source}", Path(source).name, tensors, depth))
    size = sum(tensor.nbytes for tensor in tensors.values())
    echo(console, f"{len(tensors):,} tensors, {size / 1e6:,.2f} MB")


def _show_network(network: _Network, depth: int | None, console: Console) -> None:
    from tb.commands.inspection.inspect_tables import module_table

    title = f"{network.name} at {in_words(network.size)}"
    console.print(module_table(title, network.root, network.modules, depth))
    figures = _sums(network)
    echo(
        console,
        f"{figures['convolutions']} convolutions, {figures['fully_connected']} fully connected; "
        f"{figures['parameters']:,} parameters, {figures['macs'] / 1e9:.3f} GMAC a picture",
    )
    if network.unknown:
        echo(console, f"no part of the network, kept: {first_few(network.unknown, _SHOWN)}")


def _sums(network: _Network) -> dict[str, int]:
    kinds = [module.kind for module in network.modules]
    return {
        "convolutions": kinds.count("conv"),
        "fully_connected": kinds.count("fc"),
        "parameters": sum(module.parameters for module in network.modules),
        "macs": sum(module.macs for module in network.modules),
    }


def _tensor_facts(tensors: Tensors) -> dict[str, Any]:
    return {
        "tensors": [
            {"name": name, "shape": [*x.shape], "type": x.dtype.name, "bytes": x.nbytes}
            for name, x in tensors.items()
        ]
    }


def _network_facts(network: _Network | None) -> dict[str, Any]:
    if network is None:
        return {"network": None, "modules": [], "unknown": []}
    return {
        "network": network.name,
        "size": network.size,
        **_sums(network),
        "modules": network.modules,
        "unknown": network.unknown,
    }
