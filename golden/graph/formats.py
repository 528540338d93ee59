"""How many fraction bits each tensor of a network is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, Graph, read_by
from golden.graph.layers import IMAGE, ResidualLayer
from golden.quantization.fraction_bits import HEADROOM, Q7_8_FRAC, Formats, frac_bits


def reach(
    graph: Graph,
    convs: Mapping[str, FloatConv],
    images: Iterable[npt.NDArray[np.float32]],
) -> dict[str, float]:
    """Find the magnitude that each node's output is given room for: twice the largest seen.

    Parameters
    ----------
    graph : Graph
    convs : mapping of str to FloatConv
        Folded.
    images : iterable of ndarray of float32, (C, H, W)
    """
    from golden.graph import floats  # and with it torch

    room: dict[str, float] = {}
    for image in images:
        for name, value in floats.run(graph, convs, image).items():
            room[name] = max(room.get(name, 0.0), HEADROOM * float(np.abs(value).max()))
    return room


def together(graph: Graph) -> dict[str, str]:
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
        joined = {group[name] for name in read_by(node)} | own
        first = min(joined)
        group = {name: first if held in joined else held for name, held in group.items()}
    return group


def choose_formats(
    graph: Graph,
    convs: Mapping[str, FloatConv],
    room: Mapping[str, float],
    options: NumericOptions,
    white: float = 1.0,
) -> Formats:
    """Choose the fraction bits of every tensor.

    Format ``q7.8``: 8 everywhere. ``per_layer``: weights by their largest magnitude, groups
    of activations by the largest that they hold, the picture by its white. No output has
    more fraction bits than its products, no sum more than what it adds.

    Parameters
    ----------
    graph : Graph
    convs : mapping of str to FloatConv
        Folded.
    room : mapping of str to float
        What `reach` returns; not read for q7.8.
    options : NumericOptions
    white : float
        The picture's largest magnitude.
    """
    if options.format is NumberFormat.Q7_8:
        names = (IMAGE, *(node.name for node in graph.nodes))
        return Formats(dict.fromkeys(names, Q7_8_FRAC), dict.fromkeys(convs, Q7_8_FRAC))
    weight = {
        name: frac_bits(float(np.abs(conv.weight).max()), options.weight_w)
        for name, conv in convs.items()
    }
    group = together(graph)
    most: dict[str, float] = {IMAGE: white}
    for name, own in group.items():
        if name != IMAGE:
            most[own] = max(most.get(own, 0.0), room[name])
    frac = {own: frac_bits(largest, options.act_w) for own, largest in most.items()}
    before: dict[str, int] = {}
    while before != frac:
        before = dict(frac)
        for node in graph.nodes:
            most_bits = frac[group[read_by(node)[0]]] + weight.get(node.name, 0)
            frac[group[node.name]] = min(frac[group[node.name]], most_bits)
    return Formats({name: frac[own] for name, own in group.items()}, weight)
