"""The command ``convpe``: each command's module is imported when the command is run."""

from __future__ import annotations

import ast
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
from tb.toolchain import environment

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
FLOWS: Final = ("sim", "fuzz", "bench")
"""Commands that report an interruption themselves."""
ROOT: Final = Path(__file__).parents[1]
RUNS = ROOT / "build" / "sim"


class Command(NamedTuple):
    """A command: ``module:function``, whose docstring is its help.

    Parameters
    ----------
    function : str
        Of a target of make the function that runs its options.
    options : str
        Of a target of make: ``module:class`` of the variables that it takes.
    early : str
        Of a target of make: ``module:function`` that refuses options before anything slow is
        imported.
    settings : dict, optional
        For typer.
    """

    function: str
    options: str = ""
    early: str = ""
    settings: dict[str, Any] | None = None


COMMANDS: Final = {
    "sim": Command(
        "tb.flows.sim.command:simulate",
        "tb.flows.sim.options:SimOptions",
        early="tb.flows.early:check_sim",
    ),
    "fuzz": Command("tb.flows.fuzz.command:fuzz", "tb.flows.fuzz.options:FuzzOptions"),
    "bench": Command(
        "tb.flows.benchmark.command:bench_parts", "tb.flows.benchmark.options:BenchOptions"
    ),
    "synth-check": Command("tb.flows.synth.command:synth"),
    "model": Command("tb.commands.inspection.model:model"),
    "inspect": Command("tb.commands.inspection.inspect:inspect"),
    "fuse": Command("tb.commands.quantization.fuse:fuse"),
    "preprocess": Command("tb.commands.quantization.preprocess:preprocess"),
    "distributions": Command("tb.commands.inspection.distributions:distributions"),
    "quantize": Command("tb.commands.quantization.quantize:quantize"),
    "infer": Command("tb.commands.inference.infer:infer"),
    # An operand such as -1.5 is no option.
    "multiply": Command(
        "tb.commands.quantization.multiply:multiply", settings={"ignore_unknown_options": True}
    ),
    "errors": Command("tb.commands.accuracy.errors:errors"),
    "conv-error": Command("tb.commands.quantization.conv_error:conv_error"),
    "perturb": Command("tb.commands.accuracy.perturb:perturb"),
    "detect": Command("tb.commands.accuracy.detect:detect"),
    "map": Command("tb.commands.accuracy.mean_precision:mean_precision"),
    "retune": Command("tb.commands.quantization.retune:retune"),
    "facenet": Command("tb.commands.accuracy.facenet:facenet"),
    "digits": Command("tb.commands.digits:digits"),
    "extract": Command("tb.commands.inspection.extract:extract"),
    "show": Command("tb.commands.inspection.show:show"),
    "trace": Command("tb.commands.trace:trace"),
    "bisect": Command("tb.commands.inference.bisect:bisect"),
}


def load(place: str) -> Any:
    """Import ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def summary(place: str) -> str:
    """The first paragraph of a function's docstring, read from its source without importing it."""
    module, _, name = place.partition(":")
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    (text,) = (ast.get_docstring(node) or "" for node in functions if node.name == name)
    return " ".join(text.partition("\n\n")[0].split())


def _flow(command: Command) -> Callable[..., None]:
    """The function that typer calls for a target of make: its options are the variables."""
    from tb.flows.variables import read_options, variables

    options_kind = load(command.options)

    def flow(words: list[str] | None, **options: Any) -> None:
        chosen = read_options(options_kind, options, words or ())
        try:
            if command.early:
                load(command.early)(chosen)
            from tb.console import new_console

            run = load(command.function)
        except KeyboardInterrupt:
            code = _refused("interrupted", "interrupted before the run began", EXIT_INTERRUPTED)
            raise typer.Exit(code) from None
        except InputError as error:
            line = " ".join(str(error).split())
            _publish("setup", line)
            sys.stdout.write(f"FAILED  setup: {line}\n")
            raise typer.Exit(EXIT_FAILED) from None
        raise typer.Exit(run(chosen, new_console()))

    words = Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="As for make.")
    ]
    parameters = [_parameter("words", words)]
    for each in variables(options_kind):
        text = each.text.replace("`", "")
        option = typer.Option(*each.options, help=text, show_default=False)
        kind = bool if each.flag else str
        parameters.append(_parameter(each.field, Annotated[kind | None, option]))
    flow.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return flow


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


class LazyGroup(TyperGroup):
    """The commands; one is imported when it is called, not when they are listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands, and fill in what each does."""
        for name, stub in self.commands.items():
            stub.help = summary(COMMANDS[name].function)
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the words name, with what it takes."""
        name, _, rest = super().resolve_command(ctx, args)
        command = COMMANDS[str(name)]
        function = _flow(command) if command.options else load(command.function)
        one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        text = summary(command.function)
        one.command(name, help=text, context_settings=command.settings)(function)
        return name, typer.main.get_command(one), rest


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A Verilog convolution PE, run on real networks and compared with its reference model.",
)
for _name in COMMANDS:
    app.command(_name)(lambda: None)


def main() -> None:
    """Run the command; what its user can mend is one line, not a traceback."""
    environment.settle()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # it is not under nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
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
    from golden.importers.text import printable

    line = printable(" ".join(message.split()))
    print(f"convpe: {line}", file=sys.stderr)
    _publish(kind, line)
    return code


def _publish(kind: str, line: str) -> None:
    """Leave a red report of a run of ``sim`` that was refused."""
    if sys.argv[1:2] != ["sim"]:
        return
    from tb.flows.sim.refusal import publish_refusal

    command = shlex.join(["convpe", *sys.argv[1:]])
    try:
        publish_refusal(RUNS, kind, line, command)
    except OSError as error:
        print(f"convpe: the report cannot be written: {error}", file=sys.stderr)
