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
from golden.graph.float_graph import Conv, FloatNetwork, Graph
from golden.graph.layers import IMAGE, ResidualLayer, sources

Q7_8_FRAC = 8
"""Fraction bits of the format q7.8."""
MAX_FRAC = 24
"""Most fraction bits that a tensor is given, however small its values."""
HEADROOM = 2.0
"""Room for outputs beyond those of the calibration images: one bit."""


@dataclass(frozen=True, slots=True)
class Formats:
    """Fraction bits of every tensor of a network."""

    output: dict[str, int]
    """Of ``image`` and each node's output."""
    weight: dict[str, int]
    """Of each convolution's weights."""


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
    """Find the magnitude that each node's output is given room for, by the node's name.

    It is twice the largest output on the images. Where a leaky rectifier comes after
    requantising, the value ahead of it has room too: its most negative one on the
    images, undoing the slope. (What lies below saturates, and counts a tenth.)

    Parameters
    ----------
    images : iterable of ndarray of float32, (C, H, W)
    """
    from golden.reference import float_model  # and with it torch

    slope = options.slope.real
    after = options.place is LeakyPlace.AFTER_REQUANT
    room = {node.name: 0.0 for node in network.nodes}
    for image in images:
        values = float_model.run(network, image, slope)
        for node in network.nodes:
            low, high = float(values[node.name].min()), float(values[node.name].max())
            before = 0.0
            if after and isinstance(node, Conv) and node.activation is Activation.LEAKY:
                before = -low / (slope if node.slope is None else node.slope)
            room[node.name] = max(room[node.name], HEADROOM * max(high, -low), before)
    return room


def format_groups(graph: Graph) -> dict[str, str]:
    """Name, for each node and ``image``, the group whose fraction bits it has.

    Pools keep their source's format, a concatenation has that of all that it reads. Both
    sources of a residual add have one; the sum may have fewer bits, see `choose_formats`.
    """
    group = {IMAGE: IMAGE}
    for node in graph.nodes:
        group[node.name] = node.name
        if isinstance(node, Conv):
            continue
        own = set() if isinstance(node, ResidualLayer) else {node.name}
        joined = {group[name] for name in sources(node)} | own
        first = min(joined)
        group = {name: first if held in joined else held for name, held in group.items()}
    return group


def choose_formats(
    network: FloatNetwork,
    room: Mapping[str, float],
    options: NumericOptions,
    given: Mapping[str, int] | None = None,
) -> Formats:
    """Choose the fraction bits of every tensor.

    Format ``q7.8``: 8 everywhere. ``per_layer``: weights by their largest magnitude,
    convolutions and sums by `room`, the image by its white; a group of tensors, see
    `format_groups`, takes the fewest bits among them. No output has more fraction bits than
    its products, no sum more than what it adds. What is `given` comes first.

    Parameters
    ----------
    room : mapping of str to float
        What `reach` returns; not read for q7.8.
    given : mapping of str to int, optional
        Fraction bits by tensor: ``image``, ``conv1.weight``, ``conv1.output``.

    Raises
    ------
    ConfigError
        If a given tensor is unknown, the format is q7.8, or an output would have more
        fraction bits than its products.
    """
    given = {} if given is None else given
    _check_given(network.graph, given, options)
    if options.format is NumberFormat.Q7_8:
        names = (IMAGE, *(node.name for node in network.nodes))
        return Formats(dict.fromkeys(names, Q7_8_FRAC), dict.fromkeys(network.convs, Q7_8_FRAC))
    weight = {
        name: given.get(
            weight_of(name), frac_bits(float(np.abs(conv.weight).max()), options.weight_w)
        )
        for name, conv in network.convs.items()
    }
    group = format_groups(network.graph)
    own = {IMAGE: given.get(IMAGE, frac_bits(network.white, options.act_w))}
    for node in network.nodes:
        if isinstance(node, (Conv, ResidualLayer)):
            own[node.name] = given.get(
                output_of(node.name), frac_bits(room[node.name], options.act_w)
            )
    frac: dict[str, int] = {}
    for name, bits in own.items():
        frac[group[name]] = min(bits, frac.get(group[name], bits))
    before: dict[str, int] = {}
    while before != frac:
        before = dict(frac)
        for node in network.nodes:
            most = frac[group[sources(node)[0]]] + weight.get(node.name, 0)
            if given.get(output_of(node.name), most) > most:
                raise ConfigError(
                    f"{output_of(node.name)} has {own[node.name]} fraction bits, its products "
                    f"have {most}: give no more"
                )
            frac[group[node.name]] = min(frac[group[node.name]], most)
    return Formats({name: frac[own_group] for name, own_group in group.items()}, weight)


def weight_of(conv: str) -> str:
    """Name a convolution's weights among given fraction bits."""
    return f"{conv}.weight"


def output_of(conv: str) -> str:
    """Name a convolution's output among given fraction bits."""
    return f"{conv}.output"


def _check_given(graph: Graph, given: Mapping[str, int], options: NumericOptions) -> None:
    convs = list(graph.convs)
    known = {IMAGE, *map(weight_of, convs), *map(output_of, convs)}
    for name, frac in given.items():
        if options.format is NumberFormat.Q7_8:
            raise ConfigError(
                f"{name}: format q7.8 has 8 fraction bits everywhere: choose format per_layer"
            )
        if name not in known:
            raise ConfigError(
                f"fraction bits of {name}: no such tensor; give {IMAGE}, or a convolution's "
                f"weights or output, such as {weight_of(convs[0])} or {output_of(convs[0])}"
            )
        if not -MAX_FRAC <= frac <= MAX_FRAC:
            raise ConfigError(f"{name}: {frac} fraction bits: give {-MAX_FRAC} to {MAX_FRAC}")
