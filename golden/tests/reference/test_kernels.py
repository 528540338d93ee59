"""Sums in 32 and 16 bits: exact up to the edge of what is proved, and beyond it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, PoolPad, ProductMode
from golden.graph.layers import ConvLayer, Padding, PoolLayer
from golden.graph.network import Network
from golden.reference import kernels, spec
from golden.reference.kernels import lanes, nodes, safe_sums
from golden.reference.kernels.conv_sums import Taps, convolve
from golden.reference.kernels.jit import SOURCES, stamp
from golden.reference.kernels.safe_sums import ARITHMETIC
from golden.reference.run import run
from golden.tests.conftest import CUT_FLOOR, CUT_ROUND, PER_LAYER, Q7_8, make_layer

CUTS = (ProductMode.CUT_FLOOR, ProductMode.CUT_ROUND)


def groups(x: Int16Array, layer: ConvLayer) -> list[tuple[int, bool]]:
    """Sum with the kernels, compare with the specification, and tell (end, unproved) of groups."""
    np.testing.assert_array_equal(kernels.conv_accumulate(x, layer), spec.conv_accumulate(x, layer))
    taps = plan(x, layer)
    return list(zip(taps.ends.tolist(), taps.wide.tolist(), strict=True))


def plan(x: Int16Array, layer: ConvLayer) -> Taps:
    seen: list[Taps] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodes, "convolve", lambda *given: seen.append(given[2]))
        kernels.conv_accumulate(x, layer)
    return seen[0]


def one_by_one(
    activations: list[int], weights: list[list[int]], mode: ProductMode
) -> tuple[Int16Array, ConvLayer]:
    """A pixel of so many channels, and a 1x1 kernel with the weights of each output channel."""
    x = np.array(activations, np.int16).reshape(-1, 1, 1)
    return x, make_layer(np.array(weights, np.int16)[:, :, None, None], mode=mode)


def test_32_bit_sums_reach_their_last_value_and_no_further() -> None:
    activations = [32767, 32767, 4, 1, 0, 0]
    just = [[32767, 32767, 32767, 1, 5, 5]]
    assert groups(*one_by_one(activations, just, ProductMode.FULL)) == [(3, False)]
    assert kernels.conv_accumulate(*one_by_one(activations, just, ProductMode.FULL)).item() == (
        (1 << 31) - 1
    )
    over = [[32767, 32767, 32767, 2, 5, 5]]
    assert groups(*one_by_one(activations, over, ProductMode.FULL)) == [(1, False), (3, False)]
    below = [[-32767, -32767, -32767, -1, 0, 0], [1, 1, 1, 1, 1, 1]]
    assert groups(*one_by_one(activations, below, ProductMode.FULL))[0] == (3, False)


def test_a_pair_that_32_bits_cannot_hold_is_summed_in_64() -> None:
    x, layer = one_by_one([-32768, -32768, 3, 4], [[-32768, -32768, 5, 6]], ProductMode.FULL)
    assert groups(x, layer) == [(1, True), (2, False)]
    assert kernels.conv_accumulate(x, layer).item() == (1 << 31) + 39


@pytest.mark.parametrize("mode", CUTS)
def test_16_bit_sums_reach_their_limit_and_no_further(mode: ProductMode) -> None:
    # Each tap is bounded by its product's upper bits and 2 more: 16131 + 16131 + 505.
    assert ARITHMETIC[mode].limit == 16131 + 16131 + 505
    at_limit = one_by_one([127 * 256, 127 * 256, 503 * 32], [[127, 127, 8]], mode)
    assert groups(*at_limit) == [(3, False)]
    beyond = one_by_one([127 * 256, 127 * 256, 504 * 32], [[127, 127, 8]], mode)
    assert groups(*beyond) == [(2, False), (3, False)]


@pytest.mark.parametrize("mode", CUTS)
@pytest.mark.parametrize("sign", [1, -1])
def test_16_bit_sums_that_would_wrap_are_split(mode: ProductMode, sign: int) -> None:
    x, layer = one_by_one([32767] * 64, [[127 * sign] * 64, [1] * 64], mode)
    found = groups(x, layer)
    assert len(found) > 1 and not any(unproved for _, unproved in found)
    half = 128 if mode is ProductMode.CUT_ROUND else 0
    assert kernels.conv_accumulate(x, layer)[0].item() == 64 * ((32767 * 127 * sign + half) >> 8)


@pytest.mark.parametrize(
    ("mode", "fits"), [(ProductMode.CUT_FLOOR, 127), (ProductMode.CUT_ROUND, 255)]
)
def test_weights_beyond_16_bits_are_cut_one_by_one(mode: ProductMode, fits: int) -> None:
    assert groups(*one_by_one([32767], [[fits]], mode)) == [(1, False)]
    assert groups(*one_by_one([-32768], [[-fits]], mode)) == [(1, False)]
    assert groups(*one_by_one([32767], [[fits + 1]], mode)) == [(1, True)]
    # An activation below half of full scale leaves a bit to its weight.
    assert groups(*one_by_one([16383], [[fits + 1]], mode)) == [(1, False)]


@pytest.mark.parametrize("mode", CUTS)
def test_every_product_of_an_activation_is_cut_right(mode: ProductMode) -> None:
    for weight in (-32768, -257, -256, -255, -129, -128, -1, 1, 127, 128, 255, 256, 32767):
        for most in (255, 4095, 16383, 32767):
            values = np.arange(-most, most + 1, max(1, most // 600)).astype(np.int16)
            layer = make_layer(np.full((1, 1, 1, 1), weight, np.int16), mode=mode)
            groups(values.reshape(1, 1, -1), layer)


@pytest.mark.parametrize("mode", CUTS)
def test_products_that_wrap_stand_beside_those_that_do_not(
    mode: ProductMode, rng: np.random.Generator
) -> None:
    x = rng.integers(-200, 200, (6, 9, 11)).astype(np.int16)
    x[3] = rng.integers(-32768, 32768, (9, 11))
    weight = rng.integers(-300, 300, (5, 6, 3, 3)).astype(np.int16)
    layer = make_layer(weight, mode=mode, padding=Padding(1, 1, 1, 1))
    unproved = [unproved for _, unproved in groups(x, layer)]
    assert True in unproved and False in unproved


@pytest.mark.parametrize("mode", ProductMode)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((3, 3), 1, Padding(1, 1, 1, 1)),
        ((3, 3), 2, Padding(1, 0, 1, 0)),
        ((7, 7), 2, Padding(3, 3, 3, 3)),
        ((7, 7), 1, Padding(0, 7, 7, 0)),
        ((1, 1), 1, Padding(2, 2, 3, 5)),
        ((1, 7), 1, Padding(0, 0, 3, 1)),
        ((2, 5), 2, Padding(0, 1, 4, 2)),
    ],
)
def test_every_shape_and_scale_agrees(
    mode: ProductMode,
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    rng: np.random.Generator,
) -> None:
    for channels, outputs, most in product((1, 3, 8), (1, 5), (90, 4000, 32767)):
        x = rng.integers(-most, most + 1, (channels, 17, 33)).astype(np.int16)
        weight = rng.integers(-most, most + 1, (outputs, channels, *kernel)).astype(np.int16)
        layer = make_layer(weight, mode=mode, stride=stride, padding=padding)
        groups(x, layer)


def test_a_map_of_more_than_one_chunk_agrees(rng: np.random.Generator) -> None:
    for mode in ProductMode:
        x = rng.integers(-900, 900, (3, 45, 61)).astype(np.int16)
        weight = rng.integers(-200, 200, (6, 3, 3, 3)).astype(np.int16)
        layer = make_layer(weight, [5, -7, 0, 1, 2, 3], mode=mode, padding=Padding(1, 1, 1, 1))
        groups(x, layer)
        np.testing.assert_array_equal(kernels.conv(x, layer), spec.conv(x, layer))


def test_inputs_that_cannot_be_written_are_read(rng: np.random.Generator) -> None:
    x = rng.integers(-90, 90, (5, 8, 6)).astype(np.int16).transpose(0, 2, 1)
    weight = rng.integers(-90, 90, (4, 5, 3, 3)).astype(np.int16)
    for array in (x, weight):
        array.setflags(write=False)
    groups(x, make_layer(weight))


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    ("stride", "padding"), [(2, None), (1, None), (1, PoolPad.ZERO), (1, PoolPad.MINUS_INF)]
)
def test_pools_agree(
    size: int, stride: int, padding: PoolPad | None, rng: np.random.Generator
) -> None:
    layer = PoolLayer("pool", "image", size, stride, padding)
    for side, act_w in product((size, 7, 8), (8, 16)):
        x = rng.integers(-128, 1, (3, side, side + 1)).astype(np.int16)
        np.testing.assert_array_equal(kernels.pool(x, layer, act_w), spec.pool(x, layer, act_w))
    with pytest.raises(ConfigError, match="smaller than the window"):
        kernels.pool(np.zeros((1, 1, 1), np.int16), PoolLayer("pool", "image", size, 2))


@pytest.mark.parametrize(
    "options", [PER_LAYER, Q7_8, CUT_FLOOR, CUT_ROUND], ids=["full", "q7.8", "floor", "round"]
)
def test_every_tap_of_the_real_network_is_proved(
    options: NumericOptions,
    build: Callable[[NumericOptions], Network],
    photograph: Callable[[Network], Int16Array],
) -> None:
    network = build(options)
    values = run(network, photograph(network))
    for layer in network.convs():
        taps = plan(values[layer.source], layer)
        assert not taps.wide.any(), layer.name
        assert len(taps.ends) <= 2 * safe_sums.SEGMENTS, layer.name


@pytest.mark.parametrize("name", SOURCES)
def test_machine_code_is_kept_until_a_source_changes(name: str, tmp_path: Path) -> None:
    folder = Path(nodes.__file__).parent
    for source in SOURCES:
        (tmp_path / source).write_bytes((folder / source).read_bytes())
    kept: Any = convolve
    assert kept._cache._cache_file._source_stamp == stamp(folder) == stamp(tmp_path)
    (tmp_path / name).write_text("changed")
    assert stamp(tmp_path) != stamp(folder)


@pytest.mark.slow
@pytest.mark.parametrize(("features", "wanted"), [("+avx2", 16), ("", 8)])
def test_other_processors_agree(features: str, wanted: int) -> None:
    if features and lanes.LANES == 8:
        pytest.skip("this processor has no AVX2")
    env = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features}
    command = [
        sys.executable,
        "-c",
        "from golden.reference.kernels import lanes; print(lanes.LANES)",
    ]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(wanted)]
    here = Path(__file__)
    tests = [str(here), str(here.with_name("test_conv.py"))]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    done = subprocess.run([*command, *tests], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
