"""Distributions of a network's tensors and weights, against counting by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.arithmetic.fixed import quantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, LeakyPlace, NumberFormat, Slope
from golden.graph.float_conv import BatchNorm, FloatConv, StoredConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.graph.layers import IMAGE
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network, read_stored
from golden.quantization.fraction_bits import Formats
from golden.quantization.layers import quantize_image
from golden.reference import float_model, run
from golden.study.distributions.collect import (
    AHEAD,
    RAIL,
    Distributions,
    add_float,
    add_integers,
    both_formats,
    empty_statistics,
    extremes,
    integer_statistics,
)
from golden.study.distributions.plots import write_plots
from golden.study.distributions.statistics import Statistics
from golden.study.distributions.weights import (
    AFTER_FOLDING,
    BEFORE_FOLDING,
    weight_effects,
    weight_scales,
    weight_statistics,
)
from golden.vision.images import default_image, load, preprocess

SIZE = 64
OPTIONS = NumericOptions(slope=Slope.THIRTEEN_128THS)
BOTH = (NumberFormat.Q7_8, NumberFormat.PER_LAYER)


def pictures() -> Iterator[tuple[str, np.ndarray]]:
    image = load(default_image())
    yield "upright", preprocess(image, SIZE)
    yield "turned", preprocess(image.transpose(Image.Transpose.ROTATE_90), SIZE)


def small(gain: float = 1.0) -> FloatNetwork:
    """Two convolutions, the first with a leaky rectifier."""
    nodes = (
        Conv("conv1", IMAGE, 3, 4, (3, 3), activation=Activation.LEAKY),
        Conv("pred_1", "conv1", 4, 2, activation=Activation.LINEAR),
    )
    draw = np.random.default_rng(3)
    first = FloatConv("conv1", gain * draw.normal(0, 1, (4, 3, 3, 3)), draw.normal(0, 1, 4))
    last = FloatConv("pred_1", draw.normal(0, 1, (2, 4, 1, 1)), draw.normal(0, 1, 2))
    return FloatNetwork(Graph(nodes), {"conv1": first, "pred_1": last})


def formats(model: FloatNetwork, frac: int) -> Formats:
    names = (IMAGE, *(node.name for node in model.nodes))
    return Formats(dict.fromkeys(names, frac), dict.fromkeys(model.convs, frac))


@pytest.mark.parametrize("place", LeakyPlace)
def test_fates_are_what_quantising_counts(place: LeakyPlace) -> None:
    model, options = small(40.0), replace(OPTIONS, place=place)
    both = {label: formats(model, frac) for label, frac in zip(BOTH, (8, 11), strict=True)}
    found = Distributions(model, options, both, {}, empty_statistics(model.nodes, both, options))
    seen: dict[str, list[np.ndarray]] = {}
    slope = options.slope.real
    for name, pixels in pictures():
        add_float(found.tensors, model, (name, pixels), options.slope)
        for tensor, values in float_model.run(model, pixels, slope).items():
            seen.setdefault(tensor, []).append(values)
    for tensor, pieces in seen.items():
        values = np.stack(pieces).astype(np.float64)
        for label, frac in zip(BOTH, (8, 11), strict=True):
            ints, saturated = quantize(values, frac)
            format_effect = found.effects(tensor)[label]
            assert format_effect.saturated == saturated / values.size
            zeroed = np.count_nonzero((ints == 0) & (values != 0))
            assert format_effect.rounded_to_zero == zeroed / values.size
            if tensor != "conv1" or place is LeakyPlace.BEFORE_REQUANT:
                assert format_effect.saturated_before_activation is None
                continue
            ahead = quantize(np.where(values < 0, values / slope, values), frac)[1]
            wanted = pytest.approx(ahead / values.size, abs=2 / values.size)
            assert format_effect.saturated_before_activation == wanted
    assert found.effects("conv1")[NumberFormat.PER_LAYER].saturated > 0


def test_extremes_name_tensor_and_picture() -> None:
    one, other = Statistics("conv1"), Statistics("conv2")
    one.add(np.array([-3.0, 1.0]), "first")
    other.add(np.array([-1.0, 9.0]), "second")
    low, high = extremes([one, other])
    assert (low.name, low.low, low.low_at) == ("conv1", -3, "first")
    assert (high.name, high.high, high.high_at) == ("conv2", 9, "second")


def test_integer_statistics_hold_the_integers(files: ModelFiles) -> None:
    model = build_yolov3_tiny(files, replace(OPTIONS, act_w=8), input_size=SIZE)
    found = integer_statistics(model)
    name, pixels = next(pictures())
    add_integers(found, model, (name, pixels))
    ints, _ = quantize_image(pixels, model.input_frac, 8)
    for tensor, values in run.run(model, ints).items():
        stats, step = found[tensor], 2.0 ** -model.fracs()[tensor]
        assert (stats.low, stats.high) == (values.min() * step, values.max() * step)
        assert stats.zeros == np.count_nonzero(values == 0)
        if tensor == "pred_1":
            rails = np.count_nonzero((values == -128) | (values == 127))
        elif tensor.startswith("conv"):
            rails = np.count_nonzero((values == 127) | (values == (-128 * 13) >> 7))
        else:
            continue
        assert stats.beyond[RAIL] == rails


def test_weights_at_every_stage() -> None:
    model = small(0.01)
    weight = np.array([[[[0.5]]], [[[-0.25]]]])
    norm = BatchNorm("conv1", np.zeros(2), np.full(2, 0.01), np.zeros(2), np.ones(2))
    stored = {"conv1": StoredConv("conv1", weight, None, norm)}
    folded = stored["conv1"].folded()
    padded = np.pad(folded.weight, ((0, 0), (0, 0), (1, 1), (1, 1)))
    network_ = replace(
        model,
        graph=Graph(model.nodes[:1]),
        convs={"conv1": FloatConv("conv1", padded, folded.bias)},
        embedded_zero_taps={"conv1": 8},
    )
    both = {label: formats(model, frac) for label, frac in zip(BOTH, (8, 20), strict=True)}
    stages = weight_statistics(stored, network_, network_, both, OPTIONS)["conv1"]
    assert (stages[BEFORE_FOLDING].low, stages[BEFORE_FOLDING].high) == (-0.25, 0.5)
    assert stages[AFTER_FOLDING].high == pytest.approx(0.005)
    assert stages[AFTER_FOLDING].count == 2, "zeros around an embedded kernel are no weights"
    assert stages["q7.8"].high == 2**-8 and stages["q7.8"].low == -(2**-8)
    effects = weight_effects(stages, weight_scales("conv1", both, OPTIONS))
    assert effects[NumberFormat.Q7_8].rounded_to_zero == 0
    own = effects[NumberFormat.PER_LAYER]
    assert own.saturated == 0
    assert (own.frac, own.bits) == (20, 16)


def test_weights_of_the_real_network_keep_their_channels(files: ModelFiles) -> None:
    model = read_network(files, OPTIONS, None)
    both = both_formats(model, OPTIONS, SIZE)
    weights = weight_statistics(read_stored(files), model, model, both, OPTIONS)
    assert list(weights) == [node.name for node in model.nodes if isinstance(node, Conv)]
    assert weights["conv_set_2"][AFTER_FOLDING].count == 1024 * 256
    for name, stages in weights.items():
        assert len({stats.count for stats in stages.values()}) == 1
        own = weight_effects(stages, weight_scales(name, both, OPTIONS))[NumberFormat.PER_LAYER]
        assert own.saturated == 0


def test_every_convolution_has_its_page(tmp_path: Path) -> None:
    model = small()
    both = {label: formats(model, frac) for label, frac in zip(BOTH, (8, 11), strict=True)}
    stored = {name: StoredConv(name, c.weight, c.bias) for name, c in model.convs.items()}
    weights = weight_statistics(stored, model, model, both, OPTIONS)
    tensors = empty_statistics(model.nodes, both, OPTIONS)
    found = Distributions(model, OPTIONS, both, weights, tensors, pictures=2)
    for picture in pictures():
        add_float(tensors, model, picture, OPTIONS.slope)
    assert AHEAD not in "".join(tensors["pred_1"].limits)
    paths = write_plots(tmp_path / "plots", found)
    assert [path.stem for path in paths] == [
        *("ranges", "activations", "magnitudes", "weights"),
        *("conv1", "pred_1"),
    ]
    for path in paths:
        with Image.open(path) as page:
            assert page.width > 800 and len(set(page.convert("L").tobytes())) > 20
