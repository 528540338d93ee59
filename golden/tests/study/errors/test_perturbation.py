"""Noise on layers' outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.reference import float_model
from golden.study.errors.noise import FixedRunner, FloatRunner, Noise, check_layers
from golden.study.errors.perturbation import Runner, box_noise, interval, layer_noise, perturb
from golden.study.errors.plots import plot_perturbation
from golden.vision.datasets import Sample
from golden.vision.images import default_image, load, preprocess

SIZE = 96
BEFORE = ("image", "conv1", "pool1", "conv2")


@pytest.fixture(scope="module")
def real(files: ModelFiles) -> FloatRunner:
    return FloatRunner(read_network(files, NumericOptions(), None), 0.125)


@pytest.fixture(scope="module")
def fixed(files: ModelFiles) -> FixedRunner:
    return FixedRunner(build_yolov3_tiny(files, NumericOptions(), None, SIZE, None))


@pytest.fixture(scope="module")
def shown() -> Sample:
    path = default_image()
    return Sample(path.name, load(path), path)


@pytest.mark.parametrize("one_sided", [True, False])
@pytest.mark.parametrize("kind", ["real", "fixed"])
def test_noise_is_added_where_it_is_asked_for(
    kind: str, one_sided: bool, shown: Sample, request: pytest.FixtureRequest
) -> None:
    runner: Runner = request.getfixturevalue(kind)
    noise = Noise(("conv3",), 0.05, one_sided)
    layers = {
        one.name: one for one in layer_noise(perturb(runner, [shown], noise, 2, size=SIZE), noise)
    }
    assert [name for name, one in layers.items() if one.disturbed] == ["conv3"]
    assert all(layers[name].rms.mean == 0 and layers[name].sqnr_db is None for name in BEFORE)
    here = layers["conv3"]
    assert here.mean.mean == pytest.approx(0.025 if one_sided else 0.0, abs=0.001)
    spread = 0.05 / math.sqrt(3)
    assert here.rms.mean == pytest.approx(spread, rel=0.02)
    assert 0.049 < here.largest.mean <= 0.051
    assert layers["pred_2"].rms.mean > 0.001


def test_noise_at_a_head_changes_nothing_else(real: FloatRunner, shown: Sample) -> None:
    noise = Noise(("pred_1",))
    found = layer_noise(perturb(real, [shown], noise, 1, size=SIZE), noise)
    assert [one.name for one in found if one.rms.mean] == ["pred_1"]


def test_noise_does_not_depend_on_other_layers_or_draws(real: FloatRunner, shown: Sample) -> None:
    alone, both = Noise(("conv2",), seed=4), Noise(("conv1", "conv2"), seed=4)
    shape = (3, 4, 5)
    first, other = alone.of("conv2", shape, 1), both.of("conv2", shape, 1)
    assert first is not None
    assert other is not None
    np.testing.assert_array_equal(first, other)
    for changed in (
        both.of("conv1", shape, 1),
        both.of("conv2", shape, 2),
        both.of("conv2", shape, 1, 1),
    ):
        assert changed is not None
        assert (changed != first).all()
    assert alone.of("conv1", shape) is None
    few, many = (perturb(real, [shown], alone, n, size=SIZE) for n in (1, 2))
    assert few[0].errors.results() == many[0].errors.results()
    assert few[0].agreement == many[0].agreement
    assert many[0].errors.results()[3] != many[1].errors.results()[3]


def test_integers_take_noise_in_their_own_format(fixed: FixedRunner, shown: Sample) -> None:
    pixels = preprocess(shown.image, SIZE)
    noise = Noise(("conv2",), 0.05, one_sided=False)
    clean, noisy = fixed.run(pixels), fixed.run(pixels, noise.of)
    added = noise.of("conv2", clean["conv2"].shape)
    assert added is not None
    steps = (noisy["conv2"] - clean["conv2"]) * 2.0 ** fixed.network.fracs()["conv2"]
    np.testing.assert_array_equal(steps, np.rint(added * 2.0 ** fixed.network.fracs()["conv2"]))
    high = 32767 * 2.0 ** -fixed.network.fracs()["conv2"]
    flooded = fixed.run(pixels, Noise(("conv2",), 1000.0).of)["conv2"]
    assert flooded.max() == high
    assert (flooded >= clean["conv2"]).all(), "the sum wraps"
    assert clean["conv2"].max() < high


def test_noise_below_half_a_step_is_none_to_integers(fixed: FixedRunner, shown: Sample) -> None:
    noise = Noise(("image", "conv5"), 1e-9)
    draws = perturb(fixed, [shown], noise, 2, size=SIZE)
    assert all(one.sqnr_db is None for one in layer_noise(draws, noise))
    boxes = box_noise(draws)
    assert boxes.kept.mean == boxes.clean > 0
    assert (boxes.lost.mean, boxes.new.mean) == (0, 0)
    assert boxes.overlap is not None
    assert boxes.overlap.mean == pytest.approx(1)


def test_boxes_are_kept_or_lost(real: FloatRunner, shown: Sample, tmp_path: Path) -> None:
    noise = Noise(("conv1", "conv5"), 5.0)
    calls: list[int] = []
    draws = perturb(real, [shown, shown], noise, 3, size=SIZE, step=lambda: calls.append(1))
    boxes, layers = box_noise(draws), layer_noise(draws, noise)
    assert len(calls) == 6
    assert boxes.kept.mean + boxes.lost.mean == pytest.approx(boxes.clean)
    assert boxes.lost.mean + boxes.new.mean > 0
    json.dumps([boxes, layers], allow_nan=False, default=msgspec.to_builtins)
    plot_perturbation(layers, boxes, tmp_path / "p.png", "noise")
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


def test_a_change_that_is_none_changes_nothing(real: FloatRunner, shown: Sample) -> None:
    pixels = preprocess(shown.image, SIZE)
    seen: list[str] = []

    def note(name: str, output: torch.Tensor) -> torch.Tensor:
        seen.append(name)
        return output

    plain = float_model.run(real.network, pixels, 0.125)
    again = float_model.run(real.network, pixels, 0.125, change=note)
    assert seen == list(plain)
    for name in plain:
        np.testing.assert_array_equal(plain[name], again[name])


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Noise(()), "noise at no layer"),
        (lambda: Noise(("a",), 0.0), "amplitude 0.0: give a number above 0"),
        (lambda: Noise(("a",), math.inf), "amplitude inf"),
        (lambda: check_layers(["x"], ["image", "conv1"]), "no layer x: choose image or conv1"),
    ],
)
def test_refuses_noise_that_is_none(make: Callable[[], object], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        make()


def test_intervals_are_students() -> None:
    found = interval([1.0, 2.0, 3.0])
    assert found is not None
    assert (found.mean, found.draws) == (2.0, 3)
    assert found.margin_95 == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    single = interval([4.0, None])
    assert single is not None
    assert (single.mean, single.margin_95, single.draws) == (4.0, None, 1)
    assert interval([None]) is None
    assert interval([]) is None
