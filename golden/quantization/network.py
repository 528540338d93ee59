"""A network in integers, from one in real numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat
from golden.graph.float_graph import Conv, FloatNetwork
from golden.graph.layers import IMAGE, AverageLayer, Layer, ResidualLayer, Shape
from golden.graph.network import Network
from golden.quantization.fraction_bits import Formats, choose_formats, reach
from golden.quantization.layers import quantize_conv


def quantize_network(
    name: str,
    network: FloatNetwork,
    input_shape: Shape,
    calibration: Iterable[npt.NDArray[np.float32]],
    options: NumericOptions | None = None,
    given: Mapping[str, int] | None = None,
) -> Network:
    """Build the integer network.

    Parameters
    ----------
    name : str
        The network's, for its files and for reports.
    input_shape : tuple of int
        (C, H, W) of a picture.
    calibration : iterable of ndarray of float32, (C, H, W)
        Pictures that fraction bits are chosen on. Format q7.8 reads none.
    options : NumericOptions, optional
        The numeric choices, their defaults unless given; `pool_pad` changes nothing.
    given : mapping of str to int, optional
        Fraction bits by tensor, see `golden.quantization.fraction_bits.choose_formats`.

    Raises
    ------
    ConfigError
        If a layer cannot be held in the chosen arithmetic, its shapes do not fit, or
        `given` does not fit it.
    """
    network.graph.shapes(input_shape)
    network.check_numbers()
    options = NumericOptions() if options is None else options
    room: dict[str, float] = {}
    if options.format is NumberFormat.PER_LAYER:
        room = reach(network, calibration, options)
    formats = choose_formats(network, room, options, given)
    return with_formats(name, network, input_shape, formats, options)


def with_formats(
    name: str,
    network: FloatNetwork,
    input_shape: Shape,
    formats: Formats,
    options: NumericOptions,
) -> Network:
    """Build the integer network in formats that are chosen, see `quantize_network`."""
    nodes, saturated = quantize_nodes(network, formats, options)
    frac = formats.output[IMAGE]
    classes, anchors = network.classes, network.anchors
    return Network(name, nodes, frac, options, input_shape, classes, saturated, anchors)


def quantize_nodes(
    network: FloatNetwork, formats: Formats, options: NumericOptions
) -> tuple[tuple[Layer, ...], dict[str, int]]:
    """Quantise every node; also count the weights that saturated in each convolution.

    Raises
    ------
    ConfigError
        If a layer cannot be held; the text names it.
    """
    layers: list[Layer] = []
    saturated: dict[str, int] = {}
    for node in network.nodes:
        if isinstance(node, Conv):
            zeros = network.embedded_zero_taps.get(node.name, 0)
            conv = network.convs[node.name]
            layer, saturated[node.name] = quantize_conv(node, conv, formats, options, zeros)
            layers.append(layer)
        elif isinstance(node, ResidualLayer):
            shift = formats.output[node.sources[0]] - formats.output[node.name]
            layers.append(replace(node, shift=shift))
        elif isinstance(node, AverageLayer):
            layers.append(replace(node, weight_w=options.weight_w))
        else:
            layers.append(node)
    return tuple(layers), saturated
