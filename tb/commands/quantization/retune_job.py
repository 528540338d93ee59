"""What ``convpe retune`` does between its options and its files."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, PoolPad, Slope
from golden.files import sha256_of
from golden.graph.float_graph import FloatNetwork
from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import class_names, file_anchors, read_convs
from golden.networks.yolov3_tiny.files.saving import copy_companions, unsaid, write_folded
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.networks.yolov3_tiny.graph import TRAINED_SLOPE
from golden.networks.yolov3_tiny.retune_patch import SHIPPED, Patch, write_patch
from golden.study.retune.closed_form import closed_form
from golden.study.retune.distillation import LEARNING_RATES, Distillation, Recipe, What, settings
from golden.study.retune.evaluation import (
    HELD_OUT,
    TUNED_ON,
    TeacherOutput,
    Verdict,
    check_apart,
    evaluate,
    readable,
    run_teacher,
)
from golden.vision.datasets import Views
from golden.vision.images import preprocess, shipped
from tb.commands.common import counted_steps
from tb.console import ROOT, echo, plain_table
from tb.toolchain.run_folder import git_commit

COLUMNS: Final = ("tuned", "numbers", "head SNR", "TP", "FP", "FN", "IoU", "F1", "CPU s")
EVALUATION_SEED: Final = 7
"""Of the crops judged on, so that every run is judged on the same ones."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What to tune to, on, and what to judge on."""

    slope: Slope
    pool_pad: PoolPad
    images: Path | None
    views: int
    held_out: Path | None
    judge_views: int
    size: ImageSize
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """One network compared with its teacher."""

    name: str
    numbers: int
    """That were tuned."""
    wall: float
    cpu: float
    """Seconds of wall clock and of processor time spent on tuning it."""
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "name": self.name,
            "numbers_tuned": self.numbers,
            "seconds": round(self.wall, 2),
            "cpu_seconds": round(self.cpu, 2),
            **self.verdict.to_dict(),
        }

    def cells(self) -> tuple[str, ...]:
        """The row of the table: what tuning it took, and how near it comes."""
        verdict, boxes = self.verdict, self.verdict.agreement
        return (
            self.name,
            f"{self.numbers:,}",
            "equal" if verdict.snr is None else f"{verdict.snr:.1f} dB",
            *(str(count) for count in (boxes.matched, boxes.extra, boxes.missed)),
            "" if boxes.mean_overlap is None else f"{boxes.mean_overlap:.3f}",
            "" if boxes.f1 is None else f"{boxes.f1:.2f}",
            f"{self.cpu:.0f}" if self.numbers else "",
        )


