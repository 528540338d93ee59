"""The single convolution of uniform numbers."""

from __future__ import annotations

import numpy as np
import pytest

from golden.arithmetic.fixed import dequantize
from golden.config import ConfigError, ProductMode
from golden.reference import spec
from golden.study.errors.uniform_conv import FRAC, ConvShape, draw, errors, measure

SHAPE = ConvShape(5, 4, 3, 6)


def test_the_float_convolution_is_the_sum_of_its_products() -> None:
    experiment = draw(SHAPE, 3)
    padded = np.pad(experiment.x, ((0, 0), (1, 1), (1, 1)))
    for o, y, x in ((0, 0, 0), (3, 2, 5), (1, 5, 3)):
        window = padded[:, y : y + 3, x : x + 3]
        wanted = (window * experiment.weight[o]).sum()
        assert experiment.real()[o, y, x] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("mode", ProductMode)
def test_errors_are_those_of_the_specification(mode: ProductMode) -> None:
    experiment = draw(SHAPE, 4)
    outputs = dequantize(spec.conv(experiment.pixels, experiment.layer(mode)), FRAC)
    np.testing.assert_array_equal(errors(experiment, mode), outputs - experiment.real())


def test_the_error_is_of_the_order_that_the_source_saw() -> None:
    found = measure(ConvShape(), draws=2, seed=5)
    assert 0.005 < found[ProductMode.FULL].rms < 0.02
    assert 0.008 < found[ProductMode.CUT_ROUND].rms < 0.03
    # Half a unit a product, downward.
    inside = -144 / 2 / 256
    assert inside < found[ProductMode.CUT_FLOOR].mean < 0.85 * inside
    assert found[ProductMode.FULL].largest < 0.1


def test_draws_are_seeded() -> None:
    one, two = draw(SHAPE, 7), draw(SHAPE, 7)
    np.testing.assert_array_equal(one.weight, two.weight)
    np.testing.assert_array_equal(one.x, two.x)
    assert (one.x != draw(SHAPE, 8).x).all()
    assert measure(SHAPE, draws=2, seed=7) == measure(SHAPE, draws=2, seed=7)
    assert np.abs(one.x).max() <= 1
    assert np.abs(one.pixels).max() <= 256


@pytest.mark.parametrize("figures", [(0, 1, 3, 8), (1, 1, 2, 8), (1, 1, 9, 8), (1, 2000, 3, 8)])
def test_refuses_shapes_that_are_not_possible(figures: tuple[int, int, int, int]) -> None:
    with pytest.raises(ConfigError, match="choose 1"):
        ConvShape(*figures)
