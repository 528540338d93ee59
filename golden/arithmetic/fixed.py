"""Integer primitives: the specification of every operation that the PE performs.

Each function works on numpy integers of any shape, in 64 bits, and is written
to be read. Floats appear in `quantize` and `dequantize` only.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from golden.config import Activation, InputError, Overflow, ProductMode, Rounding, Slope

Int16Array = npt.NDArray[np.int16]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
FloatRounding = Literal["round_half_to_even", "floor", "toward_zero"]

CUT_BITS = 8
"""Low bits of a product that the cut modes drop."""


def int_range(width: int) -> tuple[int, int]:
    """Return the smallest and largest `width`-bit two's complement integer.

    >>> int_range(16)
    (-32768, 32767)
    """
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def as_int64(x: npt.ArrayLike) -> Int64Array:
    """Return `x` as 64-bit integers, refusing anything that is not an integer already.

    Raises
    ------
    TypeError
        If `x` holds floats, booleans or objects.

    >>> as_int64([1, 2]).dtype.name
    'int64'
    >>> as_int64(0.5)
    Traceback (most recent call last):
    TypeError: integers are wanted, not float64
    """
    array = np.asarray(x)
    if array.dtype.kind not in "iu":
        raise TypeError(f"integers are wanted, not {array.dtype}")
    return array.astype(np.int64)


def check_finite(x: npt.NDArray[np.floating], name: str) -> None:
    """Refuse a NaN or an infinity.

    Raises
    ------
    InputError
        Naming the tensor and the index of the first bad value.

    >>> check_finite(np.array([[0.0, np.nan]]), "conv1 gamma")
    Traceback (most recent call last):
    golden.config.InputError: conv1 gamma[0, 1] is nan: a finite number is wanted
    """
    if not np.isfinite(x).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        where = ", ".join(map(str, index))
        raise InputError(f"{name}[{where}] is {x[index]}: a finite number is wanted")


def quantize(
    x: npt.ArrayLike,
    frac: int,
    width: int = 16,
    rounding: FloatRounding = "round_half_to_even",
    name: str = "tensor",
) -> tuple[Int64Array, int]:
    """Round ``x * 2**frac`` to integers of `width` bits, saturating.

    Parameters
    ----------
    x : array_like of float
        Values of any shape.
    frac : int
        Fraction bits; a negative figure is a scale above one.
    width : int
        Bits of the result, 2 to 53.
    rounding : str
        ``round_half_to_even``, ``floor`` or ``toward_zero``.
    name : str
        Tensor's name for the error.

    Returns
    -------
    ints : ndarray of int64
    saturated : int
        How many values lay outside the range.

    Raises
    ------
    InputError
        If a value is NaN or infinite.

    Ties go to even; full scale saturates and is counted:

    >>> [quantize(v / 512, 8)[0].item() for v in (1, 3, -1, -3)]
    [0, 2, 0, -2]
    >>> [quantize(-1 / 512, 8, rounding=r)[0].item() for r in ("floor", "toward_zero")]
    [-1, 0]
    >>> ints, saturated = quantize([127.998046875, 128.0, -128.0, -129.0], 8)
    >>> ints.tolist(), saturated
    ([32767, 32767, -32768, -32768], 3)
    """
    values = np.asarray(x, dtype=np.float64)
    check_finite(values, name)
    with np.errstate(over="ignore"):
        scaled = np.ldexp(values, frac)
    rounders = {"round_half_to_even": np.rint, "floor": np.floor, "toward_zero": np.trunc}
    rounded = rounders[rounding](scaled)
    low, high = int_range(width)
    saturated = int(np.count_nonzero((rounded < low) | (rounded > high)))
    return np.clip(rounded, low, high).astype(np.int64), saturated


def dequantize(x: npt.ArrayLike, frac: int) -> FloatArray:
    """Return the value of integers with `frac` fraction bits: ``x / 2**frac``.

    >>> dequantize([324, -1], 8).tolist()
    [1.265625, -0.00390625]
    """
    return np.ldexp(as_int64(x).astype(np.float64), -frac)


def saturate(x: npt.ArrayLike, width: int) -> Int64Array:
    """Clamp to `width` bits.

    >>> saturate([32768, 32767, -32768, -32769], 16).tolist()
    [32767, 32767, -32768, -32768]
    """
    low, high = int_range(width)
    return np.clip(as_int64(x), low, high)


def wrap(x: npt.ArrayLike, width: int) -> Int64Array:
    """Keep the low `width` bits, read as two's complement.

    >>> wrap([32768, 32767, -32769, 65536 + 5], 16).tolist()
    [-32768, 32767, 32767, 5]
    """
    half = 1 << (width - 1)
    return ((as_int64(x) + half) & ((1 << width) - 1)) - half


def multiply(a: npt.ArrayLike, w: npt.ArrayLike, mode: ProductMode) -> Int64Array:
    """Multiply 16-bit operands, and keep what the product contributes to the sum.

    ``full``: all 32 bits. ``cut_floor``: bits 23..8 as a signed 16-bit number.
    ``cut_round``: the same of the product plus 128.

    1.1234 squared in Q7.8, then a pair whose top bits carried value:

    >>> int(multiply(288, 288, ProductMode.FULL)), int(multiply(288, 288, ProductMode.CUT_FLOOR))
    (82944, 324)
    >>> int(multiply(0x3DC3, 0x3DC3, ProductMode.CUT_FLOOR))
    -6526

    Floor against round at a tie and below zero:

    >>> [int(multiply(1, w, ProductMode.CUT_FLOOR)) for w in (127, 128, -1, -128, -129)]
    [0, 0, -1, -1, -1]
    >>> [int(multiply(1, w, ProductMode.CUT_ROUND)) for w in (127, 128, -1, -128, -129)]
    [0, 1, 0, 0, -1]

    Full scale:

    >>> [int(multiply(-32768, -32768, mode)) for mode in ProductMode]
    [1073741824, 0, 0]
    """
    product = as_int64(a) * as_int64(w)
    if mode is ProductMode.FULL:
        return product
    half = 1 << (CUT_BITS - 1) if mode is ProductMode.CUT_ROUND else 0
    return wrap((product + half) >> CUT_BITS, 16)


def shift_right(x: npt.ArrayLike, shift: int, rounding: Rounding) -> Int64Array:
    """Divide by ``2**shift``, rounding as named.

    Half goes to positive infinity, on both sides of zero:

    >>> up = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY
    >>> shift_right([6, 5, -5, -6, -7, -8], 2, up).tolist()
    [2, 1, -1, -1, -2, -2]
    >>> shift_right([6, 5, -5, -6, -7, -8], 2, Rounding.FLOOR).tolist()
    [1, 1, -2, -2, -2, -2]
    >>> shift_right(7, 0, up).item()
    7
    """
    if shift < 0:
        raise ValueError(f"shift {shift}: 0 or more is wanted")
    half = 1 << (shift - 1) if shift and rounding is not Rounding.FLOOR else 0
    return (as_int64(x) + half) >> shift


def leaky(x: npt.ArrayLike, slope: Slope) -> Int64Array:
    """Turn a negative x into ``x >>> 3`` or ``(x * 13) >>> 7``, floored.

    >>> leaky([9, 0, -1, -8, -9, -32768], Slope.EIGHTH).tolist()
    [9, 0, -1, -1, -2, -4096]
    >>> leaky([9, -1, -128, -129, -32768], Slope.THIRTEEN_128THS).tolist()
    [9, -1, -13, -14, -3328]
    """
    value = as_int64(x)
    small = value >> 3 if slope is Slope.EIGHTH else (value * 13) >> 7
    return np.where(value < 0, small, value)


def activate(x: npt.ArrayLike, activation: Activation, slope: Slope) -> Int64Array:
    """Apply a layer's activation to integers of any width.

    >>> [activate([-16, 5], kind, Slope.EIGHTH).tolist() for kind in Activation]
    [[-16, 5], [0, 5], [-2, 5]]
    """
    if activation is Activation.LINEAR:
        return as_int64(x)
    if activation is Activation.RELU:
        return np.maximum(as_int64(x), 0)
    return leaky(x, slope)


def requantize(
    x: npt.ArrayLike, shift: int, width: int, rounding: Rounding, overflow: Overflow
) -> Int64Array:
    """Shift right with rounding, then saturate or wrap to `width` bits.

    >>> up = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY
    >>> requantize([32767 * 2 + 1, -65537, 3], 1, 16, up, Overflow.SATURATE).tolist()
    [32767, -32768, 2]
    >>> requantize([32767 * 2 + 1, -65538, 3], 1, 16, up, Overflow.WRAP).tolist()
    [-32768, 32767, 2]
    """
    shifted = shift_right(x, shift, rounding)
    return saturate(shifted, width) if overflow is Overflow.SATURATE else wrap(shifted, width)
