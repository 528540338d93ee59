"""The command ``convpe``."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from golden.config import ConfigError, InputError
from tb.choices import choose, parse_natural
from tb.commands.accuracy.detect import detect
from tb.commands.accuracy.errors import errors
from tb.commands.accuracy.facenet import facenet
from tb.commands.accuracy.mean_precision import mean_precision
from tb.commands.accuracy.perturb import perturb
from tb.commands.digits import digits
from tb.commands.inference.bisect import bisect
from tb.commands.inference.infer import infer
from tb.commands.inspection.distributions import distributions
from tb.commands.inspection.extract import extract
from tb.commands.inspection.inspect import inspect
from tb.commands.inspection.model import model
from tb.commands.inspection.show import show
from tb.commands.quantization.conv_error import conv_error
from tb.commands.quantization.fuse import fuse
from tb.commands.quantization.multiply import SETTINGS as MULTIPLY_SETTINGS
from tb.commands.quantization.multiply import multiply
from tb.commands.quantization.preprocess import preprocess
from tb.commands.quantization.quantize import quantize
from tb.commands.quantization.retune import retune
from tb.commands.trace import trace
from tb.flows.sim.options import NET_SIZE, SimOptions

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
SAY_IT_THEMSELVES = (["sim"], ["fuzz"], ["bench"])
"""Commands that tell an interruption in their own words."""
RUNS = Path(__file__).parent.parent / "build" / "sim"
RTL = Path(__file__).parent.parent / "rtl"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A Verilog convolution PE, run on real networks and compared with its golden model.",
)


@app.command()
def sim(
    net: Annotated[str, typer.Option(help="yolov3-tiny, facenet or digits.")] = "yolov3-tiny",
    layer: Annotated[str, typer.Option(help="Only this layer, such as conv4.")] = "",
    from_layer: Annotated[str, typer.Option("--from", help="This layer and all after it.")] = "",
    tiles: Annotated[str, typer.Option(help="At most so many tiles of each layer.")] = "",
    job: Annotated[str, typer.Option(help="Only this job of the layer, or these: 3-5.")] = "",
    mode: Annotated[str, typer.Option(help="full, cut_floor or cut_round.")] = "full",
    number_format: Annotated[
        str, typer.Option("--format", help="per_layer or q7.8.")
    ] = "per_layer",
    weight_bits: Annotated[str, typer.Option(help="Width of a weight: 16 or 8.")] = "16",
    act_bits: Annotated[str, typer.Option(help="Width of an activation: 16 or 8.")] = "16",
    weight_format: Annotated[str, typer.Option(help="integer or sm8.")] = "integer",
    slope: Annotated[str, typer.Option(help="1/8 or 13/128.")] = "1/8",
    leaky_place: Annotated[
        str, typer.Option(help="after_requant or before_requant.")
    ] = "after_requant",
    pool_pad: Annotated[str, typer.Option(help="minus_inf or zero.")] = "minus_inf",
    array: Annotated[str, typer.Option(help="Input lanes x output lanes, such as 16x16.")] = "",
    size: Annotated[str, typer.Option(help="Rows and columns; the network's own.")] = "",
    clock: Annotated[str, typer.Option(help="For frames a second, such as 200MHz.")] = "200MHz",
    image: Annotated[Path | None, typer.Option(help="Picture file.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of pictures, a frame each.")] = None,
    fit: Annotated[str, typer.Option(help="letterbox or plain.")] = "letterbox",
    model: Annotated[
        Path | None, typer.Option(help="Weights: a Darknet file, a checkpoint, a manifest.json.")
    ] = None,
    retune: Annotated[str, typer.Option(help="Retuning patch: shipped, none or a file.")] = "",
    simulator: Annotated[str, typer.Option("--sim", help="verilator or icarus.")] = "verilator",
    verilator: Annotated[str, typer.Option(help="Verilator 5.036 or later.")] = "",
    seed: Annotated[str, typer.Option(help="Integer that repeats every random choice.")] = "1",
    diagnose: Annotated[
        bool, typer.Option(help="Look into the first job that fails, and record its waves.")
    ] = True,
    waves: Annotated[
        bool, typer.Option("--waves", help="The same for the first job where none fails.")
    ] = False,
    window: Annotated[str, typer.Option(help="Cycles that the waves cover.")] = "",
    inject: Annotated[str, typer.Option(help="A fault: expected, rtl or stream.")] = "",
    bug: Annotated[str, typer.Option(help="Which fault --inject rtl puts in.")] = "",
) -> None:
    """Run real tensors through the RTL and compare every value (``make sim``)."""
    options = SimOptions(
        net=net,
        layer=layer,
        from_layer=from_layer,
        tiles=parse_natural("TILES", tiles) if tiles else None,
        job=job,
        mode=mode,
        format=number_format,
        weight_bits=parse_natural("WEIGHT_BITS", weight_bits),
        act_bits=parse_natural("ACT_BITS", act_bits),
        weight_format=weight_format,
        slope=slope,
        leaky_place=leaky_place,
        pool_pad=pool_pad,
        array=array,
        size=parse_natural("SIZE", size) if size else NET_SIZE,
        clock=clock,
        image=image,
        images=images,
        fit=fit,
        model=model,
        retune=retune,
        sim=simulator,
        verilator=verilator,
        seed=parse_natural("SEED", seed),
        diagnose=diagnose,
        waves=waves,
        window=parse_natural("WINDOW", window) if window else None,
        inject=inject,
        bug=bug,
    )
    try:
        from tb.flows.sim.command import simulate
    except KeyboardInterrupt:
        code = _refused("interrupted", "interrupted before the run began", EXIT_INTERRUPTED)
        raise typer.Exit(code) from None
    raise typer.Exit(simulate(options, Console()))


@app.command()
def fuzz(
    jobs: Annotated[str, typer.Option("--jobs", "-n", help="How many jobs.")] = "200",
    seed: Annotated[str, typer.Option(help="Of the first job; the others follow.")] = "1",
    simulator: Annotated[str, typer.Option("--sim", help="verilator or icarus.")] = "verilator",
    array: Annotated[str, typer.Option(help="Input lanes x output lanes.")] = "4x4",
    replay: Annotated[Path | None, typer.Option(help="Run folder to run again.")] = None,
    verilator: Annotated[str, typer.Option(help="Verilator 5.036 or later.")] = "",
    diagnose: Annotated[bool, typer.Option(help="Look into the job that fails.")] = True,
) -> None:
    """Run random jobs and shrink the first that fails (``make fuzz``)."""
    from tb.flows.fuzz.command import fuzz as run
    from tb.flows.fuzz.options import FuzzOptions, parse_count

    options = FuzzOptions(
        jobs=parse_count(jobs),
        seed=parse_natural("SEED", seed),
        sim=simulator,
        array=array,
        replay=replay,
        verilator=verilator,
        diagnose=diagnose,
    )
    raise typer.Exit(run(options, Console()))


@app.command()
def bench(
    part: Annotated[str, typer.Option(help="sim or golden alone; both by default.")] = "",
    verilator: Annotated[str, typer.Option(help="Verilator 5.036 or later.")] = "",
) -> None:
    """Measure how fast the simulation and the golden model are (``make bench``)."""
    if part:
        choose("PART", part, ("sim", "golden"))
    code = 0
    if part != "golden":
        from tb.flows.benchmark.command import bench as run
        from tb.flows.benchmark.plan import measurements

        code = run(Console(), measurements(verilator), verilator)
    if part != "sim" and code != EXIT_INTERRUPTED:
        from tb.flows.benchmark.golden_speed import bench_golden

        code = bench_golden(Console()) or code
    raise typer.Exit(code)


@app.command("synth-check")
def synth_check(
    rtl: Annotated[Path, typer.Option(help="Folder of the Verilog.")] = RTL,
) -> None:
    """Map the RTL to an FPGA with yosys and check the circuit (``make synth-check``)."""
    from tb.flows.synth.command import synth_check as run

    raise typer.Exit(run(Console(), rtl))


app.command("model")(model)
app.command("inspect")(inspect)
app.command("fuse")(fuse)
app.command("preprocess")(preprocess)
app.command("distributions")(distributions)
app.command("quantize")(quantize)
app.command("infer")(infer)
app.command("multiply", context_settings=MULTIPLY_SETTINGS)(multiply)
app.command("errors")(errors)
app.command("conv-error")(conv_error)
app.command("perturb")(perturb)
app.command("detect")(detect)
app.command("map")(mean_precision)
app.command("retune")(retune)
app.command("facenet")(facenet)
app.command("digits")(digits)
app.command("extract")(extract)
app.command("show")(show)
app.command("trace")(trace)
app.command("bisect")(bisect)


def main() -> None:
    """Run the command; what its user can mend is one line, not a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
        if code == EXIT_INTERRUPTED and sys.argv[1:2] not in SAY_IT_THEMSELVES:
            code = _refused("interrupted", "interrupted", code)
    except (ConfigError, InputError) as error:
        code = _refused("setup", str(error), EXIT_USAGE)
    except OSError as error:
        code = _refused("setup", _words(error), EXIT_FAILED)
    except typer.Abort:  # in some versions of typer
        code = _refused("interrupted", "interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        # typer has these errors from another library in some versions, and its own in others.
        if not hasattr(error, "format_message"):
            raise
        if message := error.format_message():
            code = _refused("setup", message, EXIT_USAGE)
        else:
            code = EXIT_USAGE  # no arguments: the help was shown
    sys.exit(code)


def _words(error: OSError) -> str:
    """What the system refused, and of which file."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _refused(kind: str, message: str, code: int) -> int:
    """Say in one line what is wrong, leave a red report of it, and return `code`."""
    line = " ".join(message.split())
    print(f"convpe: {line}", file=sys.stderr)
    if sys.argv[1:2] != [sim.__name__]:
        return code  # the report is of ``sim``
    from tb.flows.sim import report

    command = shlex.join(["convpe", *sys.argv[1:]])
    try:
        report.publish_refusal(RUNS, kind, line, command)
    except OSError as error:
        print(f"convpe: the report cannot be written: {error}", file=sys.stderr)
    return code
