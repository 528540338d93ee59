"""The residual add and the global average: specification, fast and torch agree to the bit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, ConfigError, PEConfig, ProductMode
from golden.dataflow.fused_layer import Pairs, fused_layers
from golden.dataflow.lowering import addition, averaging
from golden.graph.layers import (
    MAX_AVERAGED,
    AverageLayer,
    ConvLayer,
    Layer,
    ResidualLayer,
    reciprocal,
    sources,
)
from golden.graph.network import Network
from golden.reference import kernels, spec, torch_oracle
from golden.tests.small_networks import conv, network

ADD = ResidualLayer("add", ("one", "two"))
MEAN = AverageLayer("mean", "one")


@pytest.mark.parametrize("act_w", [8, 16])
@pytest.mark.parametrize("activation", [Activation.LINEAR, Activation.RELU])
@pytest.mark.parametrize("shift", [0, 1, 2, 5, 15])
def test_residual_adds_agree(
    shift: int, activation: Activation, act_w: int, rng: np.random.Generator
) -> None:
    layer = replace(ADD, activation=activation, shift=shift)
    edge = 1 << (act_w - 1)
    corners = np.array([-edge, -edge + 1, -2, -1, 0, 1, 2, edge - 2, edge - 1], np.int16)
    pairs = np.stack(np.meshgrid(corners, corners)).reshape(2, 1, 9, 9)
    drawn = rng.integers(-edge, edge, (2, 3, 7, 5)).astype(np.int16)
    for one, two in (pairs, drawn):
        wanted = spec.residual([one, two], layer, act_w)
        np.testing.assert_array_equal(kernels.residual([one, two], layer, act_w), wanted)
        np.testing.assert_array_equal(torch_oracle.residual([one, two], layer, act_w), wanted)
        exact = [_half_up(int(a) + int(b), 1 << shift) for a, b in zip(one.flat, two.flat)]  # noqa: B905
        low = 0 if activation is Activation.RELU else -edge
        assert wanted.ravel().tolist() == [min(max(value, low), edge - 1) for value in exact]


def _half_up(number: int, by: int) -> int:
    return (Fraction(number, by) + Fraction(1, 2)).__floor__()


def test_a_sum_beyond_16_bits_saturates_instead_of_wrapping() -> None:
    high, low = (np.full((1, 1, 1), value, np.int16) for value in (32767, -32768))
    linear = replace(ADD, activation=Activation.LINEAR)
    for run in (spec.residual, kernels.residual, torch_oracle.residual):
        assert run([high, high], linear, 16).item() == 32767
        assert run([low, low], linear, 16).item() == -32768
        assert run([high, high], replace(linear, shift=1), 16).item() == 32767
        assert run([low, low], replace(linear, shift=1), 16).item() == -32768


@pytest.mark.parametrize("weight_w", [8, 16])
@pytest.mark.parametrize("act_w", [8, 16])
@pytest.mark.parametrize("side", [(1, 1), (3, 3), (1, 7), (5, 4), (13, 13), (31, 33)])
def test_averages_agree(
    side: tuple[int, int], act_w: int, weight_w: int, rng: np.random.Generator
) -> None:
    layer, pixels, edge = replace(MEAN, weight_w=weight_w), side[0] * side[1], 1 << (act_w - 1)
    x = rng.integers(-edge, edge, (40, *side)).astype(np.int16)
    x[0], x[1], x[2] = edge - 1, -edge, -1
    wanted = spec.average(x, layer, act_w)
    np.testing.assert_array_equal(kernels.average(x, layer, act_w), wanted)
    np.testing.assert_array_equal(torch_oracle.average(x, layer, act_w), wanted)
    assert wanted[2].item() == -1
    for channel, mean in zip(x, wanted.ravel(), strict=True):
        exact = Fraction(int(channel.sum()), pixels)
        assert abs(exact - int(mean)) <= 1 + abs(exact) / (1 << (weight_w - 1))


@pytest.mark.parametrize("weight_w", [8, 16])
def test_a_factor_is_a_weight_and_nearly_one_over_the_pixels(weight_w: int) -> None:
    top = 1 << (weight_w - 2)
    for pixels in (*range(1, 3000), 4095, 4097, 32767, 32769, MAX_AVERAGED - 1, MAX_AVERAGED):
        factor, shift = reciprocal(pixels, weight_w)
        assert top <= factor < 2 * top
        assert abs(Fraction(factor, 1 << shift) * pixels - 1) * top <= Fraction(1, 2)


def test_an_average_that_its_factor_makes_too_large_saturates() -> None:
    full = np.full((1, 3, 3), 32767, np.int16)
    byte = replace(MEAN, weight_w=8)
    for run in (spec.average, kernels.average, torch_oracle.average):
        assert run(full, byte, 16).item() == 32767  # 9 * 114 / 1024 is more than 1
        assert run(-full, byte, 16).item() == -32768


@pytest.mark.parametrize(("act_w", "weight_w"), [(16, 16), (16, 8), (8, 8), (8, 16)])
@pytest.mark.parametrize("shift", [0, 3])
def test_a_stand_in_is_the_node_to_the_bit(
    shift: int, act_w: int, weight_w: int, rng: np.random.Generator
) -> None:
    add = ResidualLayer("add", ("one", "two"), Activation.LINEAR, shift)
    mean = AverageLayer("mean", "one", weight_w)
    net = wide(act_w, weight_w, add, mean)
    edge, shape = 1 << (act_w - 1), (6, 4, 5)
    tensors = {name: rng.integers(-edge, edge, shape).astype(np.int16) for name in ("one", "two")}
    tensors["two"][0] = tensors["one"][0] = edge - 1
    one, two = tensors["one"], tensors["two"]
    pairs = Pairs(("one", "two"), shape)
    laid = np.stack([one.reshape(6, -1), two.reshape(6, -1)], axis=2)
    summed = spec.conv(laid.reshape(pairs.input_shape), addition(net, add, 6)).reshape(shape)
    np.testing.assert_array_equal(summed, spec.residual([one, two], add, act_w))
    averaged = spec.conv(one, averaging(net, mean, shape))
    np.testing.assert_array_equal(averaged, spec.average(one, mean, act_w))


def wide(act_w: int, weight_w: int, *nodes: Layer) -> Network:
    """A network of these widths, with both nodes behind two convolutions."""
    options = NumericOptions(act_w=act_w, weight_w=weight_w)
    convs = [conv(name, "image", 3, 6) for name in ("one", "two")]
    made = [
        replace(node, act_w=act_w, weight_w=weight_w)
        for node in convs
        if isinstance(node, ConvLayer)
    ]
    return Network("wide", (*made, *nodes), 8, options, (3, 4, 5), (), {})


@pytest.mark.parametrize("mode", [ProductMode.CUT_FLOOR, ProductMode.CUT_ROUND])
def test_cut_products_add_exactly_and_have_no_average(
    mode: ProductMode, rng: np.random.Generator
) -> None:
    nodes = conv("one", "image", 3, 4), conv("two", "image", 3, 4)
    net = network(*nodes, ADD, size=(5, 4), mode=mode)
    one, two = rng.integers(-32768, 32768, (2, 4, 5, 4)).astype(np.int16)
    laid = np.stack([one.reshape(4, -1), two.reshape(4, -1)], axis=2).reshape(4, 40, 1)
    summed = spec.conv(laid, addition(net, ADD, 4)).reshape(one.shape)
    np.testing.assert_array_equal(summed, spec.residual([one, two], ADD, 16))
    with pytest.raises(ConfigError, match=f"mean: .* mode full, not {mode.value}"):
        averaging(replace(net, nodes=(*net.nodes, MEAN)), MEAN, (4, 5, 4))


def test_shapes_and_names_are_known() -> None:
    assert ADD.output_shape((3, 4, 5), (3, 4, 5)) == (3, 4, 5)
    assert MEAN.output_shape((3, 4, 5)) == (3, 1, 1)
    assert sources(ADD) == ("one", "two") and sources(MEAN) == ("one",)
    assert (ADD.kind, MEAN.kind) == ("residual", "avgpool")


def test_bad_nodes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"add: activation leaky is not linear or relu"):
        replace(ADD, activation=Activation.LEAKY)
    for shift in (-1, 16):
        with pytest.raises(ConfigError, match=rf"add: shift {shift} is not in 0\.\.15"):
            replace(ADD, shift=shift)
    with pytest.raises(ConfigError, match="add: adds 3 tensors, not 2"):
        replace(ADD, sources=("one", "two", "three"))
    with pytest.raises(ConfigError, match="add: sources differ in shape"):
        ADD.output_shape((3, 4, 5), (3, 5, 4))
    with pytest.raises(ConfigError, match=r"mean: input 257x256: 1 to 65536 pixels"):
        MEAN.output_shape((1, 257, 256))
    with pytest.raises(ConfigError, match="mean: a factor of 12 bits: choose 8 or 16"):
        replace(MEAN, weight_w=12)
    x = np.zeros((1, 257, 256), np.int16)
    for run in (spec.average, kernels.average, torch_oracle.average):
        with pytest.raises(ConfigError, match="mean: input 257x256"):
            run(x, MEAN)


def test_a_graph_holds_them_and_checks_their_fraction_bits() -> None:
    small = network(
        conv("conv1", "image", 3, 4),
        conv("conv2", "conv1", 4, 4),
        ResidualLayer("add", ("conv1", "conv2"), shift=2),
        AverageLayer("mean", "add"),
        size=(6, 5),
    )
    assert small.fracs() == {"image": 8, "conv1": 8, "conv2": 8, "add": 6, "mean": 6}
    assert small.shapes()["mean"] == (4, 1, 1)
    with pytest.raises(ConfigError, match=r"late: sources have \[6, 8\] fraction bits"):
        replace(small, nodes=(*small.nodes, ResidualLayer("late", ("add", "conv1"))))
    made = [fused.outputs for fused in fused_layers(small, PEConfig(4, 4))]
    assert made == [("conv1",), ("conv2",), ("add",), ("mean",)]
    large = network(conv("one", "image", 3, 4), MEAN, size=(8, 7))
    with pytest.raises(ConfigError, match=r"mean: kernel \(8, 7\) exceeds 7"):
        fused_layers(large, PEConfig(4, 4))
