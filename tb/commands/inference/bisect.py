"""The command ``convpe bisect``: which layers make wrong values of right inputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.graph.image_size import parse_size
from tb.choices import parse_array, parse_natural
from tb.commands import common
from tb.console import echo, new_console, print_whole, progress, write_json
from tb.flows.sim.options import SimOptions
from tb.flows.variables import NOT_GIVEN

if TYPE_CHECKING:
    from golden.graph.network import Network
    from golden.study.dumps.bisection import LayerVerdict
    from golden.study.dumps.dump import Dump
    from golden.study.dumps.memory_dump import Layout

_Given = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DUMP]...",
        help="Tensors of a run: an .npz, a folder with conv1.hex and so on, or conv1=FILE for "
        "each layer. Two are compared with each other; without one the RTL is run.",
    ),
]
_Order = Annotated[str, typer.Option("--layout", help="Of memory files: chw, hwc or pe.")]
_Bits = Annotated[int, typer.Option("--bits", help="Width of a value in memory files: 16 or 8.")]
_Lanes = Annotated[
    int, typer.Option("--lanes", min=0, help="Values of a word; the array's for --layout pe.")
]
_LaneOrder = Annotated[str, typer.Option("--lane-order", help="First value: little or big end.")]
_Array = Annotated[str, typer.Option(help="Input lanes x output lanes, such as 16x16.")]
_Layer = Annotated[str, typer.Option(help="On the RTL: this layer alone.")]
_Tiles = Annotated[str, typer.Option(help="On the RTL: at most so many tiles of each layer.")]
_Sim = Annotated[str, typer.Option("--sim", help="On the RTL: verilator or icarus.")]
_Verilator = Annotated[str, typer.Option(help="Verilator 5.036 or later.")]
_Bug = Annotated[str, typer.Option(help="On the RTL: break the design with this bug.")]

GivenDump = Path | dict[str, Path]
"""A dump's file or folder, or its files by layer."""
EXIT_WRONG = 1
DEFAULT_ARRAY = "16x16"


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """What network, picture and layout of memory a dump belongs to."""

    numerics: NumericOptions
    model: Path | None
    image: Path | None
    size: str | None
    fit: str
    retune: str
    memory: Layout

    def network(self, console: Console) -> tuple[Network, dict[str, Any]]:
        """The network in integers, and what JSON says of it."""
        from tb.commands.inference.infer import integer_network

        files = common.find_model(self.model, console)
        size = common.choose_size(self.size, files, console)
        return integer_network(files, self.numerics, size, self.retune, console)

    def read(self, given: GivenDump, network: Network) -> tuple[Dump, str]:
        """A dump and what to call it."""
        from golden.study.dumps.memory_dump import read_run

        text = str(given) if isinstance(given, Path) else ", ".join(map(str, given.values()))
        return read_run(given, network.shapes(), self.memory), text


def bisect(
    given: _Given = None,
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
    retune: common.RetuneOption = "shipped",
    layout: _Order = "chw",
    bits: _Bits = 16,
    lanes: _Lanes = 0,
    lane_order: _LaneOrder = "little",
    array: _Array = "",
    layer: _Layer = "",
    tiles: _Tiles = "",
    simulator: _Sim = "verilator",
    verilator: _Verilator = "",
    seed: common.Seed = 1,
    bug: _Bug = "",
    json: common.Json = None,
) -> None:
    """Find the layers that make wrong values of right inputs, in a dump or on the RTL."""
    from golden.study.dumps.memory_dump import Layout

    console = new_console()
    numerics = NumericOptions(
        number_format, mode, slope, place, pool_pad, act_w=act_bits, weight_w=weight_bits
    )
    per_word = lanes or (parse_array(array or DEFAULT_ARRAY)[1] if layout == "pe" else 1)
    memory = Layout(layout, bits, per_word, lane_order)
    chosen = DumpOptions(numerics, model, image, size, fit, retune, memory)
    dumps = _dumps(given or [])
    if not dumps:
        if (act_bits, weight_bits) != (16, 16):
            raise ConfigError("the RTL is run with 16 bits: give a dump for --act-bits 8")
        options = SimOptions(
            layer=layer,
            tiles=parse_natural("--tiles", tiles) if tiles else None,
            mode=mode.value,
            format=number_format.value,
            slope=slope.value,
            leaky_place=place.value,
            pool_pad=pool_pad.value,
            array=array,
            size=NOT_GIVEN if size is None else parse_size(size, "--size"),
            image=image,
            fit=fit,
            model=model,
            retune="" if retune == "shipped" else retune,
            sim=simulator,
            verilator=verilator,
            seed=seed,
            bug=bug,
        )
        wrong = _on_rtl(options, json, console)
    elif layer or tiles or bug:
        raise ConfigError("--layer, --tiles and --bug are for the RTL: give them without a dump")
    elif len(dumps) == 1:
        wrong = _in_dump(dumps[0], chosen, json, console)
    else:
        wrong = _two_dumps(dumps, chosen, json, console)
    if wrong:
        raise typer.Exit(EXIT_WRONG)


