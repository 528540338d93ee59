"""Directed arithmetic: sums of products with results worked out by hand.

The rows are in `golden.stimulus.directed_table`. The doctest below and
`golden/tests/stimulus/test_vectors.py` hold the golden model to them,
`tb/tests/cosim/test_vectors.py` the hardware.

>>> from golden.reference import spec
>>> [v.name for v in VECTORS if spec.conv(v.input(), v.layer()).item() != v.expected]
[]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import Activation, LeakyPlace, Overflow, ProductMode, Rounding, Slope
from golden.dataflow.tile import Job, whole_job
from golden.graph.layers import ConvLayer, Padding
from golden.stimulus.directed_table import TABLE


@dataclass(frozen=True, slots=True)
class Vector:
    """One output value of a 1x1 convolution over one pixel.

    Parameters
    ----------
    name : str
    activations, weights : tuple of int
        As many as there are channels.
    bias : int
    mode, shift, rounding, overflow, activation, slope, place
        As in `ConvLayer`.
    expected : int
        Worked out by hand, not by the model.
    reason : str
    width : int
        Bits of an activation and of a weight.
    """

    name: str
    activations: tuple[int, ...]
    weights: tuple[int, ...]
    bias: int
    mode: ProductMode
    shift: int
    rounding: Rounding
    overflow: Overflow
    activation: Activation
    slope: Slope
    place: LeakyPlace
    expected: int
    reason: str
    width: int = 16

    def layer(self) -> ConvLayer:
        """The convolution."""
        return ConvLayer(
            name=self.name,
            source="vector",
            weight=np.array(self.weights, np.int16).reshape(1, -1, 1, 1),
            bias=np.array([self.bias], np.int64),
            stride=1,
            padding=Padding(),
            mode=self.mode,
            shift=self.shift,
            activation=self.activation,
            slope=self.slope,
            place=self.place,
            rounding=self.rounding,
            overflow=self.overflow,
            in_frac=0,
            weight_frac=0,
            out_frac=0,
            act_w=self.width,
            weight_w=self.width,
        )

    def input(self) -> Int16Array:
        """What it reads, (I, 1, 1)."""
        return np.array(self.activations, np.int16).reshape(-1, 1, 1)

    def output(self) -> Int16Array:
        """What has to come out, (1, 1, 1)."""
        return np.array(self.expected, np.int16).reshape(1, 1, 1)

    def job(self) -> Job:
        """The PE's job."""
        return whole_job(self.layer(), self.input())


def _parse(row: str) -> Vector:
    """Read a row of the table."""
    name, terms, shift, words, expected, reason = (cell.strip() for cell in row.split("|"))
    options = set(words.split())
    modes = [mode for mode in ProductMode if mode.value in options]
    slopes = [slope for slope in Slope if slope.value in options]
    known = {"floor", "wrap", "relu", "before", "8-bit"}
    known |= {mode.value for mode in ProductMode} | {slope.value for slope in Slope}
    if unknown := options - known:
        raise ValueError(f"{name}: option {min(unknown)} is unknown")
    products = [term.split("*") for term in terms.split() if "*" in term]
    leaky = Activation.LEAKY if slopes else Activation.LINEAR
    return Vector(
        name=name,
        activations=tuple(int(a) for a, _ in products) or (0,),
        weights=tuple(int(w) for _, w in products) or (0,),
        bias=sum(int(term) for term in terms.split() if "*" not in term),
        mode=modes[0] if modes else ProductMode.FULL,
        shift=int(shift),
        rounding=Rounding.FLOOR if "floor" in options else Rounding.ROUND_HALF_TO_POSITIVE_INFINITY,
        overflow=Overflow.WRAP if "wrap" in options else Overflow.SATURATE,
        activation=Activation.RELU if "relu" in options else leaky,
        slope=slopes[0] if slopes else Slope.EIGHTH,
        place=LeakyPlace.BEFORE_REQUANT if "before" in options else LeakyPlace.AFTER_REQUANT,
        expected=int(expected),
        reason=reason,
        width=8 if "8-bit" in options else 16,
    )


VECTORS: Final = tuple(_parse(row) for row in TABLE.splitlines() if row)
"""Every row of the table."""


def shift_vectors(mode: ProductMode, acc_w: int) -> tuple[Vector, ...]:
    """The same sums at every shift from 0 to the largest.

    With ``unit = 2**shift`` and, from shift 1 on, ``half = unit / 2``:

    - ``half`` gives 1, ``half - 1`` gives 0, ``-half`` gives 0, ``-half - 1`` gives -1;
    - floored, ``unit - 1`` gives 0 and ``-1`` gives -1;
    - the highest sum ``2**(acc_w-1) - 1`` rounds to ``2**(acc_w-1-shift)``, the lowest is
      ``-2**(acc_w-1-shift)``; both saturate at 16 bits. At shift 0 the highest saturates.

    Parameters
    ----------
    mode : ProductMode
    acc_w : int
        Width of a sum, bits.

    Returns
    -------
    tuple of Vector

    >>> [v.expected for v in shift_vectors(ProductMode.FULL, 40) if v.shift == 26]
    [0, -1, 8192, -8192, 1, 0, 0, -1]
    """
    rows = []
    for shift in range(acc_w):
        unit, edge = 1 << shift, 1 << (acc_w - 1)
        rows += [
            (unit - 1, shift, "floor", 0, "under one"),
            (-1, shift, "floor", -1, "under zero"),
            (edge - 1, shift, "", min(32767, edge // unit), "highest sum"),
            (-edge, shift, "", max(-32768, -(edge // unit)), "lowest sum"),
        ]
        if shift:
            rows += [
                (unit // 2, shift, "", 1, "tie"),
                (unit // 2 - 1, shift, "", 0, "under the tie"),
                (-unit // 2, shift, "", 0, "minus the tie"),
                (-unit // 2 - 1, shift, "", -1, "under minus the tie"),
            ]
    cut = "" if mode is ProductMode.FULL else mode.value
    return tuple(
        _parse(f"shift_{shift} {why} | {bias} | {shift} | {cut} {options} | {expected} | {why}")
        for bias, shift, options, expected, why in rows
    )
