"""A model in integers: what each choice gives, and that all of its forms are one network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.fixed import int_range
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError, NumberFormat, ProductMode
from golden.graph.network import Network
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_convs
from golden.quantization.fraction_bits import frac_bits
from golden.quantization.overrides import fraction_bits, parse_fractions, read_fractions
from golden.study.distributions.rounding import mse_frac, tensor_errors
from golden.study.errors.candidates import representable
from golden.study.parameters.quantization import QuantizedModel, quantize_model, quantize_picture
from golden.vision.images import default_image, load, preprocess

PIXELS = preprocess(load(default_image()), 64)
PER_LAYER = NumericOptions()
Q7_8 = NumericOptions(format=NumberFormat.Q7_8)
BYTES = NumericOptions(act_w=8, weight_w=8)
Make = Callable[..., QuantizedModel]


@pytest.fixture(scope="module")
def make(files: ModelFiles) -> Make:
    """Quantise the official model, once for each choice."""

    @cache
    def once(options: NumericOptions, rule: str, rounding: Any) -> QuantizedModel:
        return quantize_model(files, options, [PIXELS], PIXELS, None, rule, rounding)

    def quantized(
        options: NumericOptions, rule: str = "max", rounding: Any = "round_half_to_even"
    ) -> QuantizedModel:
        return once(options, rule, rounding)

    return quantized


@pytest.mark.parametrize("options", [PER_LAYER, Q7_8, BYTES])
def test_every_form_is_the_same_network(
    options: NumericOptions, make: Make, files: ModelFiles
) -> None:
    made = make(options)
    real = representable(made.network)
    source = read_convs(files, options)
    low, high = int_range(options.weight_w)
    for layer in made.network.convs():
        own = made.convs[layer.name]
        assert own.weight.shape == source[layer.name].weight.shape
        assert own.weight.min() >= low and own.weight.max() <= high
        assert own.weight_frac == layer.weight_frac
        saved, hardware = own.real(), real.convs[layer.name]
        assert np.array_equal(saved.weight.astype(np.float32), saved.weight)
        assert np.array_equal(saved.bias.astype(np.float32), saved.bias)
        if layer.name.startswith("pred"):
            assert saved.bias.shape == (255,)
            assert set(hardware.bias) <= set(saved.bias)
            assert set(hardware.weight.flat) <= set(saved.weight.flat)
            continue
        assert np.array_equal(hardware.bias, saved.bias)
        middle = hardware.weight[:, :, 1:2, 1:2] if layer.name == "conv_set_2" else hardware.weight
        assert np.array_equal(middle, saved.weight)
    assert real.embedded_zero_taps == {"conv_set_2": 8}
    assert made.network.saturated == dict.fromkeys(source, 0)


def test_q7_8_is_what_is_simulated(make: Make, files: ModelFiles) -> None:
    made, built = make(Q7_8).network, build_yolov3_tiny(files, Q7_8, input_size=64)
    for one, other in zip(made.convs(), built.convs(), strict=True):
        assert np.array_equal(one.weight, other.weight)
        assert np.array_equal(one.bias, other.bias)


@pytest.mark.parametrize(
    ("rounding", "most", "mean"),
    [("round_half_to_even", 0.5, 0.25), ("floor", 1.0, 0.5), ("toward_zero", 1.0, 0.5)],
)
def test_weights_lie_within_their_roundings_error(
    rounding: str, most: float, mean: float, make: Make, files: ModelFiles
) -> None:
    made = make(Q7_8, rounding=rounding)
    source = read_convs(files, Q7_8)
    for each in made.weights:
        error = each.errors[rounding]
        assert 0.99 * most < error.largest * 256 <= most
        assert error.mean * 256 == pytest.approx(mean, rel=0.05)
        name = each.name.removesuffix(".weight")
        difference = made.convs[name].real().weight - source[name].weight
        assert np.abs(difference).max() == error.largest
        if rounding == "floor":
            assert difference.max() <= 0
    assert all(each.errors["round_half_to_even"].largest <= 2.0**-17 for each in made.biases)


def test_the_modes_decide_where_the_bias_lies(make: Make, files: ModelFiles) -> None:
    cut = replace(Q7_8, mode=ProductMode.CUT_FLOOR)
    assert {conv.bias_frac for conv in make(Q7_8).convs.values()} == {16}
    assert {conv.bias_frac for conv in make(cut).convs.values()} == {8}


def test_the_mean_squared_error_clips_the_few(make: Make) -> None:
    by_max, by_mse = make(BYTES), make(BYTES, "mse")
    finer = 0
    for one, other in zip(by_max.weights, by_mse.weights, strict=True):
        assert other.frac >= one.frac
        assert one.saturated == 0
        finer += other.frac > one.frac and other.saturated > 0
    assert finer >= 3
    spread = np.linspace(-1.9, 1.9, 1001)
    assert mse_frac(spread, 8) == frac_bits(1.9, 8)


def test_given_fraction_bits_come_first(files: ModelFiles) -> None:
    given = {"conv1.weight": 8, "conv_set_2.weight": 12, "image": 10, "conv3.output": 7}
    made = quantize_model(files, PER_LAYER, [PIXELS], PIXELS, given)
    assert made.convs["conv1"].weight_frac == 8
    assert made.network.input_frac == 10
    listed = fraction_bits(made.formats)
    assert given.items() <= listed.items()
    assert listed["conv4.weight"] == 15
    again = quantize_model(files, PER_LAYER, [PIXELS], PIXELS, listed)
    assert fraction_bits(again.formats) == listed
    ints, errors = quantize_picture(PIXELS, made.network, "floor")
    assert np.array_equal(ints, np.floor(PIXELS * np.float32(1024)))
    assert errors.frac == 10 and errors.errors["floor"].largest < 2.0**-10


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        (PER_LAYER, {"conv9.weight": 8}, r"fraction bits of conv9\.weight: no such tensor; give"),
        (PER_LAYER, {"pool1.output": 8}, r"fraction bits of pool1\.output: no such tensor"),
        (PER_LAYER, {"conv2.weight": 25}, r"conv2\.weight: 25 fraction bits: give -24 to 24"),
        (PER_LAYER, {"conv2.weight": 1, "conv2.output": 24}, r"conv2\.output has 24 .* have 9"),
        (Q7_8, {"conv1.weight": 8}, r"conv1\.weight: format q7\.8 has 8 .* choose .* per_layer"),
    ],
)
def test_what_cannot_be_given_is_refused(
    options: NumericOptions, given: dict[str, int], message: str, files: ModelFiles
) -> None:
    with pytest.raises(ConfigError, match=message):
        quantize_model(files, options, [PIXELS], PIXELS, given)
    with pytest.raises(ConfigError, match="rule sum: choose one of max, mse"):
        quantize_model(files, options, [PIXELS], PIXELS, None, "sum")


def test_fraction_bits_are_read_from_words_and_files(tmp_path: Any) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"conv1.weight": 3}')
    assert read_fractions(path) == {"conv1.weight": 3}
    path.write_text('{"schema": 1, "fraction_bits": {"image": -2}}')
    assert read_fractions(path) == {"image": -2}
    for text, message in (
        ("{", r"f\.json: not a JSON file"),
        ("[1]", r"f\.json: an object such as"),
        ("{}", r"f\.json: an object such as"),
        ('{"image": 8.5}', r"f\.json: image has 8\.5 fraction bits: give an integer"),
        ('{"image": true}', "image has True fraction bits"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_fractions(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_fractions(tmp_path / "none")
    for word in ("conv1.weight", "conv1.weight=x", "=3", "image=1.5"):
        with pytest.raises(ConfigError, match="give tensor=bits"):
            parse_fractions([word])


def test_saturated_and_vanished_numbers_are_counted() -> None:
    found = tensor_errors("t", np.array([0.0, 2.0**-9, 200.0, -1.0]), 8, 16, "floor")
    assert (found.count, found.saturated, found.zeroed, found.magnitude) == (4, 1, 1, 200.0)
    with pytest.raises(InputError, match=r"t\[1\] is nan"):
        tensor_errors("t", np.array([0.0, np.nan]), 8, 16)


def test_integers_become_the_floats_that_they_stand_for(build: Callable[..., Network]) -> None:
    network = build(Q7_8)
    real = representable(network)
    conv1 = network.node("conv1")
    assert conv1.kind == "conv"
    assert np.array_equal(real.convs["conv1"].weight * 256, conv1.weight)
    assert np.array_equal(real.convs["conv1"].bias * 65536, conv1.bias)
    assert real.classes == network.classes
    assert [node.name for node in real.nodes] == [node.name for node in network.nodes]