@dataclass(slots=True)
class Job:
    """A model, the pictures, and what was found so far."""

    choices: Choices
    files: ModelFiles
    network: FloatNetwork
    tuned_on: tuple[Path, ...]
    judged_on: tuple[Path, ...]
    outputs: list[TeacherOutput]
    unreadable: dict[str, str]
    results: list[Result] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """The slope to tune to."""
        return self.choices.slope.real

    def evaluate(
        self,
        name: str,
        network: FloatNetwork,
        console: Console,
        numbers: int = 0,
        spent: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Compare a network with its teacher, and keep the figures."""
        with counted_steps(console, f"judging: {name}", len(self.outputs)) as advance:
            verdict = evaluate(network, self.slope, self.outputs, advance)
        self.results.append(Result(name, numbers, *spent, verdict))

    def closed_form(self, console: Console) -> Patch:
        """Tune in closed form, and judge it."""
        wall, cpu = time.monotonic(), time.process_time()
        choices = self.choices
        views = Views(choices.views, choices.seed, self.tuned_on)
        images = (preprocess(shown.image, choices.size) for shown in views)
        about = {"weights_sha256": self.files.sha256, "slope": choices.slope.value}
        total = len(views) * (1 + len(self.network.convs))
        with counted_steps(console, "closed form", total) as advance:
            patch = closed_form(self.network, images, self.slope, about, advance)
        spent = time.monotonic() - wall, time.process_time() - cpu
        tuned = replace(self.network, convs=patch.apply(self.network.convs))
        self.evaluate("closed form", tuned, console, patch.numbers, spent)
        return patch

    def recipe(self, what: str, batch: int, learning_rate: float | None) -> Recipe:
        """What repeats a distillation on these pictures."""
        return Recipe(
            what,
            self.files.sha256,
            self.slope,
            tuple(path.name for path in self.tuned_on),
            self.choices.seed,
            self.choices.size,
            batch,
            LEARNING_RATES[What(what)] if learning_rate is None else learning_rate,
        )

    def evaluate_distilled(self, run: Distillation, console: Console) -> Patch | None:
        """Note what distilling has come to; return its patch, None where weights are tuned."""
        numbers = sum(tensor.numel() for pair in run.tuned.values() for tensor in pair)
        network = replace(self.network, convs=run.convs())
        name = f"{run.recipe.what}, distilled".replace("-", " ")
        self.evaluate(name, network, console, numbers, (run.seconds, run.cpu_seconds))
        if run.recipe.what == What.WEIGHTS:
            return None
        return run.patch({"weights_sha256": self.files.sha256, "slope": self.choices.slope.value})

    def about(self, run: Distillation | None) -> dict[str, Any]:
        """Where the result comes from, and how good it is."""
        choices = self.choices
        made: dict[str, Any] = {
            "schema": 1,
            "weights_sha256": self.files.sha256,
            "slope": choices.slope.value,
            "trained_slope": TRAINED_SLOPE,
            "method": "closed form",
            "tuned_on": {
                "files": [path.name for path in self.tuned_on],
                "closed_form_views": choices.views,
                "seed": choices.seed,
                "size": choices.size,
            },
            "judged_on": {
                "files": [path.name for path in self.judged_on],
                "views": len(self.outputs),
                "seed": EVALUATION_SEED,
            },
            "judged": self.results[-1].to_dict(),
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "commit": git_commit(ROOT),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
        }
        if run is not None:
            made["method"] = "closed form, then distilled"
            made["distillation"] = {
                "what": run.recipe.what,
                "steps": run.steps,
                "batch": run.recipe.batch,
                "learning_rate": run.recipe.learning_rate,
            }
        return made

    def write(
        self, patch: Patch | None, run: Distillation | None, target: Path, console: Console
    ) -> None:
        """Write the patch, or the tuned model, and say how it is used."""
        if patch is None:
            assert run is not None
            write_folded(target, run.convs())
            if not self.files.official:
                copy_companions(self.files, target)
            if lost := unsaid(self.files, target):
                echo(console, lost)
            use = "MODEL"
        else:
            write_patch(target, replace(patch, about=self.about(run)))
            use = "RETUNE"
        echo(console, f"{target.stat().st_size:,} bytes in {target}")
        echo(console, f"use it: make sim {use}={target} SLOPE={self.choices.slope.value}")

    def show(self, console: Console) -> None:
        """Print the table."""
        names = ", ".join(path.name for path in self.judged_on)
        echo(console, f"judged on {len(self.outputs)} views of {names}, none of them tuned on")
        table = plain_table("", *COLUMNS)
        for result in self.results:
            table.add_row(*result.cells())
        console.print(table)
        echo(console, "SNR over both heads; boxes at confidence 0.3 against those of slope 0.1.")
        echo(console, "Boxes alone flatter: an untuned network misses none and invents many.")

    def document(
        self, patch: Patch | None, run: Distillation | None, target: Path
    ) -> dict[str, Any]:
        """What ``--json`` takes."""
        known: dict[str, Any] = {
            **self.about(run),
            "unreadable": self.unreadable,
            "results": [result.to_dict() for result in self.results],
            "file": {"path": str(target), "sha256": sha256_of(target)},
            "distillation": None,
            "scales": None,
        }
        if run is not None:
            known["distillation"] = {
                "recipe": settings(run.recipe),
                "steps": run.steps,
                "seconds": round(run.seconds, 2),
                "losses": run.losses,
            }
        if patch is not None:
            scales = np.concatenate(list(patch.scale.values()))
            known["scales"] = {
                "min": float(scales.min()),
                "max": float(scales.max()),
                "percentiles_1_50_99": np.percentile(scales, (1, 50, 99)).tolist(),
            }
        return known


def prepare(choices: Choices, files: ModelFiles, target: Path, what: str, console: Console) -> Job:
    """Read the model and the pictures, and ask the teacher.

    Raises
    ------
    ConfigError
        If the result would replace what it is made from, or its ending is none.
    InputError
        If the model or the pictures cannot be read.
    """
    endings = (".safetensors", ".pth", ".pt") if what == "weights" else (".safetensors",)
    if target.suffix not in endings:
        raise ConfigError(f"--out {target}: the ending is {' or '.join(endings)}")
    if target.exists() and any(target.samefile(file) for file in (files.weights, SHIPPED)):
        raise ConfigError(f"--out {target}: it would replace what others read: give another file")
    options = NumericOptions(slope=choices.slope, pool_pad=choices.pool_pad)
    convs = read_convs(files, options, None)
    names, anchors = class_names(files, convs), file_anchors(files, convs)
    network = file_network(convs, choices.pool_pad, names, anchors)
    unreadable: dict[str, str] = {}
    tuned_on = _paths(choices.images, TUNED_ON, unreadable, console)
    judged_on = _paths(choices.held_out, HELD_OUT, unreadable, console)
    check_apart(tuned_on, judged_on)
    views = Views(choices.judge_views, EVALUATION_SEED, judged_on)
    with counted_steps(console, "running the teacher", len(views)) as advance:
        outputs = run_teacher(network, views, choices.size, advance)
    return Job(choices, files, network, tuned_on, judged_on, outputs, unreadable)


def _paths(
    folder: Path | None, names: Iterable[str], unreadable: dict[str, str], console: Console
) -> tuple[Path, ...]:
    """A folder's readable pictures, or shipped photographs."""
    if folder is None:
        return tuple(map(shipped, names))
    paths, skipped = readable(folder)
    for name, why in skipped.items():
        echo(console, f"skipped {name}: {why}")
    unreadable.update(skipped)
    return paths
