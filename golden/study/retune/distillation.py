"""Tuning by gradient descent: the heads are drawn to those of the teacher.

The teacher is the network with the slope that it was trained for. No labels are needed,
and pictures of any kind serve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from golden.config import InputError
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork
from golden.graph.image_size import ImageSize
from golden.graph.layers import IMAGE
from golden.networks.yolov3_tiny.graph import (
    ANCHORS,
    BOX_CHANNELS,
    HEADS,
    INPUT_SIZE,
    TRAINED_SLOPE,
)
from golden.networks.yolov3_tiny.retune_patch import Patch
from golden.reference.float_model import activate, convolve, move, parameters
from golden.vision.datasets import Views
from golden.vision.images import preprocess

OBJECT_WEIGHT: Final = 20.0
"""A cell that surely holds an object counts so much more than one that does not."""
_OBJECTNESS: Final = slice(BOX_CHANNELS - 1, BOX_CHANNELS)
_ENDLESS: Final = 1 << 62

Pair = tuple[torch.Tensor, torch.Tensor]
Output = dict[str, torch.Tensor]


class What(str, Enum):
    """Which numbers are tuned: two an output channel, or every weight and bias."""

    SCALE_AND_BIAS = "scale-and-bias"
    WEIGHTS = "weights"


LEARNING_RATES: Final = {What.SCALE_AND_BIAS: 1e-3, What.WEIGHTS: 2e-5}
"""Of Adam at the start; it falls to nothing along half a cosine."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What repeats a distillation."""

    what: str
    """A `What`."""
    weights_sha256: str
    """Of the model file."""
    slope: float
    """To tune to."""
    files: tuple[str, ...]
    """Names of the pictures that crops and flips are made of."""
    seed: int = 1
    size: ImageSize = INPUT_SIZE
    batch: int = 2
    """Of the crops; rows and columns of the input; pictures a step."""
    learning_rate: float = LEARNING_RATES[What.SCALE_AND_BIAS]


