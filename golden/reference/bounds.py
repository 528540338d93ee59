"""How wide a partial sum has to be, proved from the weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from golden.arithmetic.fixed import CUT_BITS, Int64Array
from golden.config import ACC_WIDTHS, ConfigError, ProductMode
from golden.graph.layers import ConvLayer


def contribution_bound(layer: ConvLayer) -> Int64Array:
    """Return the largest magnitude that each weight's product can contribute, (O, I, KH, KW).

    In mode full ``2**(act_w - 1) * |w|``. In the cut modes that figure without its
    low 8 bits, and never more than a wrapped 16-bit number's 32768.
    """
    magnitude = np.abs(layer.weight.astype(np.int64)) << (layer.act_w - 1)
    if layer.mode is ProductMode.FULL:
        return magnitude
    kept: Int64Array = np.minimum(magnitude >> CUT_BITS, 1 << 15)
    return kept


def accumulator_bits(layer: ConvLayer) -> int:
    """Return the smallest two's complement width that no input of any kind can overflow.

    The worst case of an output channel is ``|bias| + sum of contribution_bound``;
    it bounds every partial sum, in whatever order the products come.
    """
    worst = np.abs(layer.bias) + contribution_bound(layer).sum(axis=(1, 2, 3))
    return int(worst.max()).bit_length() + 1


def check_layer(layer: ConvLayer, acc_w: int) -> None:
    """Prove that `layer` runs in `acc_w` bits.

    Raises
    ------
    ConfigError
        Naming the layer and the value, if a sum could overflow or the shift is too long.
    """
    if layer.shift >= acc_w:
        raise ConfigError(f"{layer.name}: shift {layer.shift} exceeds ACC_W {acc_w}")
    bits = accumulator_bits(layer)
    if bits > acc_w:
        raise ConfigError(f"{layer.name}: sums of {bits} bits exceed ACC_W {acc_w}")


def smallest_acc_w(layers: Iterable[ConvLayer]) -> int:
    """Choose the smallest of 32, 40 and 48 bits that is safe for every layer.

    Raises
    ------
    ConfigError
        Naming the first layer that not even 48 bits suffice for.
    """
    chosen = min(ACC_WIDTHS)
    for layer in layers:
        needed = max(accumulator_bits(layer), layer.shift + 1)
        fitting = [width for width in ACC_WIDTHS if width >= needed]
        if not fitting:
            check_layer(layer, max(ACC_WIDTHS))
        chosen = max(chosen, min(fitting))
    return chosen
