"""The command ``convpe digits``: a small network from torch to the RTL, and its accuracies."""

from __future__ import annotations

import json as json_text
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

from golden.config import ConfigError
from tb.commands.common import ActWidth, Json, Out, Seed, WeightWidth
from tb.console import echo, new_console, print_whole, progress, write_json
from tb.flows.sim.options import SimOptions

if TYPE_CHECKING:
    import torch

    from golden.graph.float_conv import FloatConv
    from golden.networks.digits.samples import Samples

Digits = npt.NDArray[np.int64]
OUT: Final = Path("build/digits")
MODEL: Final = "lenet.safetensors"
RUNS: Final = "sim"
"""Folder of the simulations."""
ARRAY: Final = "8x8"

_Simulated = Annotated[
    int, typer.Option("--pictures", min=0, help="Test pictures that the RTL reads; all by default.")
]
_Array = Annotated[str, typer.Option(help="Input lanes x output lanes.")]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one implementation reads."""

    by: str
    """The implementation."""
    right: int
    pictures: int
    """Pictures read right, of how many."""
    changed: int | None
    """Pictures that torch reads differently; None for torch itself."""

    @property
    def accuracy(self) -> float:
        """Share of the pictures read right."""
        return self.right / self.pictures


def digits(
    pictures: _Simulated = 360,
    array: _Array = ARRAY,
    seed: Seed = 1,
    act_bits: ActWidth = 16,
    weight_bits: WeightWidth = 16,
    out: Out = OUT,
    json: Json = None,
) -> None:
    """Train a network of handwritten digits, run it on the RTL, and compare accuracies."""
    from golden.networks.digits.build import convs_of
    from golden.networks.digits.samples import load_samples, write_pictures

    console = new_console()
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: give a folder")
    folder = out / f"pictures-{pictures}"
    options = SimOptions(
        net="digits",
        images=folder,
        model=out / MODEL,
        array=array,
        act_bits=act_bits,
        weight_bits=weight_bits,
    )
    kept = load_samples()[1]
    shown = kept.first(pictures)
    if pictures:
        _check_alone(write_pictures(shown, folder))
    convs = convs_of(_trained(seed, out / MODEL, console))
    floats, readings = _without_rtl(convs, options, kept)
    code = 0
    if pictures:
        code, seen = _simulated(options, out / RUNS, console)
        if code == 0:
            readings.append(_reading("RTL", seen, floats[: len(seen)], shown))
    _show(readings, console)
    document = {
        "model": str(out / MODEL),
        "seed": seed,
        "act_bits": act_bits,
        "weight_bits": weight_bits,
        "array": array,
        "readings": [{**asdict(each), "accuracy": each.accuracy} for each in readings],
    }
    write_json(json, document, console)
    raise typer.Exit(code)


def _without_rtl(
    convs: Mapping[str, FloatConv], options: SimOptions, kept: Samples
) -> tuple[Digits, list[Reading]]:
    """The digits that the floats read, and how well floats and integers do."""
    from golden.networks.digits.build import (
        build_digits,
        read_off,
        scores_in_floats,
        scores_in_integers,
    )

    floats = read_off(scores_in_floats(convs, kept))
    network = build_digits(convs, options.numerics())
    integers = read_off(scores_in_integers(network, kept))
    return floats, [
        _reading("torch, floats", floats, None, kept),
        _reading("golden model, integers", integers, floats, kept),
    ]


def _trained(seed: int, path: Path, console: Console) -> dict[str, torch.Tensor]:
    """Train the network, and write its state dict."""
    from golden.files import write_whole
    from golden.networks.digits.samples import load_samples
    from golden.networks.digits.training import EPOCHS, model_bytes, train

    samples, started = load_samples()[0], time.monotonic()
    with progress(console) as bar:
        task = bar.add_task("training", total=EPOCHS)
        tensors = train(samples, seed, lambda: bar.advance(task))
    write_whole(path, model_bytes(tensors))
    seconds = time.monotonic() - started
    text = f"trained on {len(samples.labels):,} pictures in {seconds:.1f} s, seed {seed}: {path}"
    echo(console, text)
    return tensors


def _check_alone(paths: Sequence[Path]) -> None:
    """Refuse a folder that holds more than these pictures."""
    folder = paths[0].parent
    if others := sorted({*folder.iterdir()} - {*paths}):
        raise ConfigError(f"{others[0]}: no test picture; take it away or give another --out")


def _simulated(options: SimOptions, base: Path, console: Console) -> tuple[int, Digits]:
    """Run the pictures through the RTL; return the exit code and the digits that it reads."""
    from golden.networks.digits.build import read_off
    from tb.duts.conv_pe.frame_record import frame_folder
    from tb.flows.sim.command import simulate
    from tb.networks.registry import find

    shutil.rmtree(base / "kept", ignore_errors=True)
    if code := simulate(options, console, base):
        return code, np.array([], np.int64)
    report = json_text.loads((base / "report.json").read_text(encoding="utf-8"))
    (head,) = find(options.net).heads
    count = len(report["frames"])
    folders = (frame_folder(base / report["run"], number) for number in range(count))
    return code, read_off([np.load(folder / f"{head}.npy") for folder in folders])


def _reading(by: str, found: Digits, floats: Digits | None, samples: Samples) -> Reading:
    """Hold what was read against the labels, and against what torch read."""
    changed = None if floats is None else int(np.count_nonzero(found != floats))
    right = int(np.count_nonzero(found == samples.labels))
    return Reading(by, right, len(samples.labels), changed)


def _show(readings: Sequence[Reading], console: Console) -> None:
    from tb.console import plain_table

    table = plain_table(
        "test pictures that were read right", "by", "right", "of", "accuracy", "not as torch"
    )
    for each in readings:
        changed = "" if each.changed is None else str(each.changed)
        table.add_row(each.by, str(each.right), str(each.pictures), f"{each.accuracy:.2%}", changed)
    print_whole(table, console)
