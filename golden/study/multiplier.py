"""One multiplication of the PE, step by step: operands, product, cut, result, error."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from golden.arithmetic.fixed import CUT_BITS, dequantize, int_range, multiply, quantize, requantize
from golden.config import InputError, Overflow, ProductMode, Rounding

WIDTH: Final = 16
"""Bits of an operand and of the result."""
FRAC: Final = CUT_BITS
"""Fraction bits of Q7.8; the cut drops as many."""
_RAW: Final = re.compile(r"([+-]?)(0x[0-9a-f]+|0b[01]+|raw:[+-]?\d+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Operand:
    """A factor in Q7.8."""

    text: str
    """As it was given."""
    exact: float
    """The real number that was meant."""
    integer: int
    """The 16-bit number that stands for it."""
    saturated: bool
    """Whether Q7.8 does not reach it."""

    @property
    def value(self) -> float:
        """The real number that the integer stands for."""
        return float(dequantize(self.integer, FRAC))

    def to_dict(self) -> dict[str, Any]:
        """Return the operand as JSON holds it."""
        return {
            "text": self.text,
            "exact": self.exact,
            "value": self.value,
            "integer": self.integer,
            "hex": pattern(self.integer, WIDTH),
            "bits": bits(self.integer, 1, WIDTH - 1 - FRAC, FRAC),
            "saturated": self.saturated,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What one mode makes of a product."""

    mode: ProductMode
    product: int
    """32 bits; in ``cut_round`` with the half added."""
    contribution: int
    """What it adds to a sum: 32 bits in ``full``, 16 in the cut modes."""
    integer: int
    """As an output of 16 bits with 8 fraction bits."""
    wrapped: bool
    """Whether the cut lost bits that carried value."""
    saturated: bool
    """Whether ``full`` had to clamp the output."""
    exact: float
    """The product of the numbers that were meant."""

    @property
    def value(self) -> float:
        """The real number that the output stands for."""
        return float(dequantize(self.integer, FRAC))

    @property
    def error(self) -> float:
        """Output less the product that was meant."""
        return self.value - self.exact

    @property
    def bits(self) -> str:
        """The product in binary; bits that do not count stand in brackets."""
        if self.mode is ProductMode.FULL:
            return bits(self.product, 1, 2 * WIDTH - 1 - 2 * FRAC, 2 * FRAC)
        top, sign, whole, fraction, low = bits(
            self.product, FRAC, 1, WIDTH - 1 - FRAC, FRAC, CUT_BITS
        ).split(" | ")
        return f"[{top}] {sign} | {whole} | {fraction} [{low}]"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON holds it."""
        return {
            "mode": self.mode.value,
            "bits": self.bits,
            "contribution": self.contribution,
            "integer": self.integer,
            "hex": pattern(self.integer, WIDTH),
            "value": self.value,
            "error": self.error,
            "wrapped": self.wrapped,
            "saturated": self.saturated,
        }


def pattern(value: int, width: int) -> str:
    """Two's complement in hexadecimal.

    >>> pattern(-6526, 16), pattern(0x0EE68289, 32)
    ('0xE682', '0x0EE68289')
    """
    return f"0x{value & ((1 << width) - 1):0{width // 4}X}"


def bits(value: int, *fields: int) -> str:
    """Two's complement in binary, split into fields of so many bits.

    >>> bits(288, 1, 7, 8), bits(-1, 1, 3)
    ('0 | 0000001 | 00100000', '1 | 111')
    """
    width = sum(fields)
    digits = f"{value & ((1 << width) - 1):0{width}b}"
    ends = [sum(fields[: n + 1]) for n in range(len(fields))]
    return " | ".join(digits[end - size : end] for end, size in zip(ends, fields, strict=True))


def parse_operand(text: str) -> Operand:
    """Read a factor: a real number, or with a prefix the 16 bits that stand for one.

    Parameters
    ----------
    text : str
        ``-1.5`` (real), ``0x3DC3`` or ``0b101`` (bits), ``raw:-6526`` (integer).

    Raises
    ------
    InputError
        If it is none of these, not finite, or has more than 16 bits.

    >>> parse_operand("1.1234").integer, parse_operand("0xE682").integer
    (288, -6526)
    >>> parse_operand("raw:-6526").value, parse_operand("300").saturated
    (-25.4921875, True)
    """
    if match := _RAW.fullmatch(text.strip()):
        integer = _raw(match[1], match[2].lower(), text)
        return Operand(text, float(dequantize(integer, FRAC)), integer, False)
    try:
        exact = float(text)
    except ValueError:
        raise InputError(
            f"operand {text!r} is no number: give one such as -1.5, 0x3DC3, 0b101 or raw:-6526"
        ) from None
    if not math.isfinite(exact):
        raise InputError(f"operand {text}: a finite number is wanted")
    ints, saturated = quantize(exact, FRAC, WIDTH)
    return Operand(text, exact, int(ints), saturated > 0)


def _raw(sign: str, digits: str, text: str) -> int:
    """The integer behind a prefix; a pattern of 16 bits without a sign may be negative."""
    low, high = int_range(WIDTH)
    if digits.startswith("raw:"):
        integer = int(digits[4:])
        if sign:
            raise InputError(f"operand {text}: write the sign behind raw:")
    else:
        integer = int(digits, 0)
        if not sign and high < integer < 1 << WIDTH:
            integer -= 1 << WIDTH
        integer = -integer if sign == "-" else integer
    if not low <= integer <= high:
        raise InputError(f"operand {text} has more than {WIDTH} bits")
    return integer


def result(a: Operand, w: Operand, mode: ProductMode) -> Result:
    """Multiply in one mode, and bring the product to the output's 8 fraction bits.

    The cut modes' contribution has them already. In ``full`` the sum is shifted right by
    8, half added, and saturated (docs/numerics.md).

    >>> a, b = parse_operand("1.1234"), parse_operand("0x3DC3")
    >>> [result(a, a, mode).integer for mode in ProductMode]
    [324, 324, 324]
    >>> [result(b, b, mode).integer for mode in ProductMode]
    [32767, -6526, -6525]
    """
    product = a.integer * w.integer
    contribution = int(multiply(a.integer, w.integer, mode))
    exact = a.exact * w.exact
    if mode is ProductMode.FULL:
        half_up = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY
        integer = int(requantize(product, FRAC, WIDTH, half_up, Overflow.SATURATE))
        wide = int(requantize(product, FRAC, 2 * WIDTH, half_up, Overflow.SATURATE))
        return Result(mode, product, contribution, integer, False, integer != wide, exact)
    if mode is ProductMode.CUT_ROUND:
        product += 1 << (CUT_BITS - 1)
    wrapped = contribution != product >> CUT_BITS
    return Result(mode, product, contribution, contribution, wrapped, False, exact)