@dataclass(slots=True, eq=False)
class Distillation:
    """A distillation under way; every step depends on the ones before alone, not on time."""

    teacher: FloatNetwork
    """In its file's channels, untuned."""
    start: Patch
    """Where it begins: what the closed form gives."""
    paths: Sequence[Path]
    """Pictures; a view number picks one, as `golden.vision.datasets.Views` does."""
    recipe: Recipe
    losses: list[float] = field(default_factory=list)
    """Of every step so far."""
    seconds: float = 0.0
    """Wall clock that the steps took, as the caller counts it."""
    cpu_seconds: float = 0.0
    """Processor time, likewise."""
    tuned: dict[str, Pair] = field(init=False)
    """By convolution: scale and shift, or weight and bias."""
    fixed: dict[str, Pair] = field(init=False)
    """By convolution: the teacher's weight and bias."""
    adam: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        self.fixed = {name: parameters(conv) for name, conv in self.teacher.convs.items()}
        if self.recipe.what == What.WEIGHTS:
            begun = self.start.apply(self.teacher.convs)
            self.tuned = {name: parameters(conv) for name, conv in begun.items()}
        else:
            self.tuned = {
                name: (
                    torch.from_numpy(self.start.scale[name]).float(),
                    torch.from_numpy(self.start.shift[name]).float(),
                )
                for name in self.start.scale
            }
        flat = [tensor.requires_grad_() for pair in self.tuned.values() for tensor in pair]
        self.adam = torch.optim.Adam(flat, lr=self.recipe.learning_rate)

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.losses)

    def step(self, done: float) -> float:
        """Do one step and return its loss; the learning rate falls with the part done, 0 to 1."""
        rate = self.recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.zero_grad()
        views = Views(_ENDLESS, self.recipe.seed, self.paths)
        total = 0.0
        for i in range(self.recipe.batch):
            shown = views.view(self.steps * self.recipe.batch + i)
            pixels = torch.from_numpy(preprocess(shown.image, self.recipe.size))
            with torch.no_grad():
                wanted = self._heads(pixels, None)
            loss = head_loss(self._heads(pixels, self.tuned), wanted) / self.recipe.batch
            torch.autograd.backward(loss)
            total += loss.item()
        self.adam.step()
        if not math.isfinite(total):
            raise InputError(
                f"step {self.steps + 1}: the loss is {total}: give a smaller --learning-rate"
            )
        self.losses.append(total)
        return total

    def _heads(self, pixels: torch.Tensor, tuned: dict[str, Pair] | None) -> Output:
        """Run the teacher, or the network being tuned."""
        slope = TRAINED_SLOPE if tuned is None else self.recipe.slope
        values = {IMAGE: pixels}
        for node in self.teacher.nodes:
            if isinstance(node, Conv):
                sums = self._sums(node, values[node.source], tuned)
                values[node.name] = activate(node, sums, slope)
            else:
                values[node.name] = move(node, values)
        return {head: values[head] for head in HEADS}

    def _sums(self, node: Conv, x: torch.Tensor, tuned: dict[str, Pair] | None) -> torch.Tensor:
        if tuned is None:
            return convolve(node, x, *self.fixed[node.name])
        if self.recipe.what == What.WEIGHTS:
            return convolve(node, x, *tuned[node.name])
        scale, shift = tuned[node.name]
        return (
            convolve(node, x, *self.fixed[node.name]) * scale[:, None, None] + shift[:, None, None]
        )

    def patch(self, about: dict[str, Any]) -> Patch:
        """Return the scales and shifts reached, with their provenance."""
        numbers = {
            name: tuple(tensor.detach().double().numpy().copy() for tensor in pair)
            for name, pair in self.tuned.items()
        }
        scale = {name: pair[0] for name, pair in numbers.items()}
        return Patch(scale, {name: pair[1] for name, pair in numbers.items()}, about)

    def convs(self) -> dict[str, FloatConv]:
        """Return the convolutions reached."""
        if self.recipe.what != What.WEIGHTS:
            about = {"weights_sha256": self.recipe.weights_sha256, "slope": ""}
            return self.patch(about).apply(self.teacher.convs)
        return {
            name: FloatConv(name, *(tensor.detach().double().numpy() for tensor in pair))
            for name, pair in self.tuned.items()
        }


def head_loss(found: Output, wanted: Output) -> torch.Tensor:
    """Mean squared difference of both heads, (3 * (5 + classes), G, G), weighted by objectness.

    The objectness is the teacher's, `wanted`.

    >>> wanted = {head: torch.zeros(255, 1, 1) for head in HEADS}
    >>> found = {head: torch.ones(255, 1, 1) for head in HEADS}
    >>> head_loss(found, wanted).item()  # half an object everywhere, two heads
    22.0
    """
    total = torch.zeros(())
    for head in HEADS:
        anchors = (ANCHORS, -1, *wanted[head].shape[1:])
        truth = wanted[head].reshape(anchors)
        weight = 1 + OBJECT_WEIGHT * torch.sigmoid(truth[:, _OBJECTNESS])
        total = total + (weight * (found[head].reshape(anchors) - truth) ** 2).mean()
    return total


def distil(
    run: Distillation,
    done: Callable[[Distillation], float],
    watch: Callable[[Distillation], bool] = lambda _: True,
) -> bool:
    """Step until all is done; return whether it came to its end.

    Parameters
    ----------
    done : callable
        Says which part of the whole lies behind; 1 or more ends it.
    watch : callable
        Is called after each step; False ends it too.
    """
    while (part := done(run)) < 1:
        run.step(part)
        if not watch(run):
            return False
    return True


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as JSON holds it."""
    return {**asdict(recipe), "files": list(recipe.files)}


def smoothed(losses: Sequence[float], window: int) -> list[float]:
    """Mean of each loss and the `window` - 1 before it.

    >>> smoothed([1.0, 2.0, 3.0], 2)
    [1.0, 1.5, 2.5]
    """
    sums = np.cumsum([0.0, *losses])
    return [
        float(sums[i + 1] - sums[max(0, i + 1 - window)]) / min(window, i + 1)
        for i in range(len(losses))
    ]
