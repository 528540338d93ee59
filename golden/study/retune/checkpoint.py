"""A distillation on the disk: interrupted, it goes on from there, to the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from golden.config import InputError
from golden.files import write_whole
from golden.study.retune.distillation import Distillation, Recipe, settings

SCHEMA: Final = 1
_ABOUT: Final = "checkpoint"
_PARTS: Final = ("first", "second")
"""Of a convolution: scale and shift, or weight and bias."""
_MOMENTS: Final = ("exp_avg", "exp_avg_sq")
"""What Adam keeps of each number."""
_STEP: Final = "step"


def save_checkpoint(path: Path, run: Distillation) -> None:
    """Write all that the next step depends on, as ``.safetensors``: no pickle.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in _named(run).items():
        tensors[name] = tensor.detach()
        for moment in _MOMENTS if run.steps else ():
            tensors[f"{name}.{moment}"] = run.adam.state[tensor][moment]
    about = {
        "schema": SCHEMA,
        "recipe": settings(run.recipe),
        "losses": run.losses,
        "seconds": run.seconds,
        "cpu_seconds": run.cpu_seconds,
    }
    write_whole(path, save(tensors, metadata={_ABOUT: json.dumps(about)}))


def resume(path: Path, run: Distillation) -> None:
    """Take a distillation of the checkpoint's recipe from its start to where that was written.

    Raises
    ------
    InputError
        If the file cannot be read, is no checkpoint, or is of another run; the text names
        what differs.
    """
    about, tensors = read_checkpoint(path, run.recipe)
    losses = about["losses"]
    for name, tensor in _named(run).items():
        wanted = [name, *(f"{name}.{moment}" for moment in _MOMENTS if losses)]
        for key in wanted:
            if key not in tensors or tensors[key].shape != tensor.shape:
                raise InputError(f"{path}: {key} is missing or has another shape: damaged")
            if not torch.isfinite(tensors[key]).all():
                raise InputError(f"{path}: {key} holds a NaN or an infinity: damaged")
        with torch.no_grad():
            tensor.copy_(tensors[name])
        if losses:
            state = {moment: tensors[f"{name}.{moment}"] for moment in _MOMENTS}
            run.adam.state[tensor] = {_STEP: torch.tensor(float(len(losses))), **state}
    run.losses = losses
    run.seconds, run.cpu_seconds = about["seconds"], about["cpu_seconds"]


def _named(run: Distillation) -> dict[str, torch.Tensor]:
    """The tensors that are tuned, by name."""
    return {
        f"{name}.{part}": tensor
        for name, pair in run.tuned.items()
        for part, tensor in zip(_PARTS, pair, strict=True)
    }


def read_checkpoint(path: Path, recipe: Recipe) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read a checkpoint's figures and tensors.

    Raises
    ------
    InputError
        If it cannot be read, is none, or is of a run by another recipe.
    """
    about, tensors = _read(path)
    mine, theirs = settings(recipe), about["recipe"]
    for field in sorted(set(mine) | set(theirs)):
        if mine.get(field) != theirs.get(field):
            raise InputError(
                f"{path}: a checkpoint of another run: its {field} is "
                f"{_short(theirs.get(field))}, not {_short(mine.get(field))}"
            )
    return about, tensors


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the checkpoint cannot be read: {reason}") from None
    try:
        about = json.loads(metadata[_ABOUT])
        losses = [float(loss) for loss in about["losses"]]
        known = about["schema"] == SCHEMA and isinstance(about["recipe"], dict)
        times = [float(about[name]) for name in ("seconds", "cpu_seconds")]
        if not known or not np.isfinite([*losses, *times]).all():
            raise ValueError
    except (KeyError, ValueError, TypeError):
        raise InputError(f"{path}: no checkpoint of convpe retune") from None
    return {**about, "losses": losses}, tensors


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
