"""Directed arithmetic: sums of products with results worked out by hand.

`golden/tests/stimulus/test_vectors.py` holds the reference models to them,
`tb/tests/cosim/test_vectors.py` the hardware. A row of the table reads

    name | terms of the sum | shift | options | expected | why

A term ``a*w`` is an activation times a weight, a term without a star is the bias. Unless
an option says otherwise a product counts in full, the shift rounds half up, the result
saturates to 16 bits, and there is no activation. Options: ``cut_floor``, ``cut_round``,
``floor``, ``wrap``, ``relu``, ``1/8`` and ``13/128`` (leaky, with that slope), ``before``
(the activation sees the wide sum), ``8-bit`` (operands and result).

>>> from golden.reference import spec
>>> [v.layer.name for v in VECTORS if spec.conv(v.input, v.layer).item() != v.expected]
[]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import Activation, LeakyPlace, Overflow, ProductMode, Rounding, Slope
from golden.graph.conv_layer import ConvLayer

TABLE: Final = """
worked_cut_floor | 288*288     |  0 | cut_floor |   324 | 1.1234^2 in Q7.8: 82944 = 324 * 256
worked_cut_round | 288*288     |  0 | cut_round |   324 | no fraction to round
worked_full      | 288*288     |  8 |           |   324 | the same by the shift
wraps_cut_floor  | 15811*15811 |  0 | cut_floor | -6526 | 0x0EE68289: bits 23..8 are 0xE682
wraps_cut_round  | 15811*15811 |  0 | cut_round | -6525 | 0x89 + 0x80 carries: 0xE683
full_saturates   | 15811*15811 |  8 |           | 32767 | 0x0EE683 is beyond 16 bits
full_wraps       | 15811*15811 |  8 | wrap      | -6525 | its low 16 bits are 0xE683
full_rounds      | 15811*15811 | 16 |           |  3815 | 0x0EE6 = 3814, rest 0x8289 is over half
full_floors      | 15811*15811 | 16 | floor     |  3814 | the rest is dropped

min_min_16          | -32768*-32768 | 16 |           |  16384 | 2^30 / 2^16
min_min_15          | -32768*-32768 | 15 |           |  32767 | 2^15 saturates
min_min_15_wrap     | -32768*-32768 | 15 | wrap      | -32768 | 2^15 wraps
min_min_0           | -32768*-32768 |  0 |           |  32767 | 2^30 saturates
min_min_0_wrap      | -32768*-32768 |  0 | wrap      |      0 | the low 16 bits of 2^30
min_min_30          | -32768*-32768 | 30 |           |      1 | exactly one
min_min_31          | -32768*-32768 | 31 |           |      1 | a tie goes up
min_min_31_floor    | -32768*-32768 | 31 | floor     |      0 | a tie is dropped
min_min_cut_floor   | -32768*-32768 |  0 | cut_floor |      0 | bits 23..8 of 2^30
min_min_cut_round   | -32768*-32768 |  0 | cut_round |      0 | likewise
min_max             | -32768*32767  | 15 |           | -32767 | -2^30 + 2^15
max_min             | 32767*-32768  | 15 |           | -32767 | the operands may change places
min_max_cut_floor   | -32768*32767  |  0 | cut_floor |    128 | -2^22 + 2^7 in 16 bits
min_max_cut_round   | -32768*32767  |  0 | cut_round |    128 | no fraction to round
max_max             | 32767*32767   | 15 |           |  32766 | 2^15 - 2 + 2^-15
max_max_cut_floor   | 32767*32767   |  0 | cut_floor |   -256 | 2^22 - 2^8 in 16 bits
max_max_cut_round   | 32767*32767   |  0 | cut_round |   -256 | the rest 1 is under half
min_by_minus_one    | -32768*-1     |  0 |           |  32767 | 32768 saturates
min_by_minus_one_wr | -32768*-1     |  0 | wrap      | -32768 | 32768 wraps
min_by_1_cut        | -32768*1      |  0 | cut_floor |   -128 | -2^15 / 2^8
min_by_minus_1_cut  | -32768*-1     |  0 | cut_round |    128 | 2^15 / 2^8
cut_fits_low        | -32768*256    |  0 | cut_floor | -32768 | -2^15: the lowest that fits
cut_fits_high       | 32767*256     |  0 | cut_floor |  32767 | 2^15 - 1: the highest that fits
cut_wraps_high      | -32768*-256   |  0 | cut_floor | -32768 | 2^15 wraps
cut_wraps_257       | 32767*257     |  0 | cut_floor | -32642 | 32894 - 65536, rest 255
cut_round_wraps_257 | 32767*257     |  0 | cut_round | -32641 | the rest 255 rounds up first
cut_keeps_top       | 384*21845     |  0 | cut_floor |  32767 | 2^23 - 128 is 32767.5
cut_round_wraps_top | 384*21845     |  0 | cut_round | -32768 | 32767.5 rounds up to 2^15 and wraps

