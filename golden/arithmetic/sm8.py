"""SM8(n): 8 bits of sign and magnitude, n of them fraction bits.

A code is one sign bit, 7 - n integer bits and n fraction bits; its value is its magnitude's
7 bits over 2^n. Numbers come in as floats and go out as codes, ``uint8``, or as text of '0'
and '1'. Two rules choose the magnitude:

``reference``
    What the magnitude has beyond n fraction bits is cut off, then it is clamped to at most
    2^(7-n) - 2^-n and to at least 2^-n: zero, and all that is smaller, becomes the smallest
    magnitude. Zero, negative zero too, is positive. No number becomes an exact zero.
``round_to_nearest``
    The magnitude is rounded to n fraction bits, half to even, and clamped to at most
    2^(7-n) - 2^-n. What rounds to zero is the true zero, 00000000.

The rule is defined for n from 0 to 7. The routine that it comes from works for 1 to 6: it
writes the digits of integer and fraction as text, always a digit at least for the integer, so
that n = 7 leaves no room for the sign and n = 0 no digit of the fraction. At both ends the same
rule goes on here: 7 integer bits and none, none and 7 fraction bits.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import FloatArray, check_finite
from golden.config import ConfigError


class Sm8Mode(str, Enum):
    """How a magnitude is brought to n fraction bits; `golden.arithmetic.sm8` says it exactly."""

    REFERENCE = "reference"
    ROUND_TO_NEAREST = "round_to_nearest"


class Best(str, Enum):
    """How fraction bits are chosen for a tensor: least squared error, or nothing clamped."""

    MSE = "mse"
    MAX = "max"


MAGNITUDE_BITS: Final = 7
LARGEST: Final = 127
"""Of the magnitude, in units of 2^-n."""
SIGN: Final = 0x80
FRACTIONS: Final = range(MAGNITUDE_BITS + 1)
"""Fraction bits that a code can have."""

Codes = npt.NDArray[np.uint8]
Texts = npt.NDArray[np.str_]


def check_fraction(n: int, name: str = "tensor") -> int:
    """Return fraction bits that SM8 can have.

    Raises
    ------
    ConfigError
        If there are fewer than 0 or more than 7.

    >>> check_fraction(8, "beta")
    Traceback (most recent call last):
    golden.config.ConfigError: beta: n = 8 fraction bits: give 0 to 7
    """
    if n not in FRACTIONS:
        raise ConfigError(f"{name}: n = {n} fraction bits: give 0 to {MAGNITUDE_BITS}")
    return n


def magnitudes(
    x: npt.ArrayLike, n: int, mode: Sm8Mode = Sm8Mode.REFERENCE, name: str = "tensor"
) -> FloatArray:
    """Return |x| as a whole number of 2^-n, before it is clamped.

    Parameters
    ----------
    x : array_like of float
        Any shape.
    n : int
        Fraction bits, 0 to 7.
    mode : Sm8Mode
    name : str
        The tensor's name for the error.

    Raises
    ------
    InputError
        If a value is NaN or infinite; the text names tensor and index.
    ConfigError
        If `n` is out of range.

    >>> magnitudes([0.0, -0.3, 20.0], 3).tolist()
    [0.0, 2.0, 160.0]
    """
    check_fraction(n, name)
    values = np.asarray(x, dtype=np.float64)
    check_finite(values, name)
    with np.errstate(over="ignore"):
        scaled = np.ldexp(np.abs(values), n)
    return np.floor(scaled) if mode is Sm8Mode.REFERENCE else np.rint(scaled)


def encode(
    x: npt.ArrayLike, n: int, mode: Sm8Mode = Sm8Mode.REFERENCE, name: str = "tensor"
) -> Codes:
    """Return the codes of numbers: uint8 of the shape of `x`, bit 7 the sign.

    Parameters and errors are those of `magnitudes`.

    >>> [f"{code:08b}" for code in encode([-4.5, 0.0, 100.0, -0.01], 3)]
    ['10100100', '00000001', '01111111', '10000001']

    A half goes to even, and zero is zero:

    >>> encode([1 / 16, 3 / 16, -1 / 16, 100.0], 3, Sm8Mode.ROUND_TO_NEAREST).tolist()
    [0, 2, 0, 127]
    """
    values = np.asarray(x, dtype=np.float64)
    least = 1 if mode is Sm8Mode.REFERENCE else 0
    clamped = np.clip(magnitudes(values, n, mode, name), least, LARGEST).astype(np.uint8)
    return np.where((values < 0) & (clamped > 0), clamped | np.uint8(SIGN), clamped)


def decode(codes: npt.ArrayLike, n: int) -> FloatArray:
    """Return the numbers that codes stand for.

    Parameters
    ----------
    codes : array_like of uint8
        Any shape. 10000000, which `encode` never makes, is zero.
    n : int
        Fraction bits, 0 to 7.

    Raises
    ------
    ConfigError
        If `n` is out of range.

    >>> decode(np.array([0b10100100, 0b00000001, 0b10000000], np.uint8), 3).tolist()
    [-4.5, 0.125, 0.0]
    """
    check_fraction(n)
    bits = np.asarray(codes, dtype=np.uint8)
    magnitude = (bits & LARGEST).astype(np.int64)
    signed = np.where(bits & SIGN, -magnitude, magnitude)
    return np.ldexp(signed.astype(np.float64), -n)


def float_to_bin(x: npt.ArrayLike, n: int, mode: Sm8Mode = Sm8Mode.REFERENCE) -> Texts:
    """Return the codes of numbers as text, eight digits each; see `encode`.

    The result has the shape of `x`; that of one number, without a dimension, ``str`` takes.

    >>> str(float_to_bin(-4.5, 3)), float_to_bin([0.0, 100.0], 3).tolist()
    ('10100100', ['00000001', '01111111'])
    """
    return _TEXTS[encode(x, n, mode)]


def bin_to_float(text: npt.ArrayLike, n: int) -> FloatArray:
    """Return the numbers of codes that are text.

    Parameters
    ----------
    text : array_like of str
        Eight digits '0' and '1' each; any shape.
    n : int
        Fraction bits, 0 to 7.

    Raises
    ------
    ValueError
        If a text is anything else.
    ConfigError
        If `n` is out of range.

    >>> bin_to_float(["10100100", "00000001"], 3).tolist()
    [-4.5, 0.125]
    """
    texts = np.asarray(text, dtype=np.str_)
    codes = [_CODES.get(str(one)) for one in texts.ravel()]
    if None in codes:
        raise ValueError(f"{texts.ravel()[codes.index(None)]!r}: eight digits 0 and 1 are wanted")
    return decode(np.array(codes, np.uint8).reshape(texts.shape), n)


def fraction_to_bin(x: npt.ArrayLike, n: int) -> Texts:
    """Return the first n binary digits of the fraction of |x|, as text.

    Parameters
    ----------
    x : array_like of float
        Any shape; the integer part is left out.
    n : int
        Digits, 0 to 7.

    Raises
    ------
    InputError
        If a value is NaN or infinite.
    ConfigError
        If `n` is out of range.

    >>> fraction_to_bin([0.625, -4.5, 0.0624], 4).tolist(), str(fraction_to_bin(0.99, 1))
    (['1010', '1000', '0000'], '1')
    """
    values = np.asarray(x, dtype=np.float64)
    check_finite(values, "tensor")
    digits = magnitudes(np.abs(values) % 1.0, n).astype(np.uint8)
    texts: Texts = np.array([text[8 - n :] for text in _TEXTS.tolist()])
    return texts[digits]


_TEXTS: Final[Texts] = np.array([f"{code:08b}" for code in range(256)])
_CODES: Final = {text: code for code, text in enumerate(_TEXTS.tolist())}
