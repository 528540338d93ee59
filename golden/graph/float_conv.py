"""Float convolutions, and batch normalisation folded into them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from golden.arithmetic.fixed import FloatArray, check_finite
from golden.config import InputError

LARGEST: Final = 1e6
"""A larger number is damage: sound files stay far below, and a flipped bit does not."""
NEUTRAL_VARIANCE: Final = 2.0**68
"""With `NEUTRAL_GAMMA` a batch normalisation that changes nothing, see `neutral`."""
NEUTRAL_GAMMA: Final = 2.0**34
"""Its square root, so large that no reader's epsilon reaches the last bit of a float64."""


class Epsilon(Enum):
    """How the standard deviation is kept from zero."""

    DARKNET = "sqrt(variance) + 1e-6"
    TORCH = "sqrt(variance + 1e-5)"
    ULTRALYTICS = "sqrt(variance + 1e-4)"
    SLIM = "sqrt(variance + 1e-3)"

    @property
    def added(self) -> float:
        """What is added to the variance below the root; to the root itself in Darknet."""
        small = {Epsilon.DARKNET: 1e-6, Epsilon.TORCH: 1e-5, Epsilon.ULTRALYTICS: 1e-4}
        return small.get(self, 1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class FloatConv:
    """A convolution in real numbers.

    Raises
    ------
    InputError
        If a value is NaN or infinite, or the shapes disagree.
    """

    name: str
    weight: FloatArray
    """float64 (O, I, KH, KW)."""
    bias: FloatArray
    """float64 (O,)."""

    def __post_init__(self) -> None:
        if self.weight.ndim != 4 or self.bias.shape != self.weight.shape[:1]:
            raise InputError(
                f"{self.name}: weight {self.weight.shape} and bias {self.bias.shape} disagree"
            )
        check_finite(self.weight, f"{self.name} weight")
        check_finite(self.bias, f"{self.name} bias")


@dataclass(frozen=True, slots=True, eq=False)
class BatchNorm:
    """Statistics and scale of one batch normalisation, each (O,).

    Raises
    ------
    InputError
        If a value is NaN or infinite, or a variance is negative.
    """

    name: str
    beta: FloatArray
    gamma: FloatArray
    mean: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        for field in ("beta", "gamma", "mean", "variance"):
            check_finite(getattr(self, field), f"{self.name} {field}")
        if (self.variance < 0).any():
            index = int(np.argmax(self.variance < 0))
            raise InputError(
                f"{self.name} variance[{index}] is {self.variance[index]}: 0 or more is wanted"
            )


@dataclass(frozen=True, slots=True, eq=False)
class StoredConv:
    """A convolution as its file holds it, in the file's channels.

    Raises
    ------
    InputError
        If it has neither bias nor batch normalisation.
    """

    name: str
    weight: FloatArray
    """float64 (O, I, KH, KW)."""
    bias: FloatArray | None
    """float64 (O,). Of the convolution itself; a head and a fused convolution have one."""
    norm: BatchNorm | None = None
    """The batch normalisation behind it."""
    epsilon: Epsilon = Epsilon.DARKNET
    """The one that `norm` was trained with."""

    def __post_init__(self) -> None:
        if self.bias is None and self.norm is None:
            raise InputError(f"{self.name}: neither a bias nor a batch normalisation")

    def folded(self) -> FloatConv:
        """Return the convolution with its batch normalisation merged into it."""
        if self.norm is not None:
            return fold(self.weight, self.norm, self.epsilon, self.bias)
        assert self.bias is not None
        return FloatConv(self.name, self.weight, self.bias)


def fold(
    weight: FloatArray,
    norm: BatchNorm,
    epsilon: Epsilon = Epsilon.DARKNET,
    bias: FloatArray | None = None,
) -> FloatConv:
    """Merge a batch normalisation into the convolution before it.

    ``gamma * (w * x + b - mean) / deviation + beta`` becomes
    ``(w * g) * x + beta - (mean - b) * g`` with ``g = gamma / deviation``.

    Parameters
    ----------
    weight : ndarray of float64, (O, I, KH, KW)
    epsilon : Epsilon
        Darknet's own for its files, torch's for torch models, TensorFlow-slim's for FaceNet.
    bias : ndarray of float64, (O,), optional
        Of the convolution, 0 unless given.

    Raises
    ------
    InputError
        If the result is not finite.

    >>> one = np.ones(1)
    >>> conv = fold(np.full((1, 1, 1, 1), 3.0), BatchNorm("c", one, 2 * one, one, 4 * one))
    >>> round(float(conv.weight[0, 0, 0, 0]), 4), round(float(conv.bias[0]), 4)
    (3.0, 0.0)
    """
    gain = norm.gamma / deviation(norm.variance, epsilon)
    mean = norm.mean if bias is None else norm.mean - bias
    return FloatConv(norm.name, weight * gain[:, None, None, None], norm.beta - mean * gain)


def deviation(variance: FloatArray, epsilon: Epsilon) -> FloatArray:
    """Return what a batch normalisation divides by.

    >>> deviation(np.array([4.0]), Epsilon.DARKNET).item()
    2.000001
    """
    if epsilon is Epsilon.DARKNET:
        return np.sqrt(variance) + epsilon.added
    return np.sqrt(variance + epsilon.added)


def embed_in_centre(conv: FloatConv, kernel: int) -> FloatConv:
    """Put a convolution's kernel into the centre of a larger one of zeros.

    Parameters
    ----------
    conv : FloatConv
        Odd, square kernel.
    kernel : int
        Odd side of the new kernel, no smaller than the old one.
    """
    margin = (kernel - conv.weight.shape[2]) // 2
    sides = (margin, margin)
    return FloatConv(conv.name, np.pad(conv.weight, ((0, 0), (0, 0), sides, sides)), conv.bias)


def check_magnitude(x: FloatArray, name: str) -> None:
    """Refuse a finite number above `LARGEST`, naming the first; NaN and inf are refused later.

    The figures of a neutral batch normalisation pass.

    Raises
    ------
    InputError
        Naming tensor and index.
    """
    known = (x == NEUTRAL_GAMMA) | (x == NEUTRAL_VARIANCE)
    absurd = np.isfinite(x) & (np.abs(x) > LARGEST) & ~known
    if absurd.any():
        index = tuple(int(i) for i in np.argwhere(absurd)[0])
        where = ", ".join(map(str, index))
        raise InputError(f"{name}[{where}] is {x[index]:g}: the file is damaged; fetch it again")


def neutral(conv: FloatConv, like: StoredConv) -> StoredConv:
    """Store a folded convolution with the same tensors as another.

    A batch normalisation takes mean 0, variance 2^68, gamma 2^34 and the bias as beta. Its
    gain is 1 exactly, whether a reader adds 1e-6 to the root or 1e-5 below it, in float32
    or in float64: weights and bias are read back bit for bit.

    >>> one, conv = np.ones(1), FloatConv("c", np.full((1, 1, 1, 1), 0.3), np.full(1, -0.7))
    >>> like = StoredConv("c", conv.weight, None, BatchNorm("c", one, one, one, one))
    >>> again = neutral(conv, like).folded()
    >>> again.weight.item(), again.bias.item()
    (0.3, -0.7)
    """
    if like.norm is None:
        return StoredConv(conv.name, conv.weight, conv.bias)
    zero = np.zeros_like(conv.bias)
    norm = BatchNorm(conv.name, conv.bias, zero + NEUTRAL_GAMMA, zero, zero + NEUTRAL_VARIANCE)
    return StoredConv(
        conv.name, conv.weight, None if like.bias is None else zero, norm, like.epsilon
    )
