"""The command ``convpe``: each command's module is imported when the command is run."""

from __future__ import annotations

import inspect
import shlex
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperGroup

from golden.config import ConfigError, InputError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
FLOWS: Final = ("sim", "fuzz", "bench")
"""Commands that report an interruption themselves."""
RUNS = Path(__file__).parent.parent / "build" / "sim"


class Command(NamedTuple):
    """A command.

    Parameters
    ----------
    function : str
        ``module:function``; of a target of make the function that runs its options.
    help : str
        The first paragraph of the function's docstring.
    options : str
        Of a target of make: ``module:class`` of the variables that it takes.
    settings : dict, optional
        For typer.
    """

    function: str
    help: str
    options: str = ""
    settings: dict[str, Any] | None = None


COMMANDS: Final = {
    "sim": Command(
        "tb.flows.sim.command:simulate",
        "Run real tensors through the RTL and compare every value (``make sim``).",
        "tb.flows.sim.options:SimOptions",
    ),
    "fuzz": Command(
        "tb.flows.fuzz.command:fuzz",
        "Run random jobs and shrink the first that fails (``make fuzz``).",
        "tb.flows.fuzz.options:FuzzOptions",
    ),
    "bench": Command(
        "tb.flows.benchmark.command:bench_parts",
        "Measure how fast the simulation and the reference model are (``make bench``).",
        "tb.flows.benchmark.options:BenchOptions",
    ),
    "synth-check": Command(
        "tb.flows.synth.command:synth",
        "Map the RTL to an FPGA with yosys and check the circuit (``make synth-check``).",
    ),
    "model": Command(
        "tb.commands.inspection.model:model",
        "Read a model, name what is wrong with it, and print modules, shapes and MACs.",
    ),
    "inspect": Command(
        "tb.commands.inspection.inspect:inspect",
        "Show a network's modules with shapes, parameters and MACs, and a file's tensors.",
    ),
    "fuse": Command(
        "tb.commands.quantization.fuse:fuse",
        "Fold batch normalisation, and compare each layer's output with the unfolded network's.",
    ),
    "preprocess": Command(
        "tb.commands.quantization.preprocess:preprocess",
        "Fit a picture to the network, quantise it, and show its integers.",
    ),
    "distributions": Command(
        "tb.commands.inspection.distributions:distributions",
        "Measure how weights and each layer's input and output are distributed over pictures.",
    ),
    "quantize": Command(
        "tb.commands.quantization.quantize:quantize",
        "Quantise weights and picture; save the model as it came, raw integers, and hex.",
    ),
    "infer": Command(
        "tb.commands.inference.infer:infer",
        "Run the integer network bit by bit as the hardware does, and show every layer.",
    ),
    "multiply": Command(
        "tb.commands.quantization.multiply:multiply",
        "Multiply two numbers in Q7.8 as the PE does, in each mode, and show every bit.",
        # An operand such as -1.5 is no option.
        settings={"ignore_unknown_options": True},
    ),
    "errors": Command(
        "tb.commands.accuracy.errors:errors",
        "Measure each layer's error: the integer network against the float one, or two dumps.",
    ),
    "conv-error": Command(
        "tb.commands.quantization.conv_error:conv_error",
        "Convolve numbers uniform in -1 to +1 in Q7.8, and measure the error against float64.",
    ),
    "perturb": Command(
        "tb.commands.accuracy.perturb:perturb",
        "Add uniform noise behind layers: the error layer by layer, and the boxes lost and new.",
    ),
    "detect": Command(
        "tb.commands.accuracy.detect:detect",
        "Find objects with the float network and with quantised ones, and compare the boxes.",
    ),
    "map": Command(
        "tb.commands.accuracy.mean_precision:mean_precision",
        "Measure mAP50 on annotated pictures (VOC layout), float and quantised.",
    ),
    "retune": Command(
        "tb.commands.quantization.retune:retune",
        "Tune a network trained for slope 0.1 to the hardware's, without labels.",
    ),
    "facenet": Command(
        "tb.commands.accuracy.facenet:facenet",
        "Compare FaceNet in integers with FaceNet in floats: six formats, block by block.",
    ),
    "digits": Command(
        "tb.commands.digits:digits",
        "Train a network of handwritten digits, run it on the RTL, and compare accuracies.",
    ),
    "extract": Command(
        "tb.commands.inspection.extract:extract",
        "Write each layer's parameters: floats, 8-bit codes for $readmemb and $readmemh, "
        "manifests.",
    ),
    "show": Command(
        "tb.commands.inspection.show:show",
        "Print a tensor's values before and after 8 bits with codes, errors and histograms.",
    ),
    "trace": Command(
        "tb.commands.trace:trace",
        "Print what a stage of the PE did, with tensor coordinates, from a wave file.",
    ),
    "bisect": Command(
        "tb.commands.inference.bisect:bisect",
        "Find the layers that are wrong on their own account, in a dump or on the RTL.",
    ),
}


def load(place: str) -> Any:
    """Import ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _flow(command: Command) -> Callable[..., None]:
    """The function that typer calls for a target of make: its options are the variables."""
    from tb.flows.variables import read_options, variables

    options_kind = load(command.options)

    def flow(words: list[str] | None, **options: Any) -> None:
        chosen = read_options(options_kind, options, words or ())
        try:
            from rich.console import Console

            run = load(command.function)
        except KeyboardInterrupt:
            code = _refused("interrupted", "interrupted before the run began", EXIT_INTERRUPTED)
            raise typer.Exit(code) from None
        raise typer.Exit(run(chosen, Console()))

    words = Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="As for make.")
    ]
    parameters = [_parameter("words", words, None)]
    for each in variables(options_kind):
        text = each.text.replace("`", "")
        option = typer.Option(*each.options, help=text, show_default=False)
        kind = bool if each.flag else str | None
        parameters.append(
            _parameter(each.field, Annotated[kind, option], each.default if each.flag else None)
        )
    flow.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return flow


def _parameter(name: str, annotation: Any, default: bool | None) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


class LazyGroup(TyperGroup):
    """The commands; one is imported when it is called, not when they are listed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the words name, with what it takes."""
        name, _, rest = super().resolve_command(ctx, args)
        command = COMMANDS[str(name)]
        function = _flow(command) if command.options else load(command.function)
        one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        one.command(name, help=command.help, context_settings=command.settings)(function)
        return name, typer.main.get_command(one), rest


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A Verilog convolution PE, run on real networks and compared with its reference model.",
)
for _name, _command in COMMANDS.items():
    app.command(_name, help=_command.help)(lambda: None)


def main() -> None:
    """Run the command; what its user can mend is one line, not a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
        if code == EXIT_INTERRUPTED and not set(sys.argv[1:2]) & set(FLOWS):
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
    if sys.argv[1:2] != ["sim"]:
        return code  # the report is of ``sim``
    from tb.flows.sim.refusal import publish_refusal

    command = shlex.join(["convpe", *sys.argv[1:]])
    try:
        publish_refusal(RUNS, kind, line, command)
    except OSError as error:
        print(f"convpe: the report cannot be written: {error}", file=sys.stderr)
    return code
