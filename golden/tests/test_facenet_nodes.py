"""The residual add and the global average: specification, fast and torch agree to the bit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from golden import kernels, oracle, spec
from golden.config import Activation, ConfigError, PEConfig
from golden.layers import MAX_AVERAGED, AverageLayer, ResidualLayer, reciprocal, sources
from golden.stages import stages
from golden.tests.networks import branches, conv, network

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
        np.testing.assert_array_equal(oracle.residual([one, two], layer, act_w), wanted)
        exact = [_half_up(int(a) + int(b), 1 << shift) for a, b in zip(one.flat, two.flat)]  # noqa: B905
        low = 0 if activation is Activation.RELU else -edge
        assert wanted.ravel().tolist() == [min(max(value, low), edge - 1) for value in exact]


def _half_up(number: int, by: int) -> int:
    return (Fraction(number, by) + Fraction(1, 2)).__floor__()


def test_a_sum_beyond_16_bits_saturates_instead_of_wrapping() -> None:
    high, low = (np.full((1, 1, 1), value, np.int16) for value in (32767, -32768))
    linear = replace(ADD, activation=Activation.LINEAR)
    for run in (spec.residual, kernels.residual, oracle.residual):
        assert run([high, high], linear, 16).item() == 32767
        assert run([low, low], linear, 16).item() == -32768
        assert run([high, high], replace(linear, shift=1), 16).item() == 32767
        assert run([low, low], replace(linear, shift=1), 16).item() == -32768


@pytest.mark.parametrize("side", [(1, 1), (3, 3), (1, 7), (5, 4), (13, 13), (31, 33)])
def test_averages_agree(side: tuple[int, int], rng: np.random.Generator) -> None:
    pixels = side[0] * side[1]
    x = rng.integers(-32768, 32768, (40, *side)).astype(np.int16)
    x[0], x[1], x[2] = 32767, -32768, -1
    wanted = spec.average(x, MEAN)
    np.testing.assert_array_equal(kernels.average(x, MEAN), wanted)
    np.testing.assert_array_equal(oracle.average(x, MEAN), wanted)
    assert wanted[:3].ravel().tolist() == [32767, -32768, -1]
    for channel, mean in zip(x, wanted.ravel(), strict=True):
        assert abs(Fraction(int(channel.sum()), pixels) - int(mean)) <= 1


def test_full_scale_stays_full_scale_for_every_number_of_pixels() -> None:
    for pixels in (*range(1, 3000), 4095, 4097, 32767, 32769, MAX_AVERAGED - 1, MAX_AVERAGED):
        factor, shift = reciprocal(pixels)
        assert 1 << 15 <= factor < 1 << 16
        half = 1 << (shift - 1)
        for value in (32767, -32768):
            assert (value * pixels * factor + half) >> shift == value
        assert abs(Fraction(factor, 1 << shift) * pixels - 1) * (1 << 15) <= Fraction(1, 2)


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
    x = np.zeros((1, 257, 256), np.int16)
    for run in (spec.average, kernels.average, oracle.average):
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
    with pytest.raises(ConfigError, match="add: residual is a node of the golden model alone"):
        stages(small, PEConfig(4, 4))
    assert stages(branches((12, 10)), PEConfig(4, 4))
