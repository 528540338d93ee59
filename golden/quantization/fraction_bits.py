"""How many fraction bits each tensor of a network is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import int_range
from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, ConfigError, LeakyPlace, NumberFormat
from golden.graph.layers import IMAGE, ConcatLayer, sources
from golden.networks.yolov3_tiny.graph import ConvNode, FloatNetwork

Q7_8_FRAC = 8
"""Fraction bits of the format q7.8."""
MAX_FRAC = 24
"""Most fraction bits that a tensor is given, however small its values."""
HEADROOM = 2.0
"""Room for outputs beyond those of the calibration images: one bit."""


@dataclass(frozen=True, slots=True)
class Formats:
    """Fraction bits of every tensor of a network.

    Parameters
    ----------
    output : dict of str to int
        Of ``image`` and each node's output.
    weight : dict of str to int
        Of each convolution's weights.
    """

    output: dict[str, int]
    weight: dict[str, int]


def frac_bits(largest: float, width: int) -> int:
    """Find the most fraction bits with which plus and minus `largest` fit `width` bits.

    >>> frac_bits(1.0, 16), frac_bits(0.9999, 16), frac_bits(127.99, 16), frac_bits(200.0, 8)
    (14, 15, 8, -1)
    >>> frac_bits(0.0, 16)
    24
    """
    high = int_range(width)[1]
    if largest <= high * 2.0**-MAX_FRAC:
        return MAX_FRAC
    frac = math.floor(math.log2(high / largest)) + 1
    return frac if round(math.ldexp(largest, frac)) <= high else frac - 1


def reach(
    network: FloatNetwork, images: Iterable[npt.NDArray[np.float32]], options: NumericOptions
) -> dict[str, float]:
    """Find the magnitude that each convolution's requantised value is given room for.

    It is twice the largest output on the images. Where a leaky rectifier comes after
    requantising, the value ahead of it has room too: its most negative one on the
    images, undoing the slope. (What lies below saturates, and counts a tenth.)

    Parameters
    ----------
    network : FloatNetwork
    images : iterable of ndarray of float32, (3, H, W)
    options : NumericOptions

    Returns
    -------
    dict of str to float
        By the name of the convolution.
    """
    from golden.reference import float_model  # and with it torch

    slope = float_model.SLOPES[options.slope]
    after = options.place is LeakyPlace.AFTER_REQUANT
    room = dict.fromkeys(network.convs, 0.0)
    for image in images:
        values = float_model.run(network, image, slope)
        for node in network.nodes:
            if isinstance(node, ConvNode):
                low, high = float(values[node.name].min()), float(values[node.name].max())
                rectified = after and node.activation is Activation.LEAKY
                before = -low / slope if rectified else 0.0
                room[node.name] = max(room[node.name], HEADROOM * max(high, -low), before)
    return room


def choose_formats(
    network: FloatNetwork,
    room: Mapping[str, float],
    options: NumericOptions,
    given: Mapping[str, int] | None = None,
) -> Formats:
    """Choose the fraction bits of every tensor.

    Format ``q7.8``: 8 everywhere. ``per_layer``: weights by their largest magnitude,
    activations by `room`, the image by its white; all
    sources of a concatenation take the fewest bits among them. What is `given` comes first.

    Parameters
    ----------
    network : FloatNetwork
    room : mapping of str to float
        What `reach` returns; not read for q7.8.
    options : NumericOptions
    given : mapping of str to int, optional
        Fraction bits by tensor: ``image``, ``conv1.weight``, ``conv1.output``.

    Raises
    ------
    ConfigError
        If a given tensor is unknown, the format is q7.8, or an output would have more
        fraction bits than its products.
    """
    given = {} if given is None else given
    _check_given(network, given, options)
    if options.format is NumberFormat.Q7_8:
        names = (IMAGE, *(node.name for node in network.nodes))
        return Formats(dict.fromkeys(names, Q7_8_FRAC), dict.fromkeys(network.convs, Q7_8_FRAC))
    weight = {
        name: given.get(
            weight_of(name), frac_bits(float(np.abs(conv.weight).max()), options.weight_w)
        )
        for name, conv in network.convs.items()
    }
    own = {
        name: given.get(output_of(name), frac_bits(most, options.act_w))
        for name, most in room.items()
    }
    own[IMAGE] = given.get(IMAGE, frac_bits(1.0, options.act_w))
    for node in network.nodes:
        if isinstance(node, ConcatLayer):
            joined = [_producer(network, name) for name in node.sources]
            own.update(dict.fromkeys(joined, min(own[name] for name in joined)))
    output = {IMAGE: own[IMAGE]}
    for node in network.nodes:
        output[node.name] = output[node.sources[0] if node.kind == "concat" else node.source]
        if isinstance(node, ConvNode):
            most = output[node.source] + weight[node.name]
            if given.get(output_of(node.name), most) > most:
                raise ConfigError(
                    f"{output_of(node.name)} has {own[node.name]} fraction bits, its products "
                    f"have {most}: give no more"
                )
            output[node.name] = min(own[node.name], most)
    return Formats(output, weight)


def weight_of(conv: str) -> str:
    """Name a convolution's weights among given fraction bits."""
    return f"{conv}.weight"


def output_of(conv: str) -> str:
    """Name a convolution's output among given fraction bits."""
    return f"{conv}.output"


def _check_given(network: FloatNetwork, given: Mapping[str, int], options: NumericOptions) -> None:
    known = {IMAGE, *map(weight_of, network.convs), *map(output_of, network.convs)}
    for name, frac in given.items():
        if options.format is NumberFormat.Q7_8:
            raise ConfigError(
                f"{name}: format q7.8 has 8 fraction bits everywhere: choose format per_layer"
            )
        if name not in known:
            raise ConfigError(
                f"fraction bits of {name}: no such tensor; give {IMAGE}, or a convolution's "
                f"weights or output, such as {weight_of('conv1')} or {output_of('conv1')}"
            )
        if not -MAX_FRAC <= frac <= MAX_FRAC:
            raise ConfigError(f"{name}: {frac} fraction bits: give {-MAX_FRAC} to {MAX_FRAC}")


def _producer(network: FloatNetwork, name: str) -> str:
    """Find the convolution, or the image, whose fraction bits the tensor `name` carries."""
    nodes = {node.name: node for node in network.nodes}
    while name != IMAGE:
        node = nodes[name]
        if isinstance(node, ConvNode):
            break
        name = sources(node)[0]
    return name
