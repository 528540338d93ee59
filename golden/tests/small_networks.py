"""Small networks with every kind of layer, in odd sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, NumberFormat, PoolPad, ProductMode
from golden.graph.layers import (
    AverageLayer,
    ConcatLayer,
    Layer,
    Padding,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
)
from golden.graph.network import Network
from golden.tests.conftest import make_layer


def conv(name: str, source: str, inputs: int, outputs: int, kernel: int = 3) -> Layer:
    draw = np.random.default_rng(sum(map(ord, name)))
    weight = draw.integers(-90, 90, (outputs, inputs, kernel, kernel)).astype(np.int16)
    margin = kernel // 2
    bias = [int(value) for value in draw.integers(-5000, 5000, outputs)]
    padding = Padding(margin, margin, margin, margin)
    return make_layer(weight, bias, name=name, source=source, padding=padding)


def network(*nodes: Layer, size: tuple[int, int], mode: ProductMode = ProductMode.FULL) -> Network:
    """A network of Q7.8 layers: 8 fraction bits everywhere."""
    shift = 8 if mode is ProductMode.FULL else 0
    fitted = tuple(
        replace(node, mode=mode, shift=shift) if node.kind == "conv" else node for node in nodes
    )
    options = NumericOptions(format=NumberFormat.Q7_8, mode=mode)
    return Network("small", fitted, 8, options, (3, *size), (), {})


def chain(pad: PoolPad, size: tuple[int, int], mode: ProductMode = ProductMode.FULL) -> Network:
    """Every pool behind a convolution, one behind another pool, odd sizes."""
    return network(
        conv("conv1", "image", 3, 5),
        PoolLayer("pool1", "conv1", 2, 2),
        conv("conv2", "pool1", 5, 7),
        PoolLayer("pool2", "conv2", 2, 1, pad),
        conv("conv3", "pool2", 7, 6),
        PoolLayer("pool3", "conv3", 3, 2),
        PoolLayer("pool4", "pool3", 2, 1),
        conv("conv4", "pool4", 6, 9, 1),
        size=size,
        mode=mode,
    )


def branches(size: tuple[int, int], mode: ProductMode = ProductMode.FULL) -> Network:
    """A route that stays, a pool of its own, an upsampling, a concatenation read twice."""
    return network(
        conv("conv1", "image", 3, 4),
        conv("conv2", "conv1", 4, 6),
        PoolLayer("pool2", "conv2", 2, 2),
        conv("conv3", "pool2", 6, 5, 1),
        UpsampleLayer("up", "conv3"),
        ConcatLayer("concat", ("up", "conv2", "conv1")),
        conv("conv4", "concat", 15, 7),
        conv("conv5", "concat", 15, 3, 1),
        UpsampleLayer("up5", "conv4"),
        conv("conv6", "up5", 7, 2),
        conv("conv7", "conv4", 7, 2),
        size=size,
        mode=mode,
    )


def residuals(size: tuple[int, int]) -> Network:
    """Adds one behind another, one of a concatenation, a pool of a sum, a global average."""
    return network(
        conv("conv1", "image", 3, 5),
        PoolLayer("pool1", "conv1", 3, 2),
        conv("left", "pool1", 5, 4, 1),
        conv("right", "pool1", 5, 3),
        ConcatLayer("concat", ("left", "right")),
        conv("up", "concat", 7, 7, 1),
        ResidualLayer("add1", ("concat", "up")),
        conv("conv2", "add1", 7, 7),
        ResidualLayer("add2", ("add1", "conv2"), Activation.LINEAR),
        PoolLayer("pool2", "add2", 3, 2),
        AverageLayer("mean", "pool2"),
        conv("last", "mean", 7, 9, 1),
        size=size,
    )
