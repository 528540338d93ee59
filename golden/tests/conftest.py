"""What the golden model's tests share: the real model, and layers made at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import (
    Activation,
    InputError,
    NumberFormat,
    ProductMode,
)
from golden.graph.layers import ConvLayer
from golden.graph.network import Network
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles, model_files
from golden.quantization.layers import quantize_image
from golden.vision.images import default_image, load, preprocess

BASE = ConvLayer(
    name="layer",
    source="image",
    weight=np.ones((1, 1, 1, 1), np.int16),
    bias=np.zeros(1, np.int64),
    shift=8,
    activation=Activation.LEAKY,
    in_frac=8,
    weight_frac=8,
    out_frac=8,
)


def make_layer(weight: Int16Array, bias: list[int] | None = None, **fields: object) -> ConvLayer:
    """Return a layer of these weights; every other field may be given."""
    biases = np.array(bias or [0] * len(weight), np.int64)
    return replace(BASE, weight=weight, bias=biases, **fields)  # type: ignore[arg-type]


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def files() -> ModelFiles:
    """The official model, fetched on the first run."""
    try:
        return model_files()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def build(files: ModelFiles) -> Callable[[NumericOptions], Network]:
    """Build the real network once for each set of options."""
    built: dict[NumericOptions, Network] = {}

    def once(options: NumericOptions) -> Network:
        if options not in built:
            built[options] = build_yolov3_tiny(files, options)
        return built[options]

    return once


@pytest.fixture(scope="session")
def photograph() -> Callable[[Network], Int16Array]:
    """Quantise the default photograph for a network."""
    pixels = preprocess(load(default_image()), 416)

    def quantised(network: Network) -> Int16Array:
        ints, saturated = quantize_image(pixels, network.input_frac, network.options.act_w)
        assert saturated == 0
        return ints

    return quantised


PER_LAYER = NumericOptions()
Q7_8 = NumericOptions(format=NumberFormat.Q7_8)
CUT_FLOOR = NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_FLOOR)
CUT_ROUND = NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_ROUND)
