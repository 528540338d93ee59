"""Accumulator widths: safe, and no wider than the worst case."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from golden.config import ConfigError, ProductMode
from golden.reference import bounds, spec
from golden.tests.conftest import BASE, make_layer


@pytest.mark.parametrize("mode", ProductMode)
def test_no_product_exceeds_its_bound(mode: ProductMode) -> None:
    weights = [-32768, -257, -256, -255, -128, -1, 0, 1, 127, 255, 256, 257, 32767]
    layer = make_layer(np.array(weights, np.int16).reshape(-1, 1, 1, 1), mode=mode)
    x = np.arange(-32768, 32768).astype(np.int16).reshape(1, 256, 256)
    largest = np.abs(spec.conv_accumulate(x, layer)).max(axis=(1, 2))
    bound = bounds.contribution_bound(layer).ravel()
    assert (largest <= bound).all()
    if mode is ProductMode.FULL:
        np.testing.assert_array_equal(largest, bound)
    else:
        assert bound.max() == 32768


def test_worst_input_needs_every_bit() -> None:
    weight = np.array([[[[100]], [[-200]]]], np.int16)
    layer = make_layer(weight, [-(1 << 21)])
    worst = 300 * 32768 + (1 << 21)
    assert bounds.accumulator_bits(layer) == worst.bit_length() + 1
    x = np.array([-32768, 32767], np.int16).reshape(2, 1, 1)
    reached = abs(int(spec.conv_accumulate(x, layer).item() + layer.bias[0]))
    assert reached.bit_length() == worst.bit_length()


def test_bound_is_exact_at_a_power_of_two() -> None:
    weight = np.full((1, 1, 1, 1), -32768, np.int16)
    assert bounds.accumulator_bits(make_layer(weight)) == 32
    assert bounds.accumulator_bits(make_layer(weight, [(1 << 30) - 1])) == 32
    assert bounds.accumulator_bits(make_layer(weight, [1 << 30])) == 33


def test_random_sums_stay_within_the_bound(rng: np.random.Generator) -> None:
    for mode, width in product(ProductMode, (8, 16)):
        if mode is not ProductMode.FULL and width == 8:
            continue
        half = 1 << (width - 1)
        weight = rng.integers(-half, half, (4, 8, 3, 3), dtype=np.int16)
        layer = make_layer(weight, mode=mode, act_w=width, weight_w=width)
        x = rng.choice(np.array([-half, half - 1], np.int16), (8, 9, 9))
        limit = 1 << (bounds.accumulator_bits(layer) - 1)
        assert np.abs(spec.conv_accumulate(x, layer)).max() < limit


def test_smallest_width_is_that_of_the_neediest_layer() -> None:
    small = make_layer(np.full((1, 1, 1, 1), 7, np.int16))
    large = make_layer(np.full((1, 256, 1, 1), 32767, np.int16))
    assert bounds.smallest_acc_w([small]) == 32
    assert bounds.smallest_acc_w([small, large]) == 40
    assert bounds.smallest_acc_w([small, replace(small, shift=32)]) == 40
    assert bounds.smallest_acc_w([replace(small, shift=47)]) == 48


def test_a_layer_that_nothing_suffices_for_is_named() -> None:
    huge = make_layer(np.full((1, 1, 1, 1), 32767, np.int16), [(1 << 47) - 1], name="conv4")
    with pytest.raises(ConfigError, match="conv4: sums of 49 bits exceed ACC_W 48"):
        bounds.smallest_acc_w([BASE, huge])


def test_a_shift_beyond_the_accumulator_is_named() -> None:
    layer = replace(BASE, name="conv4", shift=33)
    with pytest.raises(ConfigError, match="conv4: shift 33 exceeds ACC_W 32"):
        bounds.check_layer(layer, 32)
    bounds.check_layer(layer, 40)
