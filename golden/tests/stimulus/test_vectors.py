"""Hand-worked results, held against every golden model."""

from __future__ import annotations

import pytest

from golden.config import ACC_WIDTHS, Activation, LeakyPlace, ProductMode
from golden.reference import kernels, spec, torch_oracle
from golden.tests.stimulus.directed import VECTORS, Vector, shift_vectors


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.layer.name)
def test_every_model_gives_the_hand_worked_result(vector: Vector) -> None:
    for conv in (spec.conv, kernels.conv, torch_oracle.conv):
        assert conv(vector.input, vector.layer).item() == vector.expected


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize("acc_w", ACC_WIDTHS)
def test_every_shift_gives_its_closed_form(mode: ProductMode, acc_w: int) -> None:
    vectors = shift_vectors(mode, acc_w)
    assert {vector.layer.shift for vector in vectors} == set(range(acc_w))
    for vector in vectors:
        for conv in (spec.conv, kernels.conv, torch_oracle.conv):
            assert conv(vector.input, vector.layer).item() == vector.expected, vector.layer.name


def test_the_table_covers_every_choice() -> None:
    layers = [vector.layer for vector in VECTORS]
    assert len({layer.name for layer in layers}) == len(layers)
    kinds = {(x.mode, x.rounding, x.overflow, x.activation, x.slope, x.place) for x in layers}
    for position, count in enumerate((3, 2, 2, 3, 2, 2)):
        assert len({kind[position] for kind in kinds}) == count
    minus_lsb = {
        (x.slope, x.place)
        for x in layers
        if x.bias.item() == -1 and x.activation is Activation.LEAKY
    }
    assert {place for _, place in minus_lsb} == set(LeakyPlace)
    assert len({slope for slope, _ in minus_lsb}) == 2
    squares = {
        vector.layer.mode
        for vector in VECTORS
        if vector.input.ravel().tolist() == vector.layer.weight.ravel().tolist() == [-32768]
    }
    assert squares == set(ProductMode)
