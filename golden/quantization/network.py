"""A network in integers, from a list of layers and its folded numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, Graph
from golden.graph.formats import choose_formats, reach
from golden.graph.layers import IMAGE, AverageLayer, Layer, ResidualLayer, Shape
from golden.graph.network import Network
from golden.quantization.fraction_bits import Formats
from golden.quantization.layers import Place, quantize_layer


@dataclass(frozen=True, slots=True)
class Input:
    """What a network takes.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of a picture.
    white : float
        The largest magnitude of a pixel.
    """

    shape: Shape
    white: float = 1.0


def build_integers(
    name: str,
    graph: Graph,
    convs: Mapping[str, FloatConv],
    given: Input,
    calibration: Iterable[npt.NDArray[np.float32]],
    options: NumericOptions | None = None,
    classes: tuple[str, ...] = (),
) -> Network:
    """Build the integer network.

    Parameters
    ----------
    name : str
        The network's, for its files and for reports.
    graph : Graph
    convs : mapping of str to FloatConv
        Weights and bias of each convolution by name, batch normalisation folded.
    given : Input
    calibration : iterable of ndarray of float32, (C, H, W)
        Pictures that fraction bits are chosen on. Format q7.8 reads none.
    options : NumericOptions, optional
        The numeric choices, their defaults unless given; `slope` and `pool_pad` change
        nothing.
    classes : tuple of str
        Names of the last layer's channels, in order.

    Raises
    ------
    ConfigError
        If a layer cannot be held in the chosen arithmetic, or its shapes do not fit.
    """
    graph.shapes_from(given.shape)
    options = NumericOptions() if options is None else options
    room: dict[str, float] = {}
    if options.format is NumberFormat.PER_LAYER:
        room = reach(graph, convs, calibration)
    formats = choose_formats(graph, convs, room, options, given.white)
    nodes, saturated = _quantized(graph, convs, formats, options)
    frac = formats.output[IMAGE]
    return Network(name, nodes, frac, options, given.shape, classes, saturated)


def _quantized(
    graph: Graph, convs: Mapping[str, FloatConv], formats: Formats, options: NumericOptions
) -> tuple[tuple[Layer, ...], dict[str, int]]:
    """Quantise every node; also count the weights that saturated in each convolution."""
    nodes: list[Layer] = []
    saturated: dict[str, int] = {}
    for node in graph.nodes:
        if isinstance(node, Conv):
            place = Place(node.name, node.source, node.activation, node.stride, node.padding)
            layer, saturated[node.name] = quantize_layer(place, convs[node.name], formats, options)
            nodes.append(layer)
        elif isinstance(node, ResidualLayer):
            shift = formats.output[node.sources[0]] - formats.output[node.name]
            nodes.append(replace(node, shift=shift))
        elif isinstance(node, AverageLayer):
            nodes.append(replace(node, weight_w=options.weight_w))
        else:
            nodes.append(node)
    return tuple(nodes), saturated
