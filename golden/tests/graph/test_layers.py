"""Nodes check themselves, and know their shapes and counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from golden.config import ConfigError, PoolPad, ProductMode
from golden.graph.layers import ConcatLayer, Padding, PoolLayer, UpsampleLayer, sources
from golden.reference import spec, torch_oracle
from golden.tests.conftest import BASE, make_layer


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("stride", 3, "layer: stride 3 is not 1 or 2"),
        ("shift", -1, r"layer: shift -1 is not in 0\.\.47"),
        ("shift", 48, r"layer: shift 48 is not in 0\.\.47"),
        ("mode", "full", "layer: mode 'full' is not a ProductMode"),
        ("act_w", 12, "layer: widths 12x16"),
        ("weight", np.zeros((1, 1, 1, 8), np.int16), r"layer: kernel \(1, 8\) exceeds 7"),
        ("weight", np.zeros((1, 1, 1, 1), np.int64), "layer: weight int64"),
        ("weight", np.zeros((1, 0, 1, 1), np.int16), "layer: weight int16"),
        ("bias", np.zeros(2, np.int64), r"layer: bias int64 \(2,\)"),
        ("bias", np.full(1, 1 << 47), "layer: a bias exceeds 48 bits"),
        ("embedded_zero_taps", 1, "layer: 1 taps cannot all be zero"),
    ],
)
def test_a_bad_convolution_is_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(BASE, **{field: value})  # type: ignore[arg-type]


def test_8_bits_are_held_to_8_bits() -> None:
    with pytest.raises(ConfigError, match="layer: a weight exceeds 8 bits"):
        make_layer(np.full((1, 1, 1, 1), 128, np.int16), act_w=8, weight_w=8)
    with pytest.raises(ConfigError, match="layer: mode cut_floor wants 16x16-bit products"):
        replace(BASE, mode=ProductMode.CUT_FLOOR, act_w=8)


def test_padding_is_bounded() -> None:
    with pytest.raises(ConfigError, match="padding left 8"):
        Padding(left=8)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (1, 7)])
def test_shape_and_macs_are_those_of_the_result(stride: int, kernel: tuple[int, int]) -> None:
    layer = make_layer(
        np.ones((4, 2, *kernel), np.int16), stride=stride, padding=Padding(1, 0, 2, 1)
    )
    shape = spec.conv(np.ones((2, 8, 9), np.int16), layer).shape
    assert layer.output_shape((2, 8, 9)) == shape
    assert layer.macs((2, 8, 9)) == 2 * kernel[0] * kernel[1] * np.prod(shape)
    assert layer.macs_on_zero_weights((2, 8, 9)) == 0


def test_embedded_zeros_are_counted() -> None:
    weight = np.zeros((4, 2, 3, 3), np.int16)
    layer = make_layer(weight, padding=Padding(1, 1, 1, 1), embedded_zero_taps=8)
    assert layer.macs((2, 5, 5)) == 4 * 2 * 9 * 25
    assert layer.macs_on_zero_weights((2, 5, 5)) == 4 * 2 * 8 * 25


def test_an_input_that_does_not_fit_is_refused() -> None:
    layer = make_layer(np.ones((1, 2, 3, 3), np.int16))
    with pytest.raises(ConfigError, match="layer: 3 input channels, not 2"):
        layer.output_shape((3, 8, 8))
    with pytest.raises(ConfigError, match="layer: input 2x8 is too small"):
        layer.output_shape((2, 2, 8))


def test_select_keeps_weights_with_their_biases() -> None:
    weight = np.arange(6, dtype=np.int16).reshape(6, 1, 1, 1)
    part = make_layer(weight, [10, 11, 12, 13, 14, 15]).select(2, 4)
    assert part.weight.ravel().tolist() == [2, 3]
    assert part.bias.tolist() == [12, 13]
    for start, stop in ((2, 2), (-1, 2), (0, 7)):
        with pytest.raises(ConfigError, match="layer: channels"):
            part.select(start, stop)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    ("stride", "padding"), [(2, None), (1, None), (1, PoolPad.ZERO), (1, PoolPad.MINUS_INF)]
)
def test_pools_agree(
    size: int, stride: int, padding: PoolPad | None, rng: np.random.Generator
) -> None:
    layer = PoolLayer("pool", "image", size, stride, padding)
    for side in (size, 7, 8):
        x = rng.integers(-32768, 1, (3, side, side + 1), dtype=np.int16)
        expected = spec.pool(x, layer)
        assert expected.shape == layer.output_shape(x.shape)
        np.testing.assert_array_equal(torch_oracle.pool(x, layer), expected)


def test_pool_padding_decides_among_negatives() -> None:
    x = np.full((1, 2, 2), -128, np.int16)
    padded = PoolLayer("pool", "image", 2, 1, PoolPad.MINUS_INF)
    assert spec.pool(x, padded, act_w=8).ravel().tolist() == [-128] * 4
    zero = replace(padded, padding=PoolPad.ZERO)
    assert spec.pool(x, zero).ravel().tolist() == [-128, 0, 0, 0]


def test_bad_pools_are_refused() -> None:
    with pytest.raises(ConfigError, match="pool: pool 4x4/2 is unknown"):
        PoolLayer("pool", "image", 4)
    with pytest.raises(ConfigError, match="pool: pool padding is defined for stride 1"):
        PoolLayer("pool", "image", 2, 2, PoolPad.ZERO)
    with pytest.raises(ConfigError, match="pool: input 1x4 is smaller"):
        PoolLayer("pool", "image").output_shape((1, 1, 4))


def test_upsample_and_concat_agree(rng: np.random.Generator) -> None:
    x = rng.integers(-32768, 32768, (3, 4, 5), dtype=np.int16)
    up = UpsampleLayer("up", "image")
    doubled = spec.upsample(x, up)
    np.testing.assert_array_equal(torch_oracle.upsample(x, up), doubled)
    both = ConcatLayer("both", ("up", "other"))
    joined = spec.concat([doubled, doubled[:1]], both)
    assert joined.shape == both.output_shape(doubled.shape, (1, 8, 10)) == (4, 8, 10)
    np.testing.assert_array_equal(joined[3], doubled[0])
    with pytest.raises(ConfigError, match="both: sources differ in size"):
        spec.concat([doubled, x], both)


def test_every_kind_names_its_sources() -> None:
    pool, both = PoolLayer("pool", "layer"), ConcatLayer("both", ("a", "b"))
    assert [node.kind for node in (BASE, pool, UpsampleLayer("u", "x"), both)] == [
        *("conv", "pool", "upsample", "concat")
    ]
    assert (sources(BASE), sources(pool), sources(both)) == (("image",), ("layer",), ("a", "b"))
