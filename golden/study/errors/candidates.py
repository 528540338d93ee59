"""Networks that are shown the same pictures: in floats, with rounded weights, in integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, NumberFormat, ProductMode
from golden.graph.anchors import Anchors
from golden.graph.conv_layer import ConvLayer
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork, Graph, Node
from golden.graph.image_size import ImageSize
from golden.graph.layers import Layer
from golden.graph.network import Network
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE, TRAINED_SLOPE
from golden.networks.yolov3_tiny.retune_patch import Retune
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run

FLOAT: Final = "float"
"""The float network with the slope that the hardware has."""
TEACHER: Final = "teacher"
"""The float network as it was trained: slope 0.1, not retuned."""
WEIGHTS: Final = "weights"
"""``weights:FORMAT``: float arithmetic on weights that the format holds."""
USUAL: Final = ("weights:q7.8", "q7.8:cut_floor", "q7.8:cut_round", "q7.8:full", "per_layer:full")
"""What stands beside the float network unless others are asked for."""

Heads = dict[str, npt.NDArray[np.floating]]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A network that detects objects in pictures."""

    name: str
    """As the user chose it."""
    classes: tuple[str, ...]
    """In channel order."""
    heads: Callable[[npt.NDArray[np.float32]], Heads]
    """From pixels (3, H, W), 0 to 1, to the two heads in real numbers."""
    about: dict[str, Any]
    """What JSON says of it."""
    anchors: Anchors = field(default_factory=Anchors)


@dataclass(slots=True)
class Maker:
    """Makes candidates of one model."""

    files: ModelFiles
    options: NumericOptions
    """Slope, padding, place of the leaky rectifier; a candidate's name chooses the rest."""
    patch: Retune = None
    """Retuning patch of all but the teacher."""
    size: ImageSize = INPUT_SIZE
    """Rows and columns of the input."""
    _built: dict[NumericOptions, Network] = field(init=False, default_factory=dict)

    def make(self, name: str) -> Candidate:
        """Make the candidate of that name; see `check_name`.

        Raises
        ------
        ConfigError
            If the name or the arithmetic is not possible.
        InputError
            If a model file is damaged or holds another network.
        """
        if name == FLOAT:
            network = read_network(self.files, self.options, self.patch)
            return _real(name, network, _slope(self.options), {"kind": FLOAT})
        if name == TEACHER:
            network = read_network(self.files, self.options, None)
            return _real(name, network, TRAINED_SLOPE, {"kind": TEACHER})
        chosen = parse_name(name, self.options)
        integers = self._network(chosen)
        about: dict[str, Any] = {
            "kind": "bit_true",
            "format": chosen.format.value,
            "mode": chosen.mode.value,
            "act_bits": chosen.act_w,
            "weight_bits": chosen.weight_w,
        }
        if name.startswith(f"{WEIGHTS}:"):
            about = {**about, "kind": WEIGHTS, "mode": None, "act_bits": None}
            return _real(name, representable(integers), _slope(chosen), about)
        about |= {"leaky_place": chosen.place.value, "slope": chosen.slope.value}
        return _integers(name, integers, about)

    def _network(self, options: NumericOptions) -> Network:
        if options not in self._built:
            self._built[options] = build_yolov3_tiny(
                self.files, options, input_size=self.size, retune=self.patch
            )
        return self._built[options]


def parse_name(name: str, options: NumericOptions) -> NumericOptions:
    """Read ``FORMAT:MODE``, ``FORMAT:MODE:8`` or ``weights:FORMAT``, the rest from `options`.

    Raises
    ------
    ConfigError
        If it is none of these, or its choices contradict each other.

    >>> chosen = parse_name("per_layer:full:8", NumericOptions())
    >>> chosen.act_w, chosen.weight_w, chosen.format.value
    (8, 8, 'per_layer')
    >>> parse_name("weights:q7.8", NumericOptions()).mode.value
    'full'
    """
    words = name.split(":")
    if words[0] == WEIGHTS:
        words = [*words[1:2], ProductMode.FULL.value, *words[2:]]
    try:
        number_format, mode, *bits = words
        width = {(): 16, ("16",): 16, ("8",): 8}[tuple(bits)]
        kind, product = NumberFormat(number_format), ProductMode(mode)
    except (ValueError, KeyError):
        raise ConfigError(
            f"{name}: choose {FLOAT}, {TEACHER}, {WEIGHTS}:FORMAT or FORMAT:MODE, of formats "
            f"{_values(NumberFormat)} and modes {_values(ProductMode)}; :8 after it means 8 bits"
        ) from None
    return replace(options, format=kind, mode=product, act_w=width, weight_w=width)


def check_names(names: Sequence[str], options: NumericOptions) -> None:
    """Refuse a name that is none, or is there twice, before any work is done.

    Raises
    ------
    ConfigError
        Naming it.
    """
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(f"{name}: it is there twice")
        if name not in (FLOAT, TEACHER):
            parse_name(name, options)


def _integers(name: str, network: Network, about: dict[str, Any]) -> Candidate:
    """A candidate that computes as the hardware does, on real pixels."""

    def heads(pixels: npt.NDArray[np.float32]) -> Heads:
        image, _ = quantize_image(pixels, network.input_frac, network.options.act_w)
        values, fracs = run(network, image), network.fracs()
        return {head: dequantize(values[head], fracs[head]) for head in HEADS}

    return Candidate(name, network.classes, heads, about, network.anchors)


def _real(name: str, network: FloatNetwork, slope: float, about: dict[str, Any]) -> Candidate:
    """A candidate that computes in float64."""

    def heads(pixels: npt.NDArray[np.float32]) -> Heads:
        values = float_model.run(network, pixels, slope, torch.float64)
        return {head: values[head] for head in HEADS}

    about = {**about, "slope": slope}
    return Candidate(name, network.classes, heads, about, network.anchors)


def _slope(options: NumericOptions) -> float:
    return options.slope.real


def _values(kind: Iterable[NumberFormat] | Iterable[ProductMode]) -> str:
    return ", ".join(member.value for member in kind)


def representable(network: Network) -> FloatNetwork:
    """Turn an integer graph's weights and biases back into real numbers.

    Weight ``integer / 2**weight_frac``, bias at the accumulator's scale.

    Running it shows what quantising the weights costs; activations stay real.
    """
    convs = {
        layer.name: FloatConv(
            layer.name,
            dequantize(layer.weight, layer.weight_frac),
            dequantize(layer.bias, layer.sum_frac),
        )
        for layer in network.convs()
    }
    zeros = {n.name: n.embedded_zero_taps for n in network.convs() if n.embedded_zero_taps}
    nodes = Graph(tuple(map(_node, network.nodes)))
    return FloatNetwork(nodes, convs, network.classes, zeros, anchors=network.anchors)


def _node(node: Layer) -> Node:
    """A node of the float network: a convolution loses its numbers."""
    if not isinstance(node, ConvLayer):
        return node
    return Conv(
        node.name,
        node.source,
        node.in_channels,
        node.out_channels,
        node.kernel,
        node.stride,
        node.padding,
        activation=node.activation,
    )
