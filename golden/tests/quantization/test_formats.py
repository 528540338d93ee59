"""Fraction bits, options and quantised layers."""

from __future__ import annotations

import numpy as np
import pytest

from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    Activation,
    ConfigError,
    LeakyPlace,
    NumberFormat,
    ProductMode,
)
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.graph.layers import ConcatLayer, ConvLayer, PoolLayer, UpsampleLayer
from golden.graph.network import Network
from golden.quantization.fraction_bits import MAX_FRAC, Formats, choose_formats, frac_bits, reach
from golden.quantization.layers import quantize_conv
from golden.quantization.network import quantize_nodes
from golden.reference import float_model
from golden.tests.conftest import CUT_FLOOR, PER_LAYER, Q7_8

NODES = (
    Conv("a", "image", 3, 4, (3, 3), activation=Activation.LEAKY),
    PoolLayer("pool", "a"),
    Conv("b", "pool", 4, 2, activation=Activation.LEAKY),
    UpsampleLayer("up", "b"),
    ConcatLayer("cat", ("up", "a")),
    Conv("head", "cat", 6, 5, activation=Activation.LINEAR),
)


@pytest.fixture
def network(rng: np.random.Generator) -> FloatNetwork:
    """A small network with a concatenation, random weights."""
    convs = {
        node.name: FloatConv(
            node.name,
            rng.normal(size=node.weight_shape),
            rng.normal(size=node.out_channels),
        )
        for node in NODES
        if isinstance(node, Conv)
    }
    return FloatNetwork(Graph(NODES), convs)


def test_frac_bits_are_the_most_that_fit(rng: np.random.Generator) -> None:
    for width in (8, 16):
        high = 2 ** (width - 1) - 1
        for largest in [*rng.uniform(1e-3, 1e3, 500), *(2.0**n for n in range(-5, 9))]:
            frac = frac_bits(largest, width)
            assert round(largest * 2.0**frac) <= high < round(largest * 2.0 ** (frac + 1))
    assert frac_bits(1e-30, 16) == MAX_FRAC
    assert (frac_bits(127.9975, 16), frac_bits(127.9985, 16)) == (8, 7)


def test_concatenated_tensors_share_a_format(network: FloatNetwork) -> None:
    room = {"a": 100.0, "b": 3.0, "head": 10.0}
    formats = choose_formats(network, room, PER_LAYER)
    assert [formats.output[name] for name in ("a", "pool", "b", "up", "cat")] == [8] * 5
    assert formats.output["image"] == 14
    assert formats.output["head"] == 11


def test_an_output_has_no_more_fraction_bits_than_its_sum(network: FloatNetwork) -> None:
    formats = choose_formats(network, {"a": 100.0, "b": 3.0, "head": 1e-9}, PER_LAYER)
    assert formats.output["head"] == formats.output["cat"] + formats.weight["head"]


def test_room_covers_the_value_that_is_requantised(
    network: FloatNetwork, rng: np.random.Generator
) -> None:
    images = [rng.random((3, 8, 8), dtype=np.float32) for _ in range(3)]
    after = reach(network, images, PER_LAYER)
    before = reach(network, images, NumericOptions(place=LeakyPlace.BEFORE_REQUANT))
    outputs = [float_model.run(network, image, 1 / 8) for image in images]
    for name in network.convs:
        largest = max(float(np.abs(output[name]).max()) for output in outputs)
        assert before[name] == 2 * largest
    assert after["head"] == before["head"]
    lowest = min(float(output["a"].min()) for output in outputs)
    assert after["a"] == max(before["a"], -lowest / (1 / 8))
    assert all(after[n] == max(reach(network, [i], PER_LAYER)[n] for i in images) for n in after)


def test_q7_8_has_8_fraction_bits_everywhere(network: FloatNetwork) -> None:
    formats = choose_formats(network, {}, Q7_8)
    assert {*formats.output.values(), *formats.weight.values()} == {8}
    shifts = {n.shift for n in quantize_nodes(network, formats, Q7_8)[0] if n.kind == "conv"}
    assert shifts == {8}
    cut = quantize_nodes(network, formats, CUT_FLOOR)[0]
    assert {node.shift for node in cut if isinstance(node, ConvLayer)} == {0}


def test_bias_is_at_the_scale_of_the_sum(network: FloatNetwork) -> None:
    formats = Formats({"image": 14, "a": 8}, {"a": 12})
    node, conv = NODES[0], network.convs["a"]
    assert isinstance(node, Conv)
    layer, saturated = quantize_conv(node, conv, formats, PER_LAYER)
    np.testing.assert_array_equal(layer.bias, np.rint(conv.bias * 2**26))
    assert (layer.shift, saturated) == (18, 0)
    cut, _ = quantize_conv(node, conv, Formats({"image": 8, "a": 8}, {"a": 8}), CUT_FLOOR)
    np.testing.assert_array_equal(cut.bias, np.rint(conv.bias * 2**8))


def test_saturated_weights_are_counted(network: FloatNetwork) -> None:
    network.convs["a"].weight[0, 0, 0, :2] = (200.0, -200.0)
    nodes, saturated = quantize_nodes(network, choose_formats(network, {}, Q7_8), Q7_8)
    assert saturated == {"a": 2, "b": 0, "head": 0}
    assert isinstance(nodes[0], ConvLayer)
    assert nodes[0].weight[0, 0, 0, :2].tolist() == [32767, -32768]


def test_a_bias_beyond_the_accumulator_is_named(network: FloatNetwork) -> None:
    network.convs["a"].bias[0] = 1e9
    with pytest.raises(ConfigError, match=r"a: a bias of 1e\+09 with 30 fraction bits exceeds"):
        quantize_nodes(network, Formats({"image": 14, "a": 8}, {"a": 16}), PER_LAYER)


def test_contradictory_options_name_the_cure() -> None:
    with pytest.raises(
        ConfigError, match=r"mode cut_floor is defined for format q7\.8 only: choose that format"
    ):
        NumericOptions(mode=ProductMode.CUT_FLOOR)
    with pytest.raises(ConfigError, match=r"format q7\.8 is 16 bits wide, not 8x16"):
        NumericOptions(format=NumberFormat.Q7_8, act_w=8)
    with pytest.raises(ConfigError, match="weight_w 9: choose 8 or 16"):
        NumericOptions(weight_w=9)
    with pytest.raises(ConfigError, match="mode 'full' is not a ProductMode"):
        NumericOptions(mode="full")  # type: ignore[arg-type]


def test_a_network_checks_how_its_nodes_join(network: FloatNetwork) -> None:
    formats = choose_formats(network, {"a": 100.0, "b": 3.0, "head": 10.0}, PER_LAYER)
    nodes, saturated = quantize_nodes(network, formats, PER_LAYER)

    def join(*chosen: int, frac: int = 14, side: int = 8) -> Network:
        picked = tuple(nodes[i] for i in chosen)
        return Network("small", picked, frac, PER_LAYER, (3, side, side), (), saturated)

    assert join(*range(6)).shapes()["head"] == (5, 8, 8)
    assert join(*range(6)).node("up") is nodes[3]
    for bad, message in (
        (lambda: join(1, 0), "pool: reads a, which no earlier node makes"),
        (lambda: join(0, 0), "a: two nodes have this name"),
        (lambda: join(0, frac=13), "a: in_frac 14, but its source has 13"),
        (lambda: join(*range(6), side=9), "cat: sources differ in size"),
        (lambda: join(0).node("z"), "no node z: choose a$"),
    ):
        with pytest.raises(ConfigError, match=message):
            bad()
