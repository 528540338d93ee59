"""The command ``convpe retune``: a network trained for slope 0.1 tuned to the hardware's."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from golden.config import ConfigError, PoolPad, Slope
from tb.commands import common
from tb.console import ROOT, echo, new_console, progress, write_json

if TYPE_CHECKING:
    from types import FrameType

    from golden.networks.yolov3_tiny.retune_patch import Patch
    from golden.study.retune.distillation import Distillation

EXIT_INTERRUPTED: Final = 130
METHODS: Final = ("closed", "distil")
KINDS: Final = ("scale-and-bias", "weights")
DEFAULT_MINUTES: Final = 5.0
SAVE_SECONDS: Final = 60.0
"""A checkpoint is written after the first step, then so often, and at Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a distillation lasts: steps, or minutes.

    Raises
    ------
    ConfigError
        If both are given.
    """

    steps: int | None
    minutes: float | None

    def __post_init__(self) -> None:
        if self.steps is not None and self.minutes is not None:
            raise ConfigError("give --steps or --minutes, not both")

    def done(self, run: Distillation) -> float:
        """Which part lies behind."""
        if self.steps is not None:
            return run.steps / self.steps
        return run.seconds / (60 * (self.minutes or DEFAULT_MINUTES))


@contextmanager
def stoppable() -> Iterator[Event]:
    """Let Ctrl-C set an event, for the step under way to be finished; a second one interrupts."""
    stop, before = Event(), signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    if before is not signal.SIG_IGN:  # it is where a shell starts the command in the background
        signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def retune(
    method: Annotated[str, typer.Option(help="closed (a minute) or distil.")] = "closed",
    what: Annotated[
        str, typer.Option(help="What distil tunes: scale-and-bias or weights.")
    ] = "scale-and-bias",
    model: common.Model = None,
    slope: common.SlopeOption = Slope.EIGHTH,
    pool_pad: common.Pad = PoolPad.MINUS_INF,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder to make crops and flips of; shipped photographs unless given."),
    ] = None,
    views: Annotated[
        int, typer.Option(min=1, max=400, help="Crops that the closed form measures, 5 MB each.")
    ] = 48,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Folder to judge on; shipped photographs held out unless given."),
    ] = None,
    judge_views: Annotated[int, typer.Option(min=1, help="Crops to judge on.")] = 48,
    size: common.Size = None,
    seed: common.Seed = 1,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of distil.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Or minutes; 5 unless given.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Crops a step of distil.")] = 2,
    learning_rate: Annotated[
        float | None,
        typer.Option(min=1e-9, max=1.0, help="Of Adam; 0.001, for weights 0.00002."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Checkpoint of an interrupted distil to go on from.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="File of the result: a patch, .safetensors; for weights a model, "
            ".safetensors or .pth. In build/retune/ unless given.",
        ),
    ] = None,
    plots: common.Plots = None,
    json: common.Json = None,
) -> None:
    """Tune a network trained for slope 0.1 to the hardware's, without labels."""
    console = new_console()
    _check(method, what, steps, minutes, learning_rate, resume)
    from golden.study.retune.distillation import Distillation
    from tb.commands.quantization.retune_job import Choices, prepare

    files = common.find_model(model, console)
    side = common.choose_size(size, files, console)
    choices = Choices(slope, pool_pad, images, views, held_out, judge_views, side, seed)
    target = out or ROOT / "build" / "retune" / f"{method}-{what}.safetensors"
    job = prepare(choices, files, target, what, console)
    recipe = job.recipe(what, batch, learning_rate)
    if resume is not None:
        from golden.study.retune.checkpoint import read_checkpoint

        read_checkpoint(resume, recipe)
    job.evaluate("untuned", job.network, console)
    closed = job.closed_form(console)
    run: Distillation | None = None
    patch: Patch | None = closed
    if method == "distil":
        run = Distillation(job.network, closed, job.tuned_on, recipe)
        _distil(run, Budget(steps, minutes), resume, target, console)
        patch = job.evaluate_distilled(run, console)
    job.show(console)
    job.write(patch, run, target, console)
    _plot(run, plots, console)
    write_json(json, job.document(patch, run, target), console)


def _check(
    method: str,
    what: str,
    steps: int | None,
    minutes: float | None,
    learning_rate: float | None,
    resume: Path | None,
) -> None:
    """Refuse choices that are none, or that mean nothing beside the others."""
    if method not in METHODS:
        raise ConfigError(f"--method {method}: choose closed or distil")
    if what not in KINDS:
        raise ConfigError(f"--what {what}: choose scale-and-bias or weights")
    Budget(steps, minutes)
    if method == "closed":
        if what == "weights":
            raise ConfigError("--what weights: the closed form tunes scale and bias alone")
        given = {"--steps": steps, "--minutes": minutes, "--resume": resume}
        given["--learning-rate"] = learning_rate
        for name, value in given.items():
            if value is not None:
                raise ConfigError(f"{name} is of --method distil")


def _distil(
    run: Distillation, budget: Budget, resume: Path | None, target: Path, console: Console
) -> None:
    """Distil with a bar; keep a checkpoint beside the result until it is there."""
    from golden.study.retune import checkpoint
    from golden.study.retune.distillation import distil

    if resume is not None:
        checkpoint.resume(resume, run)
        echo(console, f"going on from step {run.steps} of {resume}")
    kept = target.with_suffix(".checkpoint")
    begun = time.monotonic() - run.seconds
    cpu_begun = time.process_time() - run.cpu_seconds
    saved = -math.inf  # the first step shows whether there is room for it
    with stoppable() as stop, progress(console) as bar:
        task = bar.add_task("distilling", total=1000)

        def watch(run: Distillation) -> bool:
            nonlocal saved
            run.seconds = time.monotonic() - begun
            run.cpu_seconds = time.process_time() - cpu_begun
            recent = run.losses[-25:]
            text = f"step {run.steps}, loss {sum(recent) / len(recent):.4f}"
            part = min(1.0, budget.done(run))
            bar.update(task, completed=int(1000 * part), description=text)
            if time.monotonic() - saved > SAVE_SECONDS:
                checkpoint.save_checkpoint(kept, run)
                saved = time.monotonic()
            return not stop.is_set()

        ended = distil(run, budget.done, watch)
    if ended:
        kept.unlink(missing_ok=True)
        return
    checkpoint.save_checkpoint(kept, run)
    echo(console, f"interrupted after step {run.steps}; go on with --resume {kept}")
    raise typer.Exit(EXIT_INTERRUPTED)


def _plot(run: Distillation | None, plots: Path | None, console: Console) -> None:
    if plots is None or run is None or not run.losses:
        return
    from golden.study.plot import save
    from golden.study.retune.loss_plot import loss_plot

    path = plots / "retune-loss.png"
    save(loss_plot(run.losses), path)
    echo(console, f"loss drawn in {path}")
