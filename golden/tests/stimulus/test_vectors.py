"""Hand-worked results, held against every golden model."""

from __future__ import annotations

import numpy as np
import pytest

from golden.config import ACC_WIDTHS, Activation, LeakyPlace, ProductMode
from golden.reference import kernels, spec, torch_oracle
from golden.stimulus.directed import VECTORS, Vector, shift_vectors


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_every_model_gives_the_hand_worked_result(vector: Vector) -> None:
    for conv in (spec.conv, kernels.conv, torch_oracle.conv):
        np.testing.assert_array_equal(conv(vector.input(), vector.layer()), vector.output())


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize("acc_w", ACC_WIDTHS)
def test_every_shift_gives_its_closed_form(mode: ProductMode, acc_w: int) -> None:
    vectors = shift_vectors(mode, acc_w)
    assert {vector.shift for vector in vectors} == set(range(acc_w))
    for vector in vectors:
        for conv in (spec.conv, kernels.conv, torch_oracle.conv):
            assert conv(vector.input(), vector.layer()).item() == vector.expected, vector.name


def test_the_table_covers_every_choice() -> None:
    assert len({vector.name for vector in VECTORS}) == len(VECTORS)
    stages = {(v.mode, v.rounding, v.overflow, v.activation, v.slope, v.place) for v in VECTORS}
    for position, count in enumerate((3, 2, 2, 3, 2, 2)):
        assert len({stage[position] for stage in stages}) == count
    minus_lsb = {
        (v.slope, v.place) for v in VECTORS if v.bias == -1 and v.activation is Activation.LEAKY
    }
    assert {place for _, place in minus_lsb} == set(LeakyPlace)
    assert len({slope for slope, _ in minus_lsb}) == 2
    squares = {v.mode for v in VECTORS if v.activations == v.weights == (-32768,)}
    assert squares == set(ProductMode)
