"""Numbers of stored convolutions: refused where absurd, and written as ones that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_conv import BatchNorm, FloatConv, StoredConv

LARGEST: Final = 1e6
"""A larger number is damage: the official file stays below 401, and a flipped bit does not."""
NEUTRAL_VARIANCE: Final = 2.0**68
"""With `NEUTRAL_GAMMA` a batch normalisation that changes nothing, see `neutral`."""
NEUTRAL_GAMMA: Final = 2.0**34
"""Its square root, so large that no reader's epsilon reaches the last bit of a float64."""


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

    Parameters
    ----------
    conv : FloatConv
    like : StoredConv
        Of the file that is written again.

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


def neutral_all(
    convs: Mapping[str, FloatConv], like: Mapping[str, StoredConv]
) -> dict[str, StoredConv]:
    """Store every convolution of a file with the same tensors as before, in its order."""
    return {name: neutral(convs[name], stored) for name, stored in like.items()}
