"""Four ways to convolve agree to the bit: numpy, compiled, torch, and plain Python."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from itertools import product
from typing import TypeVar

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import Activation, LeakyPlace, Overflow, ProductMode, Rounding, Slope
from golden.graph.layers import ConvLayer, Padding
from golden.reference import kernels, spec, torch_oracle
from golden.tests.conftest import make_layer

_Choice = TypeVar("_Choice", bound=Enum)

KERNELS = [(1, 1), (3, 3), (1, 7), (7, 1), (1, 3), (2, 5), (7, 7)]


def scalar_conv(x: Int16Array, layer: ConvLayer) -> list[list[list[int]]]:
    """Convolve with Python's own integers, one product at a time."""
    _, height, width = x.shape
    out_channels, rows, columns = layer.output_shape((x.shape[0], height, width))
    high = (1 << (layer.act_w - 1)) - 1
    low = -high - 1

    def pixel(channel: int, row: int, column: int) -> int:
        inside = 0 <= row < height and 0 <= column < width
        return int(x[channel, row, column]) if inside else 0

    def contribution(p: int) -> int:
        if layer.mode is ProductMode.FULL:
            return p
        if layer.mode is ProductMode.CUT_ROUND:
            p += 128
        kept = p // 256 % 65536
        return kept - 65536 if kept > 32767 else kept

    def activated(v: int) -> int:
        if v >= 0 or layer.activation is Activation.LINEAR:
            return v
        if layer.activation is Activation.RELU:
            return 0
        return v // 8 if layer.slope is Slope.EIGHTH else v * 13 // 128

    def requantised(v: int) -> int:
        if layer.rounding is not Rounding.FLOOR and layer.shift:
            v += 1 << (layer.shift - 1)
        v //= 1 << layer.shift
        if layer.overflow is Overflow.WRAP:
            return (v - low) % (1 << layer.act_w) + low
        return min(max(v, low), high)

    def output(o: int, oy: int, ox: int) -> int:
        total = int(layer.bias[o])
        for i, ky, kx in product(range(x.shape[0]), *map(range, layer.kernel)):
            row = oy * layer.stride + ky - layer.padding.top
            column = ox * layer.stride + kx - layer.padding.left
            total += contribution(pixel(i, row, column) * int(layer.weight[o, i, ky, kx]))
        if layer.place is LeakyPlace.BEFORE_REQUANT:
            return requantised(activated(total))
        return activated(requantised(total))

    return [
        [[output(o, y, x) for x in range(columns)] for y in range(rows)]
        for o in range(out_channels)
    ]


def assert_all_agree(x: Int16Array, layer: ConvLayer) -> None:
    sums = spec.conv_accumulate(x, layer)
    np.testing.assert_array_equal(kernels.conv_accumulate(x, layer), sums)
    np.testing.assert_array_equal(torch_oracle.conv_accumulate(x, layer), sums)
    expected = spec.conv(x, layer)
    assert expected.dtype == np.int16
    for other in (kernels.conv(x, layer), torch_oracle.conv(x, layer)):
        assert other.dtype == np.int16
        np.testing.assert_array_equal(other, expected)


def random_case(
    rng: np.random.Generator, kernel: tuple[int, int], mode: ProductMode, width: int = 16
) -> tuple[Int16Array, ConvLayer]:
    """Draw a small input and a layer that reads it; magnitudes range over all scales."""

    def pick(choices: type[_Choice]) -> _Choice:
        members = list(choices)
        return members[rng.integers(len(members))]

    full = 1 << (width - 1)
    limit = int(2 ** rng.uniform(3, width - 1))
    channels, out_channels = int(rng.integers(1, 20)), int(rng.integers(1, 7))
    x = rng.integers(-full, full, (channels, 9, 10), dtype=np.int16)
    weight = rng.integers(-limit, limit, (out_channels, channels, *kernel), dtype=np.int16)
    scale = 1 << (24 if mode is ProductMode.FULL and width == 16 else 14)
    layer = make_layer(
        weight,
        rng.integers(-scale, scale, out_channels).tolist(),
        stride=int(rng.integers(1, 3)),
        padding=Padding(*(int(p) for p in rng.integers(0, 4, 4))),
        mode=mode,
        shift=int(rng.integers(0, 20)),
        activation=pick(Activation),
        slope=pick(Slope),
        place=pick(LeakyPlace),
        rounding=pick(Rounding),
        overflow=pick(Overflow),
        act_w=width,
        weight_w=width,
    )
    return x, layer


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize("kernel", KERNELS)
def test_random_layers_agree(
    mode: ProductMode, kernel: tuple[int, int], rng: np.random.Generator
) -> None:
    for _ in range(6):
        x, layer = random_case(rng, kernel, mode)
        assert_all_agree(x, layer)


def test_random_8_bit_layers_agree(rng: np.random.Generator) -> None:
    for kernel in KERNELS:
        x, layer = random_case(rng, kernel, ProductMode.FULL, width=8)
        assert_all_agree(x, layer)
        assert spec.conv(x, layer).min() >= -128
        assert spec.conv(x, layer).max() <= 127


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (1, 3)])
def test_plain_python_agrees(
    mode: ProductMode, kernel: tuple[int, int], rng: np.random.Generator
) -> None:
    for _ in range(4):
        x, layer = random_case(rng, kernel, mode)
        x, layer = x[:3, :5, :5], layer.select(0, 1)
        x = x[: min(3, layer.in_channels)]
        layer = replace(layer, weight=layer.weight[:, : len(x)].copy())
        assert spec.conv(x, layer).tolist() == scalar_conv(x, layer)