cut_floor_127       | 1*127  | 0 | cut_floor |  0 | 0.496
cut_floor_tie       | 1*128  | 0 | cut_floor |  0 | 0.5
cut_floor_255       | 1*255  | 0 | cut_floor |  0 | 0.996
cut_floor_minus_1   | 1*-1   | 0 | cut_floor | -1 | -0.004 goes down
cut_floor_neg_tie   | -1*128 | 0 | cut_floor | -1 | -0.5
cut_floor_minus_256 | 1*-256 | 0 | cut_floor | -1 | -1 is exact
cut_floor_minus_257 | 1*-257 | 0 | cut_floor | -2 | -1.004
cut_round_127       | 1*127  | 0 | cut_round |  0 | 0.496 is under half
cut_round_tie       | 1*128  | 0 | cut_round |  1 | 0.5 goes up
cut_round_3_ties    | 1*384  | 0 | cut_round |  2 | 1.5 goes up, not to even alone
cut_round_minus_1   | 1*-1   | 0 | cut_round |  0 | -0.004
cut_round_neg_tie   | 1*-128 | 0 | cut_round |  0 | -0.5 goes up
cut_round_minus_129 | 1*-129 | 0 | cut_round | -1 | -0.504
cut_round_minus_384 | 1*-384 | 0 | cut_round | -1 | -1.5 goes up

cut_each_floor   | 1*128 1*128              | 0 | cut_floor |  0 | each is cut before the sum
cut_each_round   | 1*128 1*128              | 0 | cut_round |  2 | each is rounded before it
cut_none         | 1*128 1*128              | 8 |           |  1 | the sum is 256
floor_adds_up    | -1*1 -1*1 -1*1 -1*1 -1*1 | 0 | cut_floor | -5 | five floors of -1 / 256
round_adds_up    | -1*1 -1*1 -1*1 -1*1 -1*1 | 0 | cut_round |  0 | none of them reaches half
beyond_the_lanes | 1*1 2*1 3*1 4*1 5*1      | 0 |           | 15 | a fifth channel
signs_of_lanes   | 1*1 2*-1 3*1 4*-1 5*1    | 0 |           |  3 | 1 - 2 + 3 - 4 + 5
cancels          | 32767*32767 32767*-32767 | 0 |           |  0 | full scale against full scale

beyond_32_bits      | -32768*-32768 -32768*-32768 | 17 |  | 16384 | 2^31 is no 32-bit number
beyond_32_saturates | -32768*-32768 -32768*-32768 | 16 |  | 32767 | 2^15 saturates

product_and_bias | 3*5 -16  | 0 |           | -1 | 15 - 16
cut_product_bias | 256*7 -8 | 0 | cut_floor | -1 | 7 - 8: the bias is not cut

shift_0             | 7    | 0 |       |  7 | no half is added
shift_0_floor       | -7   | 0 | floor | -7 | and none is missing
half                | 1    | 1 |       |  1 | 0.5 goes up
minus_half          | -1   | 1 |       |  0 | -0.5 goes up
one_and_a_half      | 3    | 1 |       |  2 | 1.5
minus_1_and_a_half  | -3   | 1 |       | -1 | -1.5
half_floor          | 1    | 1 | floor |  0 | 0.5 goes down
minus_half_floor    | -1   | 1 | floor | -1 | -0.5 goes down
minus_1_half_floor  | -3   | 1 | floor | -2 | -1.5 goes down
over_a_quarter      | 5    | 2 |       |  1 | 1.25
minus_a_quarter     | -5   | 2 |       | -1 | -1.25
tie_of_quarters     | -6   | 2 |       | -1 | -1.5
three_quarters      | -7   | 2 |       | -2 | -1.75
quarters_floor      | -5   | 2 | floor | -2 | -1.25 goes down
under_the_tie       | 127  | 8 |       |  0 | 0.496
on_the_tie          | 128  | 8 |       |  1 | 0.5
on_minus_the_tie    | -128 | 8 |       |  0 | -0.5
under_minus_the_tie | -129 | 8 |       | -1 | -0.504