def _dumps(given: list[str]) -> list[GivenDump]:
    """The dumps that the arguments name.

    Raises
    ------
    ConfigError
        More than two, or files by name beside others.
    """
    named = {
        name: Path(path)
        for name, equals, path in (text.partition("=") for text in given)
        if equals and not Path(f"{name}={path}").exists()
    }
    if named and len(named) == len(given):
        return [named]
    if named or len(given) > 2:
        raise ConfigError("give one dump, two to compare, or files as LAYER=FILE alone")
    return [Path(text) for text in given]


def _in_dump(given: GivenDump, chosen: DumpOptions, json: Path | None, console: Console) -> bool:
    """Find the wrong layers of one dump; True where there is one."""
    from golden.config import InputError
    from golden.graph.layers import IMAGE
    from golden.study.dumps.bisection import WRONG, conclusion, fit_to, layer_verdicts
    from golden.vision.images import default_image
    from tb.commands.inference.bisect_report import verdict_table
    from tb.commands.inference.infer import read_picture

    network, facts = chosen.network(console)
    dump, text = chosen.read(given, network)
    try:
        actual = fit_to(network, dump)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None
    picture = None
    if IMAGE not in actual:
        path = chosen.image or default_image()
        picture = read_picture(network, path, chosen.fit)
        echo(console, f"no image is in the dump: golden starts from {path.name}")
    elif chosen.image is not None:
        raise ConfigError(f"--image {chosen.image}: the dump has its own image")
    layers: list[LayerVerdict] = []
    with common.counted_steps(console, "layers", len(network.nodes)) as advance:
        for layer in layer_verdicts(network, actual, picture):
            layers.append(layer)
            advance()
    print_whole(verdict_table(text, layers), console)
    echo(console, conclusion(layers))
    document = {
        "kind": "dump",
        "dump": text,
        **facts,
        "conclusion": conclusion(layers),
        "layers": layers,
    }
    write_json(json, document, console)
    return any(layer.verdict in WRONG for layer in layers)


def _two_dumps(
    given: list[GivenDump], chosen: DumpOptions, json: Path | None, console: Console
) -> bool:
    """Compare two dumps to the bit; True where they differ."""
    from golden.config import InputError
    from golden.study.dumps.comparison import equality, only_in
    from golden.study.dumps.dump import read_dump
    from tb.commands.inference.bisect_report import equality_table

    paths = [path for path in given if isinstance(path, Path)]
    if all(path.suffix == ".npz" for path in paths):
        dumps = [read_dump(path) for path in paths]
    else:
        network, _ = chosen.network(console)
        dumps = [chosen.read(path, network)[0] for path in paths]
    reference, other = dumps
    try:
        layers = equality(reference, other)
    except InputError as error:
        raise InputError(f"{paths[0]} and {paths[1]}: {error}") from None
    print_whole(equality_table(f"{paths[1]} beside {paths[0]}", layers), console)
    wrong = [layer for layer in layers if layer.wrong]
    first = f"the first that differs is {wrong[0].name}" if wrong else "all are equal to the bit"
    echo(console, f"{len(layers)} layers compared, {first}")
    only = only_in(reference, other), only_in(other, reference)
    common.write_comparison((paths[0], paths[1]), only, layers, json, console)
    return bool(wrong)


def _on_rtl(options: SimOptions, json: Path | None, console: Console) -> bool:
    """Run the layers on the RTL, each on the reference model's inputs; True where one is wrong."""
    from golden.study.dumps.bisection import WRONG, Verdict, conclusion
    from tb.commands.inference.bisect_report import verdict_table, verdicts
    from tb.console import shown
    from tb.flows.sim.isolated_layers import run_layers

    with progress(console) as bar:
        task = bar.add_task("starting", total=None)

        def print_line(text: str) -> None:
            bar.update(task, description=text)
            if not console.is_terminal:
                echo(console, text)

        run = run_layers(
            options, print_line, lambda done, jobs: bar.update(task, completed=done, total=jobs)
        )
    layers = verdicts(run)
    title = f"each layer on the reference model's inputs, {options.lanes} array, {options.sim}"
    print_whole(verdict_table(title, layers), console)
    echo(console, conclusion(layers))
    wrong = any(layer.verdict in WRONG for layer in layers)
    own = [layer.name for layer in layers if layer.verdict is Verdict.OWN_FAULT]
    replays = {name: line for name in own if (line := run.replay(name))}
    for line in replays.values():
        echo(console, f"replay: {line}")
    if wrong and run.actual:
        echo(console, f"the outputs of the RTL are in {shown(run.tensors)}")
    document = {
        "kind": "rtl",
        "simulator": options.sim,
        "array": options.lanes,
        "conclusion": conclusion(layers),
        "layers": [{**asdict(layer), "replay": replays.get(layer.name)} for layer in layers],
    }
    write_json(json, document, console)
    if not wrong:
        run.tidy()
    return wrong
