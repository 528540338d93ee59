"""Primitives against Python's own integers."""

from __future__ import annotations

import numpy as np
import pytest

from golden.arithmetic import fixed
from golden.config import InputError, Overflow, ProductMode, Rounding, Slope

INTERESTING = [-(2**47), -32769, -32768, -129, -128, -9, -8, -1, 0, 1, 7, 127, 128, 32768, 2**47]


def test_saturate_and_wrap_follow_python() -> None:
    for width in (8, 16):
        low, high = fixed.int_range(width)
        assert fixed.saturate(INTERESTING, width).tolist() == [
            min(max(v, low), high) for v in INTERESTING
        ]
        assert fixed.wrap(INTERESTING, width).tolist() == [
            (v - low) % 2**width + low for v in INTERESTING
        ]


def test_requantize_follows_python() -> None:
    for shift in (0, 1, 5, 47):
        for rounding in Rounding:
            half = 2**shift // 2 if rounding is not Rounding.FLOOR else 0
            expected = [(v + half) // 2**shift for v in INTERESTING]
            assert fixed.shift_right(INTERESTING, shift, rounding).tolist() == expected
            wrapped = fixed.requantize(INTERESTING, shift, 16, rounding, Overflow.WRAP)
            assert wrapped.tolist() == [(v + 32768) % 65536 - 32768 for v in expected]


def test_leaky_floors_on_both_slopes() -> None:
    values = list(range(-300, 300))
    eighth = fixed.leaky(values, Slope.EIGHTH).tolist()
    assert eighth == [v if v > 0 else v // 8 for v in values]
    thirteen = fixed.leaky(values, Slope.THIRTEEN_128THS).tolist()
    assert thirteen == [v if v > 0 else v * 13 // 128 for v in values]


def test_cut_modes_keep_bits_23_to_8(rng: np.random.Generator) -> None:
    a, w = rng.integers(-32768, 32768, (2, 10_000))
    floor = fixed.multiply(a, w, ProductMode.CUT_FLOOR)
    rounded = fixed.multiply(a, w, ProductMode.CUT_ROUND)
    for result, extra in ((floor, 0), (rounded, 128)):
        bits = (((a * w + extra) & 0xFFFFFF) >> 8).astype(np.uint16)
        np.testing.assert_array_equal(result, bits.astype(np.int16))


def test_quantize_then_dequantize_errs_by_half_a_step(rng: np.random.Generator) -> None:
    x = rng.uniform(-100, 100, 10_000)
    for rounding, largest in (("round_half_to_even", 0.5), ("floor", 1.0), ("toward_zero", 1.0)):
        ints, saturated = fixed.quantize(x, 8, rounding=rounding)  # type: ignore[arg-type]
        error = np.abs(fixed.dequantize(ints, 8) - x).max()
        assert saturated == 0
        assert largest / 256 * 0.99 < error <= largest / 256


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_quantize_names_tensor_and_index(bad: float) -> None:
    x = np.zeros((2, 3))
    x[1, 2] = bad
    with pytest.raises(InputError, match=r"conv3 weight\[1, 2\] is"):
        fixed.quantize(x, 8, name="conv3 weight")


def test_quantize_saturates_what_overflows_a_float() -> None:
    ints, saturated = fixed.quantize([1e308, -1e308], 24)
    assert ints.tolist() == [32767, -32768]
    assert saturated == 2


def test_a_negative_shift_is_refused() -> None:
    with pytest.raises(ValueError, match="shift -1"):
        fixed.shift_right(1, -1, Rounding.FLOOR)
