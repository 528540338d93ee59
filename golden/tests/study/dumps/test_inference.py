"""Bit-true inference in every legal combination of numeric choices."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    Activation,
    ConfigError,
    InputError,
    LeakyPlace,
    NumberFormat,
    Overflow,
    PoolPad,
    ProductMode,
    Rounding,
    Slope,
)
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.graph.layers import IMAGE, ConcatLayer, ConvLayer, PoolLayer, UpsampleLayer
from golden.graph.network import Network
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.quantization.fraction_bits import choose_formats, reach
from golden.quantization.layers import quantize_image
from golden.quantization.network import quantize_nodes
from golden.reference import kernels, run, spec
from golden.study.dumps.dump import Dump
from golden.study.dumps.inference import differences, given_tensors, infer, needed, saturated
from golden.tests.small_networks import branches

SIDE = 32


def legal() -> list[NumericOptions]:
    """Every combination that the numeric options accept."""
    found = []
    for fmt, mode, act_w, weight_w in product(NumberFormat, ProductMode, (8, 16), (8, 16)):
        for slope, place, pad in product(Slope, LeakyPlace, PoolPad):
            try:
                found.append(
                    NumericOptions(
                        format=fmt,
                        mode=mode,
                        slope=slope,
                        place=place,
                        pool_pad=pad,
                        act_w=act_w,
                        weight_w=weight_w,
                    )
                )
            except ConfigError:
                continue
    return found


def name(options: NumericOptions) -> str:
    words = (options.format, options.mode, options.slope, options.place, options.pool_pad)
    return "-".join([*(word.value for word in words), f"{options.act_w}x{options.weight_w}"])


def small_float(pad: PoolPad) -> FloatNetwork:
    """A network of a few channels with every kind of node."""
    nodes = (
        Conv("conv1", IMAGE, 3, 5, (3, 3), activation=Activation.LEAKY),
        PoolLayer("pool1", "conv1"),
        Conv("conv2", "pool1", 5, 6, (3, 3), activation=Activation.LEAKY),
        PoolLayer("pool2", "conv2", 2, 1, pad),
        Conv("conv3", "pool2", 6, 4, activation=Activation.LEAKY),
        UpsampleLayer("up", "conv3"),
        ConcatLayer("concat", ("up", "conv1")),
        Conv("head", "concat", 9, 7, activation=Activation.LINEAR),
    )
    draw = np.random.default_rng(4)
    convs = {
        node.name: FloatConv(
            node.name,
            draw.normal(0, 0.6, node.weight_shape),
            draw.normal(0, 0.5, node.out_channels),
        )
        for node in nodes
        if isinstance(node, Conv)
    }
    return FloatNetwork(Graph(nodes), convs)


def small(options: NumericOptions) -> tuple[Network, Int16Array]:
    """That network in integers, and a picture for it."""
    real = small_float(options.pool_pad)
    pixels = np.random.default_rng(5).random((3, SIDE, SIDE)).astype(np.float32)
    room = {}
    if options.format is NumberFormat.PER_LAYER:
        room = reach(real, [pixels], options)
    formats = choose_formats(real, room, options)
    nodes, beyond = quantize_nodes(real, formats, options)
    shape = (3, SIDE, SIDE)
    made = Network("small", nodes, formats.output[IMAGE], options, shape, (), beyond)
    return made, quantize_image(pixels, made.input_frac, options.act_w)[0]


def test_every_legal_combination_is_there() -> None:
    assert len(legal()) == (3 + 4) * 8


@pytest.mark.parametrize("number", range(len(legal())), ids=[name(options) for options in legal()])
def test_every_legal_combination_is_bit_true(number: int) -> None:
    overflow, rounding = tuple(product(Overflow, Rounding))[number % 4]
    network, image = small(replace(legal()[number], overflow=overflow, rounding=rounding))
    values = {name: tensor for name, tensor, _ in infer(network, {IMAGE: image})}
    assert set(differences(network, values).values()) == {0}
    for node in network.convs():
        np.testing.assert_array_equal(values[node.name], spec.conv(values[node.source], node))


@pytest.mark.slow
@pytest.mark.parametrize("options", legal(), ids=name)
def test_the_real_network_is_bit_true_in_every_legal_combination(
    options: NumericOptions, files: ModelFiles
) -> None:
    network = build_yolov3_tiny(files, options, input_size=SIDE)
    image = np.random.default_rng(6).integers(0, 1 << network.input_frac, (3, SIDE, SIDE))
    values = run.run(network, np.minimum(image, (1 << options.act_w - 1) - 1).astype(np.int16))
    assert set(differences(network, values).values()) == {0}


def test_one_wrong_value_is_found() -> None:
    network, image = small(NumericOptions())
    values = run.run(network, image)
    values["conv3"][0, 0, 0] ^= 1
    wrong = differences(network, values)
    assert wrong["conv3"] == 1
    assert wrong["conv2"] == 0 and wrong["up"] == 4


def test_facts_are_those_of_the_tensor() -> None:
    network, image = small(NumericOptions(format=NumberFormat.Q7_8))
    whole = run.run(network, image)
    for node, tensor, facts in infer(network, {IMAGE: image}):
        np.testing.assert_array_equal(tensor, whole[node])
        assert facts.name == node and facts.shape == tensor.shape and facts.frac == 8
        assert (facts.least, facts.most) == (tensor.min(), tensor.max())
        assert facts.zeros == pytest.approx((tensor == 0).mean())
    again = [facts.sha256 for _, _, facts in infer(network, {IMAGE: image})]
    assert again[-1] == facts.sha256 and len(set(again)) == len(again)


@pytest.mark.parametrize("place", LeakyPlace)
def test_saturated_values_are_counted_exactly(place: LeakyPlace) -> None:
    network, image = small(NumericOptions(act_w=8, weight_w=8, place=place))
    layer = network.node("conv2")
    assert isinstance(layer, ConvLayer)
    x = run.run(network, image)[layer.source]
    tight = replace(layer, shift=max(0, layer.shift - 3))
    wide = replace(tight, act_w=16)
    values = spec.conv(x, replace(wide, activation=Activation.LINEAR))
    if place is LeakyPlace.BEFORE_REQUANT:
        values = spec.conv(x, wide)
    assert (
        saturated(x, layer) <= saturated(x, tight) == int(((values < -128) | (values > 127)).sum())
    )
    assert saturated(x, tight) > 0


def test_the_rest_of_a_network_makes_the_same_tensors() -> None:
    network = branches((8, 10))
    image = np.random.default_rng(1).integers(-400, 400, network.input_shape).astype(np.int16)
    whole = run.run(network, image)
    fracs = network.fracs()
    assert needed(network, "conv4") == ("concat",)
    assert needed(network, "concat") == ("up", "conv2", "conv1")
    for node in network.nodes:
        for dump in (Dump(dict(whole), fracs), Dump(dict(whole))):
            given = given_tensors(network, node.name, dump)
            assert set(given) == set(needed(network, node.name))
            for made, tensor, _ in infer(network, given, node.name):
                np.testing.assert_array_equal(tensor, whole[made])


def test_floats_are_quantised_to_what_the_network_reads() -> None:
    network = branches((8, 10))
    image = np.random.default_rng(1).integers(-400, 400, network.input_shape).astype(np.int16)
    whole = run.run(network, image)
    floats = Dump(Dump(dict(whole), network.fracs()).real())
    np.testing.assert_array_equal(given_tensors(network, "conv3", floats)["pool2"], whole["pool2"])


def test_a_dump_that_does_not_fit_is_refused() -> None:
    network = branches((8, 10))
    whole = run.run(network, np.ones(network.input_shape, np.int16))
    fracs = network.fracs()

    def refused(first: str, tensors: dict[str, Int16Array], fracs: dict[str, int] | None) -> str:
        with pytest.raises(InputError) as caught:
            given_tensors(network, first, Dump(tensors, fracs))
        return str(caught.value)

    assert "array concat is missing" in refused("conv4", {"conv1": whole["conv1"]}, None)
    assert "array up has shape (5, 7, 10)" in refused(
        "concat", {**whole, "up": whole["up"][:, :-1]}, fracs
    )
    assert "array up has 7 fraction bits: the network has 8" in refused(
        "concat", dict(whole), {**fracs, "up": 7}
    )
    wide = {**whole, "pool2": whole["pool2"].astype(np.int64) + 40_000}
    assert "array pool2 holds a value beyond 16 bits" in refused("conv3", wide, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no node nix"):
        needed(network, "nix")


def test_sums_of_the_kernels_and_their_values_belong_together() -> None:
    network, image = small(NumericOptions())
    for layer in network.convs():
        x = run.run(network, image)[layer.source]
        sums = kernels.conv_accumulate(x, layer)
        np.testing.assert_array_equal(kernels.conv(x, layer), spec.output_stage(sums, layer))
