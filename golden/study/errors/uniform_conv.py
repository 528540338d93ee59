"""The source's experiment: one convolution of uniform numbers, in float and in Q7.8.

Inputs and weights are uniform in -1 to +1, 16 bits hold each, and the outputs differ
from the float convolution's by an error of the order of 0.01.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from golden.arithmetic.fixed import CUT_BITS, FloatArray, Int16Array, dequantize, quantize
from golden.config import ConfigError, ProductMode
from golden.graph.layers import ConvLayer, Padding
from golden.reference import kernels
from golden.study.errors.layer_errors import ErrorSum, LayerError

FRAC: Final = CUT_BITS
"""Fraction bits of Q7.8; the cut drops as many."""
MODES: Final = (ProductMode.CUT_FLOOR, ProductMode.CUT_ROUND, ProductMode.FULL)
"""From the source's rule to the default."""


@dataclass(frozen=True, slots=True)
class ConvShape:
    """A square convolution without bias, zeros around its input so that the map keeps its size.

    Raises
    ------
    ConfigError
        If a figure is not possible.
    """

    in_channels: int = 16
    out_channels: int = 16
    kernel: int = 3
    """Odd side, up to 7."""
    size: int = 26
    """Rows and columns of the map."""

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels", "size"):
            if not 1 <= getattr(self, name) <= 1024:
                raise ConfigError(f"{name} {getattr(self, name)}: choose 1 to 1024")
        if self.kernel not in (1, 3, 5, 7):
            raise ConfigError(f"kernel {self.kernel}: choose 1, 3, 5 or 7")

    @property
    def products(self) -> int:
        """Products that one output sums, away from the edge."""
        return self.in_channels * self.kernel**2


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """One draw."""

    x: FloatArray
    """(I, H, W)."""
    weight: FloatArray
    """(O, I, K, K)."""
    pixels: Int16Array
    """(I, H, W). `x` in Q7.8."""
    weights: Int16Array
    """(O, I, K, K). `weight` in Q7.8."""

    def layer(self, mode: ProductMode) -> ConvLayer:
        """The convolution in Q7.8, no bias, no activation."""
        margin = self.weight.shape[2] // 2
        return ConvLayer(
            name=f"uniform_{mode.value}",
            source="x",
            weight=self.weights,
            bias=np.zeros(len(self.weights), np.int64),
            stride=1,
            padding=Padding(margin, margin, margin, margin),
            mode=mode,
            shift=FRAC if mode is ProductMode.FULL else 0,
            in_frac=FRAC,
            weight_frac=FRAC,
            out_frac=FRAC,
        )

    def real(self) -> FloatArray:
        """The float convolution, (O, H, W), in float64."""
        x, weight = torch.from_numpy(self.x)[None], torch.from_numpy(self.weight)
        y = functional.conv2d(x, weight, padding=self.weight.shape[2] // 2)[0]
        return np.asarray(y.numpy(), np.float64)


def draw(shape: ConvShape, seed: int) -> Experiment:
    """Draw inputs and weights uniform in -1 to +1 from a seed, and round them to Q7.8."""
    numbers = np.random.default_rng(seed)
    x = numbers.uniform(-1, 1, (shape.in_channels, shape.size, shape.size))
    kernel = (shape.out_channels, shape.in_channels, shape.kernel, shape.kernel)
    weight = numbers.uniform(-1, 1, kernel)
    pixels, weights = (quantize(real, FRAC)[0].astype(np.int16) for real in (x, weight))
    return Experiment(x, weight, pixels, weights)


def errors(experiment: Experiment, mode: ProductMode) -> FloatArray:
    """Integer outputs less float ones, (O, H, W).

    >>> one = draw(ConvShape(4, 4, 3, 8), 1)
    >>> bool(abs(errors(one, ProductMode.FULL)).max() < 0.05)
    True
    """
    return _outputs(experiment, mode) - experiment.real()


def measure(
    shape: ConvShape,
    modes: Sequence[ProductMode] = MODES,
    draws: int = 10,
    seed: int = 1,
    step: Callable[[], object] = lambda: None,
) -> dict[ProductMode, LayerError]:
    """Add up the errors of several draws, in each mode on the same numbers.

    Parameters
    ----------
    draws : int
        At least 1.
    seed : int
        Of the first draw; the others follow.
    step : callable
        Called after each draw.
    """
    sums = {mode: ErrorSum(mode.value) for mode in modes}
    for number in range(draws):
        experiment = draw(shape, seed + number)
        real = experiment.real()
        for mode, total in sums.items():
            total.add(real, _outputs(experiment, mode), FRAC, f"draw {number}")
        step()
    return {mode: total.result() for mode, total in sums.items()}


def _outputs(experiment: Experiment, mode: ProductMode) -> FloatArray:
    return dequantize(kernels.conv(experiment.pixels, experiment.layer(mode)), FRAC)
