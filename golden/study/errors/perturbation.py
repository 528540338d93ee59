"""How uniform noise on layers' outputs grows through a network, and what it does to its boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from scipy.special import stdtrit

from golden.config import ConfigError
from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.detection import find
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE
from golden.study.detection.matching import Agreement, match
from golden.study.errors.layer_errors import RunErrors
from golden.study.errors.noise import FixedRunner, FloatRunner, Noise, Values
from golden.vision.boxes import Box
from golden.vision.datasets import Sample
from golden.vision.images import preprocess
from golden.vision.placement import Fit

Runner = FloatRunner | FixedRunner
CONFIDENCE: Final = 0.95
"""Of every interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and how far it may be from the truth, as JSON holds it."""

    mean: float
    margin_95: float | None
    """Half the width of the 95 % interval; None of a single draw."""
    draws: int

    def text(self, digits: str = ".3g", margin: str = ".1g") -> str:
        """Return the interval as a table shows it.

        >>> Interval(0.25, 0.125, 4).text(), Interval(2.0, None, 1).text(".1f")
        ('0.25 ± 0.1', '2.0')
        """
        if self.margin_95 is None:
            return f"{self.mean:{digits}}"
        return f"{self.mean:{digits}} ± {self.margin_95:{margin}}"


def interval(samples: Iterable[float | None]) -> Interval | None:
    """Return Student's interval of the mean of independent draws, those that are None left out.

    The margin is t * s / sqrt(n), t of n - 1 degrees of freedom: 2.776 for five draws.

    >>> found = interval([1, 2, 3, 4, 5])
    >>> round(found.mean, 3), round(found.margin_95, 3)
    (3.0, 1.963)
    """
    values = np.array([sample for sample in samples if sample is not None], np.float64)
    if not values.size:
        return None
    if values.size == 1:
        return Interval(float(values[0]), None, 1)
    factor = float(stdtrit(values.size - 1, (1 + CONFIDENCE) / 2))
    margin = factor * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Interval(float(values.mean()), margin, values.size)


@dataclass(slots=True)
class Draw:
    """One draw of the noise at all pictures: the noisy runs against the clean ones."""

    errors: RunErrors = field(default_factory=RunErrors)
    """Noisy less clean, layer by layer."""
    agreement: Agreement = field(default_factory=Agreement)
    """The noisy runs' boxes against the clean ones'."""


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """Error of one layer's output, noisy less clean, over draws, as JSON holds it."""

    name: str
    disturbed: bool
    """Whether noise is added here."""
    mean: Interval
    rms: Interval
    largest: Interval
    """Of the error; `largest` is of its magnitude."""
    sqnr_db: Interval | None
    """Clean signal to error; None where there is no error."""


@dataclass(frozen=True, slots=True)
class BoxNoise:
    """What noise does to the boxes of all pictures together, over draws, as JSON holds it."""

    clean: int
    """Boxes without noise."""
    kept: Interval
    lost: Interval
    new: Interval
    """Boxes that stay, go and appear."""
    overlap: Interval | None
    """Part of their union that a kept box and its clean one share, 1 where it did not move; None
    where none is kept."""
    confidence_change: Interval | None
    """Of a kept box."""


def perturb(
    runner: Runner,
    pictures: Iterable[Sample],
    noise: Noise,
    draws: int = 20,
    fit: Fit = "letterbox",
    size: ImageSize = INPUT_SIZE,
    step: Callable[[], object] = lambda: None,
) -> list[Draw]:
    """Disturb a network again and again, and hold each noisy run against the clean one.

    Parameters
    ----------
    pictures : iterable of Sample
        Each draw sees them all.
    size : int or Rectangle
        Rows and columns of the input.
    step : callable
        Called after each noisy run.

    Raises
    ------
    ConfigError
        If there is no draw to make.
    """
    if draws < 1:
        raise ConfigError(f"draws {draws}: give at least 1")
    made = [Draw() for _ in range(draws)]
    for number, shown in enumerate(pictures):
        pixels = preprocess(shown.image, size, fit)
        clean = runner.run(pixels)
        truth = _boxes(runner, clean, shown, fit, size)
        for index, draw in enumerate(made):
            noisy = runner.run(pixels, partial(noise.of, draw=index, picture=number))
            draw.errors.add(clean, noisy, picture=shown.name)
            draw.agreement += match(_boxes(runner, noisy, shown, fit, size), truth).agreement
            step()
    return made


def _boxes(runner: Runner, values: Values, shown: Sample, fit: Fit, size: ImageSize) -> list[Box]:
    heads = {head: values[head] for head in HEADS}
    picture = shown.image.height, shown.image.width
    anchors = runner.anchors
    return list(find(heads, runner.classes, picture, fit, size, anchors=anchors).boxes)


def layer_noise(draws: Sequence[Draw], noise: Noise) -> list[LayerNoise]:
    """Each layer's error over the draws, in data-flow order."""
    results = [draw.errors.results() for draw in draws]
    return [
        LayerNoise(
            layers[0].name,
            layers[0].name in noise.layers,
            _of(layer.mean for layer in layers),
            _of(layer.rms for layer in layers),
            _of(layer.largest for layer in layers),
            interval(layer.sqnr_db for layer in layers),
        )
        for layers in zip(*results, strict=True)
    ]


def box_noise(draws: Sequence[Draw]) -> BoxNoise:
    """The boxes over the draws."""
    agreements = [draw.agreement for draw in draws]
    return BoxNoise(
        agreements[0].matched + agreements[0].missed,
        _of(one.matched for one in agreements),
        _of(one.missed for one in agreements),
        _of(one.extra for one in agreements),
        interval(one.mean_overlap for one in agreements),
        interval(one.mean_change for one in agreements),
    )


def _of(samples: Iterable[float]) -> Interval:
    found = interval(samples)
    assert found is not None
    return found
