"""The multiplication that ``convpe multiply`` shows."""

from __future__ import annotations

import numpy as np
import pytest

from golden.config import InputError, ProductMode
from golden.study.multiplier import Operand, parse_operand, result

REFUSED = [
    ("x", "operand 'x' is no number"),
    ("", "operand '' is no number"),
    ("nan", "operand nan: a finite number is wanted"),
    ("1e999", "operand 1e999: a finite number is wanted"),
    ("0x10000", "operand 0x10000 has more than 16 bits"),
    ("-0x8001", "operand -0x8001 has more than 16 bits"),
    ("raw:32768", "operand raw:32768 has more than 16 bits"),
    ("-raw:1", "operand -raw:1: write the sign behind raw:"),
    ("0xG", "operand '0xG' is no number"),
]


def raw(integer: int) -> Operand:
    return parse_operand(f"raw:{integer}")


@pytest.mark.parametrize(
    ("text", "integer", "saturated"),
    [
        ("1.1234", 288, False),
        ("-1.5", -384, False),
        ("0x3DC3", 0x3DC3, False),
        ("0X3dc3", 0x3DC3, False),
        ("0xFFFF", -1, False),
        ("-0x8000", -32768, False),
        ("0b11", 3, False),
        ("raw:-7", -7, False),
        ("128", 32767, True),
        ("-128", -32768, False),
        ("-129", -32768, True),
        (" 2 ", 512, False),
    ],
)
def test_reads_reals_and_bits(text: str, integer: int, saturated: bool) -> None:
    operand = parse_operand(text)
    assert (operand.integer, operand.saturated) == (integer, saturated)
    assert operand.value == integer / 256


@pytest.mark.parametrize(("text", "line"), REFUSED)
def test_refuses_what_is_no_operand(text: str, line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        parse_operand(text)
    assert "\n" not in str(caught.value)


def test_the_bits_shown_are_those_that_count(rng: np.random.Generator) -> None:
    """The result, read back from the binary text, wrap by wrap."""
    wraps = 0
    for a, w in rng.integers(-32768, 32768, (300, 2)).tolist():
        for mode in (ProductMode.CUT_FLOOR, ProductMode.CUT_ROUND):
            made = result(raw(a), raw(w), mode)
            digits = made.bits.replace(" ", "").replace("|", "")
            top, rest = digits[1:].split("]", 1)
            kept, low = rest[:-1].split("[")
            assert (len(top), len(kept), len(low)) == (8, 16, 8)
            pattern = int(kept, 2)
            assert made.integer == (pattern - 65536 if pattern > 32767 else pattern)
            product = a * w + (128 if mode is ProductMode.CUT_ROUND else 0)
            assert int(top + kept + low, 2) == product % (1 << 32)
            assert made.wrapped == (not -32768 <= product // 256 <= 32767)
            wraps += made.wrapped
    assert 0 < wraps < 600


def test_full_rounds_half_up_and_saturates(rng: np.random.Generator) -> None:
    clamped = 0
    for a, w in rng.integers(-8000, 8000, (300, 2)).tolist():
        made = result(raw(a), raw(w), ProductMode.FULL)
        rounded = (a * w + 128) // 256
        assert made.integer == max(-32768, min(32767, rounded))
        assert made.saturated == (made.integer != rounded)
        assert made.contribution == int(made.bits.replace(" | ", ""), 2) - (a * w < 0) * (1 << 32)
        clamped += made.saturated
    assert 0 < clamped < 300


def test_the_error_is_against_the_numbers_meant() -> None:
    made = result(parse_operand("1.1234"), parse_operand("1.1234"), ProductMode.CUT_FLOOR)
    assert made.value == 1.265625
    assert made.error == pytest.approx(1.265625 - 1.1234**2, abs=1e-12)
