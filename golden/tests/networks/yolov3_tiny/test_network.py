"""The real network: three ways to compute it, and how close integers come to floats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch

from golden.arithmetic.fixed import Int16Array, dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, NumberFormat, Overflow, PoolPad, Rounding, Slope
from golden.graph.layers import (
    IMAGE,
    ConcatLayer,
    ConvLayer,
    Padding,
    PoolLayer,
    UpsampleLayer,
    sources,
)
from golden.graph.network import Network
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.networks.yolov3_tiny.graph import ANCHORS, BOX_CHANNELS, HEADS
from golden.reference import bounds, float_model, kernels, spec, torch_oracle
from golden.reference.run import run
from golden.tests.conftest import CUT_FLOOR, CUT_ROUND, PER_LAYER, Q7_8
from golden.vision.images import default_image, load, preprocess

Build = Callable[[NumericOptions], Network]
Photograph = Callable[[Network], Int16Array]

ORDER = (
    *("conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "conv4", "pool4", "conv5", "pool5"),
    *("conv6", "pool6", "conv7", "conv_set_2", "conv_1x1_2", "upsample", "concat", "conv_set_1"),
    *("pred_1", "extra_conv_2", "pred_2"),
)
VARIANTS = {
    "per_layer": PER_LAYER,
    "eighth_zero": replace(PER_LAYER, slope=Slope.EIGHTH, pool_pad=PoolPad.ZERO),
    "wide_floor": replace(PER_LAYER, place=LeakyPlace.BEFORE_REQUANT, rounding=Rounding.FLOOR),
    "8_bit": replace(PER_LAYER, act_w=8, weight_w=8, place=LeakyPlace.BEFORE_REQUANT),
    "q7.8_wrap": replace(Q7_8, overflow=Overflow.WRAP),
    "cut_floor": CUT_FLOOR,
    "cut_round": replace(CUT_ROUND, slope=Slope.EIGHTH),
}


def judged(network: Network, values: dict[str, Int16Array], judge: str) -> None:
    """Compare every node of a run with the specification or with torch."""
    for node in network.nodes:
        inputs = [values[name] for name in sources(node)]
        if isinstance(node, ConvLayer):
            expected = (
                spec.conv(inputs[0], node)
                if judge == "spec"
                else torch_oracle.conv(inputs[0], node)
            )
        elif isinstance(node, PoolLayer):
            expected = torch_oracle.pool(inputs[0], node)
        elif isinstance(node, UpsampleLayer):
            expected = torch_oracle.upsample(inputs[0], node)
        else:
            assert isinstance(node, ConcatLayer)
            expected = np.concatenate(inputs)
        np.testing.assert_array_equal(values[node.name], expected, err_msg=node.name)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_spec_kernels_and_torch_agree_on_a_small_picture(
    options: NumericOptions, build: Build, photograph: Photograph
) -> None:
    network = build(options)
    small = replace(network, input_shape=(3, 32, 32))
    image = np.ascontiguousarray(photograph(network)[:, 200:232, 180:212])
    values = run(small, image)
    judged(small, values, "spec")
    judged(small, values, "torch")


@pytest.mark.parametrize("options", [PER_LAYER, Q7_8], ids=["per_layer", "q7.8"])
def test_torch_agrees_on_the_whole_frame(
    options: NumericOptions, build: Build, photograph: Photograph
) -> None:
    network = build(options)
    values = run(network, photograph(network))
    assert tuple(values) == (IMAGE, *ORDER)
    judged(network, values, "torch")


@pytest.mark.parametrize(
    "options", [PER_LAYER, CUT_FLOOR, CUT_ROUND], ids=["full", "floor", "round"]
)
def test_spec_agrees_on_tiles_of_every_layer(
    options: NumericOptions, build: Build, photograph: Photograph, rng: np.random.Generator
) -> None:
    network = build(options)
    values = run(network, photograph(network))
    for layer in network.convs():
        x, whole = values[layer.source], values[layer.name]
        margin = layer.kernel[0] // 2
        row, column = (int(v) for v in rng.integers(margin, x.shape[1] - 5, 2))
        first = int(rng.integers(0, layer.out_channels - 7))
        crop = x[:, row - margin : row + 4 + margin, column - margin : column + 4 + margin]
        tile = replace(layer.select(first, first + 8), padding=Padding())
        expected = whole[first : first + 8, row : row + 4, column : column + 4]
        np.testing.assert_array_equal(spec.conv(crop, tile), expected, err_msg=layer.name)
        np.testing.assert_array_equal(kernels.conv(crop, tile), expected, err_msg=layer.name)


def test_the_network_is_the_one_described(build: Build) -> None:
    network = build(PER_LAYER)
    assert tuple(node.name for node in network.nodes) == ORDER
    shapes = network.shapes()
    assert (shapes["pred_1"], shapes["pred_2"]) == ((75, 26, 26), (75, 13, 13))
    assert (shapes["pool6"], shapes["concat"]) == ((512, 13, 13), (384, 26, 26))
    assert sources(network.node("concat")) == ("upsample", "conv5")
    assert sources(network.node("extra_conv_2")) == ("conv_set_2",)
    assert sum(network.macs().values()) == 3_090_174_464
    zeros = network.macs_on_zero_weights()
    assert sum(zeros.values()) == zeros["conv_set_2"] == 8 * 1024 * 256 * 169
    centre = network.node("conv_set_2")
    assert isinstance(centre, ConvLayer)
    assert not np.delete(centre.weight.reshape(-1, 9), 4, axis=1).any()
    assert network.fracs()["conv5"] == network.fracs()["conv_1x1_2"]
    assert sum(network.saturated.values()) == 0
    with pytest.raises(ValueError, match=r"image has shape \(3, 8, 8\)"):
        run(network, np.zeros((3, 8, 8), np.int16))


def test_accumulators_fit(build: Build) -> None:
    assert bounds.smallest_acc_w(build(PER_LAYER).convs()) == 40
    assert bounds.smallest_acc_w(build(Q7_8).convs()) == 40
    assert bounds.smallest_acc_w(build(CUT_FLOOR).convs()) == 32


def test_sums_stay_within_their_bound(build: Build, photograph: Photograph) -> None:
    network = build(PER_LAYER)
    values = run(network, photograph(network))
    for layer in network.convs():
        sums = kernels.conv_accumulate(values[layer.source], layer) + layer.bias[:, None, None]
        assert int(np.abs(sums).max()).bit_length() < bounds.accumulator_bits(layer)


@pytest.fixture(scope="module")
def reference(
    files: ModelFiles,
) -> Callable[[Slope, PoolPad], dict[str, npt.NDArray[np.floating]]]:
    """The float64 network's outputs for the default photograph."""

    @cache
    def outputs(slope: Slope, pool_pad: PoolPad) -> dict[str, npt.NDArray[np.floating]]:
        network = read_network(files, replace(PER_LAYER, slope=slope, pool_pad=pool_pad))
        pixels = preprocess(load(default_image()), 416)
        return float_model.run(network, pixels, slope.real, torch.float64)

    return outputs


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        (PER_LAYER, 49, 60),
        (replace(PER_LAYER, slope=Slope.EIGHTH, pool_pad=PoolPad.ZERO), 48, 60),
        (replace(PER_LAYER, place=LeakyPlace.BEFORE_REQUANT), 55, 65),
        (replace(PER_LAYER, act_w=8, weight_w=8, place=LeakyPlace.BEFORE_REQUANT), 12, 25),
        (Q7_8, 26, 33),
        (CUT_ROUND, 22, 29),
        (CUT_FLOOR, -8, 2),
    ],
    ids=["per_layer", "eighth", "wide", "8bit", "q7.8", "cut_round", "cut_floor"],
)
def test_heads_come_as_close_as_the_format_allows(
    options: NumericOptions,
    low: float,
    high: float,
    build: Build,
    photograph: Photograph,
    reference: Callable[[Slope, PoolPad], dict[str, npt.NDArray[np.floating]]],
) -> None:
    network = build(options)
    values, fracs = run(network, photograph(network)), network.fracs()
    truth = reference(options.slope, options.pool_pad)
    signal = sum(float((truth[head] ** 2).sum()) for head in HEADS)
    errors = (dequantize(values[head], fracs[head]) - truth[head] for head in HEADS)
    noise = sum(float((error**2).sum()) for error in errors)
    assert low < 10 * np.log10(signal / noise) < high