@pytest.mark.parametrize(
    ("mode", "activation", "slope", "place", "rounding", "overflow"),
    list(product(ProductMode, Activation, Slope, LeakyPlace, Rounding, Overflow)),
)
def test_every_output_stage_agrees(
    mode: ProductMode,
    activation: Activation,
    slope: Slope,
    place: LeakyPlace,
    rounding: Rounding,
    overflow: Overflow,
) -> None:
    edges = [-32768, -32767, -129, -128, -127, -8, -7, -1, 0, 1, 7, 8, 127, 128, 129, 32767]
    x = np.array(edges, np.int16).reshape(1, 4, 4)
    weight = np.array([-32768, -256, -1, 1, 255, 256, 32767], np.int16).reshape(-1, 1, 1, 1)
    for shift in (0, 1, 7, 30, 47):
        layer = make_layer(
            weight,
            [0, 1, -1, 127, -128, (1 << 46) - 1, -(1 << 46)],
            mode=mode,
            shift=shift,
            activation=activation,
            slope=slope,
            place=place,
            rounding=rounding,
            overflow=overflow,
        )
        assert_all_agree(x, layer)
        assert spec.conv(x, layer).tolist() == scalar_conv(x, layer)


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize(("a", "w"), list(product((-32768, 32767), (-32768, 32767))))
def test_extremes_through_every_tap_agree(mode: ProductMode, a: int, w: int) -> None:
    x = np.full((600, 5, 5), a, np.int16)
    weight = np.full((2, 600, 3, 3), w, np.int16)
    layer = make_layer(weight, mode=mode, padding=Padding(1, 1, 1, 1), shift=16)
    assert_all_agree(x, layer)
    centre = int(spec.conv_accumulate(x, layer)[0, 2, 2])
    if mode is ProductMode.FULL:
        assert centre == 600 * 9 * a * w


@pytest.mark.parametrize(
    ("mode", "half"), [(ProductMode.CUT_FLOOR, 0), (ProductMode.CUT_ROUND, 128)]
)
def test_cut_sums_beyond_32_bits_agree(mode: ProductMode, half: int) -> None:
    channels = 70_000
    x = np.full((channels, 1, 1), 32767, np.int16)
    layer = make_layer(np.full((1, channels, 1, 1), 255, np.int16), mode=mode)
    sums = kernels.conv_accumulate(x, layer)
    assert sums.item() == channels * ((32767 * 255 + half) >> 8)


def test_blocks_of_the_compiled_run_join(rng: np.random.Generator) -> None:
    x = rng.integers(-32768, 32768, (3, 40, 41), dtype=np.int16)
    weight = rng.integers(-32768, 32768, (2, 3, 3, 3), dtype=np.int16)
    for mode in ProductMode:
        assert_all_agree(x, make_layer(weight, mode=mode, padding=Padding(1, 1, 1, 1), shift=20))


def test_a_tile_is_its_part_of_the_layer(rng: np.random.Generator) -> None:
    x = rng.integers(-3000, 3000, (5, 12, 13), dtype=np.int16)
    weight = rng.integers(-3000, 3000, (8, 5, 3, 3), dtype=np.int16)
    layer = make_layer(weight, padding=Padding(1, 1, 1, 1), shift=12)
    whole = spec.conv(x, layer)
    corner = replace(layer.select(2, 6), padding=Padding(top=1, left=1))
    np.testing.assert_array_equal(spec.conv(x[:, :6, :8], corner), whole[2:6, :5, :7])
    inside = replace(layer.select(7, 8), padding=Padding())
    np.testing.assert_array_equal(kernels.conv(x[:, 4:9, 2:9], inside), whole[7:8, 5:8, 3:8])


def test_a_layer_of_zero_weights_gives_its_bias() -> None:
    layer = make_layer(np.zeros((2, 3, 3, 3), np.int16), [512, -2048])
    assert kernels.conv(np.ones((3, 3, 3), np.int16), layer).ravel().tolist() == [2, -1]


@pytest.mark.parametrize("conv", [spec.conv, kernels.conv])
def test_an_unfit_input_is_refused(conv: object) -> None:
    assert callable(conv)
    layer = make_layer(np.ones((1, 2, 1, 1), np.int16), act_w=8, weight_w=8)
    with pytest.raises(TypeError, match="layer: input is int64"):
        conv(np.zeros((2, 3, 3), np.int64), layer)
    with pytest.raises(ValueError, match=r"layer: input has shape \(3, 3\)"):
        conv(np.zeros((3, 3), np.int16), layer)
    with pytest.raises(ValueError, match="layer: 3 input channels, not 2"):
        conv(np.zeros((3, 3, 3), np.int16), layer)
    with pytest.raises(ValueError, match="exceeds 8 bits"):
        conv(np.full((2, 3, 3), 128, np.int16), layer)
