"""YOLOv3-tiny in integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat
from golden.graph.float_conv import FloatConv
from golden.graph.layers import IMAGE, ConvLayer, Layer, Padding
from golden.graph.network import Network
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.networks.yolov3_tiny.graph import INPUT_SIZE, ConvNode, FloatNetwork, check_size
from golden.networks.yolov3_tiny.retune_patch import Retune
from golden.quantization.fraction_bits import Formats, choose_formats, reach
from golden.quantization.layers import Place, quantize_layer
from golden.vision.images import calibration_images, load, preprocess


def build_yolov3_tiny(
    files: ModelFiles,
    options: NumericOptions | None = None,
    calibration: Sequence[Path] | None = None,
    input_size: int = INPUT_SIZE,
    retune: Retune = "shipped",
) -> Network:
    """Build the hardware-shaped YOLOv3-tiny of a Darknet model, in integers.

    Parameters
    ----------
    files : ModelFiles
        Weights, description and class names.
    options : NumericOptions, optional
        The numeric choices, their defaults unless given.
    calibration : sequence of Path, optional
        Pictures that fraction bits are chosen on; those that ship unless given.
        Format q7.8 reads none.
    input_size : int
        Rows and columns of the image, a multiple of 32.
    retune : Path, "shipped" or None
        Retuning patch: a file, the one that ships where it fits, or none.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    ConfigError
        If a layer cannot be held in the chosen arithmetic, the size is none, or the patch
        is for another slope.
    """
    check_size(input_size)
    options = NumericOptions() if options is None else options
    network = read_network(files, options, retune)
    room: dict[str, float] = {}
    if options.format is NumberFormat.PER_LAYER:
        paths = calibration_images() if calibration is None else calibration
        room = reach(network, (preprocess(load(path), input_size) for path in paths), options)
    formats = choose_formats(network, room, options)
    nodes, saturated = quantize_nodes(network, formats, options)
    shape = (3, input_size, input_size)
    image_frac = formats.output[IMAGE]
    return Network("yolov3-tiny", nodes, image_frac, options, shape, network.classes, saturated)


def quantize_nodes(
    network: FloatNetwork, formats: Formats, options: NumericOptions
) -> tuple[tuple[Layer, ...], dict[str, int]]:
    """Quantise every node; also count the weights that saturated in each convolution.

    Parameters
    ----------
    network : FloatNetwork
    formats : Formats
        What `golden.quantization.fraction_bits.choose_formats` returns.
    options : NumericOptions

    Raises
    ------
    ConfigError
        If a layer cannot be held; the text names it.
    """
    layers: list[Layer] = []
    saturated: dict[str, int] = {}
    for node in network.nodes:
        if isinstance(node, ConvNode):
            zeros = network.embedded_zero_taps.get(node.name, 0)
            layer, saturated[node.name] = quantize_conv(
                node, network.convs[node.name], formats, options, zeros
            )
            layers.append(layer)
        else:
            layers.append(node)
    return tuple(layers), saturated


def quantize_conv(
    node: ConvNode,
    conv: FloatConv,
    formats: Formats,
    options: NumericOptions,
    embedded_zero_taps: int = 0,
) -> tuple[ConvLayer, int]:
    """Quantise one convolution of YOLOv3-tiny; also count its weights that saturated.

    Raises
    ------
    ConfigError
        If a bias exceeds the widest accumulator, or the shift is out of range.
    """
    margin = node.kernel // 2
    padding = Padding(margin, margin, margin, margin)
    place = Place(node.name, node.source, node.activation, 1, padding)
    return quantize_layer(place, conv, formats, options, embedded_zero_taps)