def test_no_activation_saturates_per_layer(build: Build, photograph: Photograph) -> None:
    network = build(PER_LAYER)
    assert network.options.format is NumberFormat.PER_LAYER
    values = run(network, photograph(network))
    for layer in network.convs():
        assert values[layer.name].max() < 32767
        assert values[layer.name].min() > -32768 * 13 // 128 or layer.name in HEADS


@pytest.mark.parametrize("slope", Slope)
def test_the_motorcycle_is_seen(slope: Slope, build: Build, photograph: Photograph) -> None:
    network = build(replace(PER_LAYER, slope=slope))
    values, fracs = run(network, photograph(network)), network.fracs()
    best = {name: 0.0 for name in network.classes}
    for head in HEADS:
        chance = 1 / (1 + np.exp(-dequantize(values[head], fracs[head])))
        boxes = chance.reshape(ANCHORS, -1, *values[head].shape[1:])
        scores = (boxes[:, 4:5] * boxes[:, BOX_CHANNELS:]).max(axis=(0, 2, 3))
        for name, score in zip(network.classes, scores.tolist(), strict=True):
            best[name] = max(best[name], score)
    assert max(best, key=lambda name: best[name]) == "motorbike"
    assert best["motorbike"] > 0.5
    assert sorted(best.values())[-2] < 0.3
