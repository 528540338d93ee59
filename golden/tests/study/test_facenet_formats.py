"""Number formats of FaceNet: what SM8 makes of the weights, and which format loses least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from golden.arithmetic.fixed import dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.arithmetic.sm8 import Sm8Mode
from golden.graph.float_conv import FloatConv
from golden.networks.facenet.build import build_facenet
from golden.networks.facenet.graph import facenet
from golden.study.facenet import (
    FORMATS,
    CandidateFormat,
    coded,
    evaluate_formats,
    fraction_bits,
)
from golden.tests.networks.facenet.facenets import SIZE, narrow_network, pictures

W8A16 = NumericOptions(weight_w=8)
REFERENCE = CandidateFormat("reference", W8A16, Sm8Mode.REFERENCE)
NEAREST = CandidateFormat("nearest", W8A16, Sm8Mode.ROUND_TO_NEAREST)


@pytest.mark.parametrize("chosen", [REFERENCE, NEAREST], ids=lambda each: each.name)
def test_every_code_is_a_weight_of_8_bits_unchanged(chosen: CandidateFormat) -> None:
    network = narrow_network().folded()
    fractions = fraction_bits(network.convs, chosen)
    held = {name: coded(conv, fractions, chosen) for name, conv in network.convs.items()}
    built = build_facenet(replace(network, convs=held), W8A16, pictures(), SIZE)
    assert sum(built.saturated.values()) == 0
    for layer in built.convs():
        values = dequantize(layer.weight, layer.weight_frac)
        np.testing.assert_array_equal(values, held[layer.name].weight)
        whole = values * 2.0 ** fractions[layer.name]
        assert np.array_equal(whole, np.round(whole)) and np.abs(whole).max() <= 127
        if chosen is REFERENCE:
            assert np.abs(whole).min() >= 1


def test_biases_and_other_formats_are_left_alone() -> None:
    conv = narrow_network().folded().convs["Conv2d_2a_3x3"]
    assert coded(conv, {}, FORMATS[-1]) is conv
    assert fraction_bits({"Conv2d_2a_3x3": conv}, FORMATS[-1]) == {}
    np.testing.assert_array_equal(coded(conv, {conv.name: 3}, REFERENCE).bias, conv.bias)


def test_fraction_bits_follow_the_weights() -> None:
    draw = np.random.default_rng(3)
    convs = {
        name: FloatConv(name, draw.uniform(-most, most, (8, 4, 3, 3)), np.zeros(8))
        for name, most in {"small": 0.9, "large": 60.0}.items()
    }
    own = fraction_bits(convs, NEAREST)
    assert own == {"small": 7, "large": 1}
    one = fraction_bits(convs, CandidateFormat("one", W8A16, Sm8Mode.ROUND_TO_NEAREST, "one"))
    assert one == {"small": 1, "large": 1}


def test_wider_formats_lose_less() -> None:
    found = evaluate_formats(narrow_network(), pictures(1), pictures(1))
    assert [outcome.format for outcome in found] == [*FORMATS]
    cosine = {outcome.format.name: min(outcome.errors.cosines) for outcome in found}
    assert cosine["W16A16"] > cosine["W8A16"] > cosine["W8A8"]
    assert cosine["SM8 to nearest, best n"] > cosine["SM8 reference, best n"]
    noise = {outcome.format.name: outcome.weight_sqnr or 0.0 for outcome in found}
    assert noise["W8A16"] == noise["W8A8"] and 6 * 7 < noise["W16A16"] - noise["W8A16"] < 6 * 9
    document = found[0].to_dict()
    assert document["sm8"] == "reference" and set(document["fractions"]) == set(facenet().convs)
    assert len(document["blocks"]) == 26 and len(document["cosines"]) == 1