highest             | 32767  | 0 |            |  32767 | fits
above               | 32768  | 0 |            |  32767 | saturates
lowest              | -32768 | 0 |            | -32768 | fits
below               | -32769 | 0 |            | -32768 | saturates
above_wraps         | 32768  | 0 | wrap       | -32768 | the next after the highest
below_wraps         | -32769 | 0 | wrap       |  32767 | the next before the lowest
wraps_to_zero       | 65536  | 0 | wrap       |      0 | a whole turn
wraps_past_zero     | 65541  | 0 | wrap       |      5 | a whole turn and 5
rounds_into_range   | 65533  | 1 |            |  32767 | 32766.5
rounds_out_of_range | 65535  | 1 |            |  32767 | 32767.5 becomes 32768
rounds_and_wraps    | 65535  | 1 | wrap       | -32768 | 32768 wraps
floors_into_range   | 65535  | 1 | floor wrap |  32767 | 32767.5 goes down and fits
rounds_up_to_lowest | -65537 | 1 | wrap       | -32768 | -32768.5 goes up and fits
floors_out_of_range | -65537 | 1 | floor wrap |  32767 | -32769 wraps
floors_saturating   | -65537 | 1 | floor      | -32768 | -32769 saturates
below_by_one        | -65538 | 1 | wrap       |  32767 | -32769 wraps

max_32           | 2147483647       | 16 |                |  32767 | 2^31 - 1 rounds to 2^15
max_32_wrap      | 2147483647       | 16 | wrap           | -32768 | 2^15 wraps
max_32_floor     | 2147483647       | 16 | floor wrap     |  32767 | 2^15 - 1 fits
min_32           | -2147483648      | 16 | wrap           | -32768 | exact
min_32_saturates | -2147483648      |  0 |                | -32768 | far below
max_32_low_bits  | 2147483647       |  0 | wrap           |     -1 | sixteen ones
max_32_cut_floor | 2147483647       | 16 | cut_floor      |  32767 | rounding needs a 33rd bit
min_32_cut_floor | -2147483648      | 31 | cut_floor      |     -1 | the sign alone
max_48           | 140737488355327  | 47 | cut_round      |      1 | 2^47 - 1 rounds to 2^47
min_48           | -140737488355328 | 32 | cut_round wrap | -32768 | exact

linear_minus_lsb | -1     | 0 |        |    -1 | no activation
relu_minus_lsb   | -1     | 0 | relu   |     0 | negative
relu_plus_lsb    | 1      | 0 | relu   |     1 | positive
relu_lowest      | -32769 | 0 | relu   |     0 | saturated, then negative
leaky_minus_lsb  | -1     | 0 | 1/8    |    -1 | -0.125 goes down
leaky_minus_8    | -8     | 0 | 1/8    |    -1 | exact
leaky_minus_9    | -9     | 0 | 1/8    |    -2 | -1.125 goes down
leaky_zero       | 0      | 0 | 1/8    |     0 | zero is not negative
leaky_positive   | 9      | 0 | 1/8    |     9 | unchanged
leaky_lowest     | -40000 | 0 | 1/8    | -4096 | -32768 / 8
leaky_highest    | 40000  | 0 | 1/8    | 32767 | unchanged
gentle_minus_lsb | -1     | 0 | 13/128 |    -1 | -0.102 goes down
gentle_minus_9   | -9     | 0 | 13/128 |    -1 | -117 / 128
gentle_minus_10  | -10    | 0 | 13/128 |    -2 | -130 / 128
gentle_exact     | -128   | 0 | 13/128 |   -13 | exact
gentle_minus_129 | -129   | 0 | 13/128 |   -14 | -13.1
gentle_lowest    | -32768 | 0 | 13/128 | -3328 | -13 * 256
gentle_positive  | 10     | 0 | 13/128 |    10 | unchanged

leaky_after_shift  | -12 | 2 | 1/8        | -1 | -3, then -0.375 goes down
leaky_before_shift | -12 | 2 | 1/8 before |  0 | -2, then -0.5 goes up

