"""The command ``convpe extract``: a model's parameters as floats and 8-bit codes, in files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.arithmetic.sm8 import Best, Sm8Mode
from golden.config import ConfigError, first_few
from tb.commands import common
from tb.console import echo, new_console, write_json

if TYPE_CHECKING:
    from golden.study.parameters.coding import Choice
    from golden.study.parameters.model_parameters import Parameter, ParameterFile

Fraction = Annotated[int | None, typer.Option("--n", help="Fraction bits of every tensor, 0 to 7.")]
Rule = Annotated[
    Best | None,
    typer.Option(
        help="Fraction bits of each tensor: by least squared error, or with nothing clamped."
    ),
]
FractionOf = Annotated[
    list[str] | None,
    typer.Option("--n-of", help="Fraction bits of tensors by name: '*/beta=5'; repeatable."),
]
Rounding = Annotated[
    Sm8Mode, typer.Option("--mode", help="Magnitudes cut and never zero, or rounded.")
]
Fold = Annotated[
    bool, typer.Option("--fold", help="Fold batch normalisation into the weights before it.")
]
Epsilon = Annotated[
    float | None,
    typer.Option(min=0, help="What folding adds to a variance; the network's own unless given."),
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Only tensors by name: '*/Block8/*'; repeatable.")
]
_File = Annotated[
    Path,
    typer.Argument(
        help="TensorFlow checkpoint (prefix or .index), .pth, .pt, .safetensors or .weights."
    ),
]
_Target = Annotated[Path, typer.Argument(help="Folder that takes the files.")]
_Force = Annotated[bool, typer.Option("--force", help="Replace an earlier extraction.")]


def extract(
    file: _File,
    out: _Target,
    n: Fraction = None,
    best: Rule = None,
    n_of: FractionOf = None,
    mode: Rounding = Sm8Mode.REFERENCE,
    fold: Fold = False,
    epsilon: Epsilon = None,
    only: Only = None,
    force: _Force = False,
    json: common.Json = None,
) -> None:
    """Write each layer's parameters: floats, 8-bit codes for $readmemb and $readmemh, manifests."""
    console = new_console()
    from golden.study.parameters import extraction

    choice = choose(n, best, n_of, mode)
    extraction.check_target(out, force)
    source, parameters, left = read(file, fold, epsilon, only, n_of)
    about = {**chosen(n, best, n_of), "folded": fold, "not_folded": list(left)}
    with common.counted_steps(console, "coding", len(parameters)) as advance:
        manifest = extraction.extract(
            source, parameters, out, choice, about, force, others=not only, step=advance
        )
    _show(manifest, console)
    echo(console, f"wrote {out / extraction.MANIFEST}")
    write_json(json, {"out": str(out), "manifest": manifest}, console)


def choose(n: int | None, best: Best | None, given: list[str] | None, mode: Sm8Mode) -> Choice:
    """Turn options into the choice of fraction bits.

    Raises
    ------
    ConfigError
        If they contradict each other, or one is out of range.
    """
    from golden.study.parameters.coding import Choice, parse_given

    if n is not None and best is not None:
        raise ConfigError("give --n or --best, not both")
    return Choice(mode, n, best or Best.MSE, parse_given(given or ()))


def chosen(n: int | None, best: Best | None, given: list[str] | None) -> dict[str, Any]:
    """What JSON says of the choice of fraction bits."""
    rule = None if n is not None else (best or Best.MSE).value
    return {"fraction_bits": n, "best": rule, "fraction_bits_of": list(given or ())}


def read(
    file: Path,
    fold: bool,
    epsilon: float | None,
    only: list[str] | None,
    given: list[str] | None,
) -> tuple[ParameterFile, tuple[Parameter, ...], tuple[str, ...]]:
    """Read a model file; return its parameters, those wanted, and layers left unfolded.

    Raises
    ------
    InputError
        If the file cannot be used.
    ConfigError
        If a pattern matches no tensor, or there is an epsilon but nothing is folded.
    """
    from golden.study.parameters.coding import check_patterns, select
    from golden.study.parameters.model_parameters import read_parameters
    from golden.study.parameters.parameter_fold import fold_parameters

    if epsilon is not None and not fold:
        raise ConfigError("--epsilon is of folding: give --fold too")
    source = read_parameters(file)
    parameters, left = fold_parameters(source, epsilon) if fold else (source.parameters, ())
    patterns = [text.rpartition("=")[0] for text in given or ()]
    check_patterns(parameters, patterns)
    return source, select(parameters, only or ()), left


def _show(manifest: dict[str, Any], console: Console) -> None:
    """Say what was written, and what it cost."""
    totals, source = manifest["totals"], manifest["source"]
    tensors = [tensor for layer in manifest["layers"] for tensor in layer["tensors"]]
    name = "FaceNet" if source["facenet"] else source["kind"]
    echo(console, f"{name}: {totals['tensors']} tensors of {len(manifest['layers'])} layers")
    if manifest["not_folded"]:
        words = "batch normalisation not folded, no weights before it by name"
        echo(console, f"{words}: {first_few(manifest['not_folded'])}")
    if manifest["others"]:
        names = [other["name"] for other in manifest["others"]]
        echo(console, f"kept as they are, no part of a layer: {first_few(names)}")
    bits = Counter(tensor["fraction_bits"] for tensor in tensors)
    counts = ", ".join(f"{n}: {bits[n]}" for n in sorted(bits))
    echo(console, f"{manifest['mode']}, tensors by fraction bits: {counts}")
    worst = max(tensors, key=lambda tensor: tensor["max_error"])
    echo(console, totals_line(totals))
    echo(console, f"largest error {worst['max_error']:.3g} ({worst['name']})")


def totals_line(totals: dict[str, Any]) -> str:
    """Sizes, errors and clamped shares of many tensors in a line."""
    return (
        f"{totals['bytes_before']:,} bytes of floats, {totals['bytes_after']:,} of codes, "
        f"{totals['compression']:.2f} to 1; rms error {totals['rms_error']:.3g}; clamped "
        f"{totals['high_share']:.2%} high, {totals['low_share']:.2%} low"
    )