lsb_after           | -1          |  1 | 1/8                 |      0 | -0.5 goes up to 0
lsb_after_floor     | -1          |  1 | 1/8 floor           |     -1 | -0.5 goes down, -1 stays
lsb_before          | -1          |  1 | 13/128 before       |      0 | -1, then -0.5 goes up
lsb_before_floor    | -1          |  1 | 13/128 before floor |     -1 | -1, then -0.5 goes down
clips_then_leaks    | -262144     |  0 | 1/8                 |  -4096 | -32768 / 8
leaks_then_fits     | -262144     |  0 | 1/8 before          | -32768 | -2^18 / 8 fits
leaks_then_clips    | -262145     |  0 | 1/8 before          | -32768 | -32769 saturates
leaks_then_wraps    | -262145     |  0 | 1/8 before wrap     |  32767 | -32769 wraps
wraps_then_positive | -32769      |  0 | 1/8 wrap            |  32767 | 32767 is not negative
wraps_then_leaks    | 32768       |  0 | 1/8 wrap            |  -4096 | -32768 is
wraps_then_relu     | 32768       |  0 | relu wrap           |      0 | -32768 is negative
relu_then_wraps     | 32768       |  0 | relu before wrap    | -32768 | 32768 is not
relu_wide           | -2147483648 | 16 | relu before         |      0 | negative
relu_before_rounds  | 5           |  1 | relu before         |      3 | 2.5 goes up

gentle_wide       | -2147483648      | 24 | 13/128 before           |    -13 | needs four more bits
gentle_wide_clips | -2147483648      |  8 | 13/128 before           | -32768 | -13 * 2^16 saturates
gentle_wide_cut   | -2147483648      | 24 | cut_floor 13/128 before |    -13 | in 32 bits too
gentle_48         | -140737488355328 | 40 | cut_round 13/128 before |    -13 | and in 48

leaky_cut_floor | 1*-1 | 0 | cut_floor 1/8 | -1 | -1, then -0.125 goes down
leaky_cut_round | 1*-1 | 0 | cut_round 1/8 |  0 | the product rounds to 0

byte_min_min       | -128*-128 | 7 | 8-bit               |  127 | 128 saturates
byte_min_min_wrap  | -128*-128 | 7 | 8-bit wrap          | -128 | 128 wraps
byte_min_min_8     | -128*-128 | 8 | 8-bit               |   64 | 2^14 / 2^8
byte_min_max       | -128*127  | 7 | 8-bit               | -127 | -2^14 + 2^7
byte_max_max       | 127*127   | 7 | 8-bit               |  126 | 126.008
byte_highest       | 127       | 0 | 8-bit               |  127 | fits
byte_below         | -129      | 0 | 8-bit               | -128 | saturates
byte_below_wraps   | -129      | 0 | 8-bit wrap          |  127 | wraps
byte_rounds_out    | 255       | 1 | 8-bit               |  127 | 127.5 becomes 128: saturates
byte_leaky         | -200      | 0 | 8-bit 1/8           |  -16 | -128 / 8
byte_gentle        | -200      | 0 | 8-bit 13/128        |  -13 | -128 * 13 / 128
byte_gentle_before | -200      | 0 | 8-bit 13/128 before |  -21 | -20.3 goes down
"""

_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "floor": {"rounding": Rounding.FLOOR},
    "wrap": {"overflow": Overflow.WRAP},
    "relu": {"activation": Activation.RELU},
    "before": {"place": LeakyPlace.BEFORE_REQUANT},
    "8-bit": {"act_w": 8, "weight_w": 8},
    **{mode.value: {"mode": mode} for mode in ProductMode},
    **{slope.value: {"activation": Activation.LEAKY, "slope": slope} for slope in Slope},
}


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One output value of a 1x1 convolution over one pixel.

    Parameters
    ----------
    layer : ConvLayer
    input : ndarray of int16, (I, 1, 1)
    expected : int
        Worked out by hand, not by the model.
    """

    layer: ConvLayer
    input: Int16Array
    expected: int


def make_vector(
    name: str, products: Sequence[tuple[int, int]], bias: int, expected: int, **choices: Any
) -> Vector:
    """The vector of a sum of activations times weights; `choices` as in `ConvLayer`."""
    activations, weights = np.array(products or [(0, 0)], np.int16).T.copy()
    kernel, biases = weights.reshape(1, -1, 1, 1), np.array([bias], np.int64)
    layer = ConvLayer(name, "vector", kernel, biases, **choices)
    return Vector(layer, activations.reshape(-1, 1, 1), expected)


def _parse(row: str) -> Vector:
    """Read a row of the table."""
    name, terms, shift, options, expected, _ = (cell.strip() for cell in row.split("|"))
    factors = [tuple(map(int, term.split("*"))) for term in terms.split()]
    products = [(term[0], term[1]) for term in factors if len(term) == 2]
    bias = sum(term[0] for term in factors if len(term) == 1)
    choices = {key: x for word in options.split() for key, x in _OPTIONS[word].items()}
    return make_vector(name, products, bias, int(expected), shift=int(shift), **choices)


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

    >>> [v.expected for v in shift_vectors(ProductMode.FULL, 40) if v.layer.shift == 26]
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
