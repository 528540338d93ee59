"""A model quantised in its file's own channels, and what that costs each layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import (
    CUT_BITS,
    FloatRounding,
    Int16Array,
    Int64Array,
    dequantize,
    quantize,
)
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, NumberFormat, ProductMode
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork
from golden.graph.layers import IMAGE
from golden.graph.network import Network
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import class_names, file_anchors, read_convs
from golden.networks.yolov3_tiny.files.shaping import hardware_network
from golden.networks.yolov3_tiny.retune_patch import Retune
from golden.quantization.fraction_bits import Formats, choose_formats, frac_bits, reach, weight_of
from golden.quantization.network import with_formats
from golden.study.distributions.rounding import Real, TensorErrors, mse_frac, tensor_errors

RULES: Final = ("max", "mse")
"""How fraction bits are chosen: by the largest magnitude, or by the mean squared error."""
BIAS_W: Final = 25
"""Bits of a saved bias: a float32 holds every integer of so many."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedConv:
    """A convolution of integers, in its file's channels."""

    name: str
    weight: Int64Array
    """(O, I, KH, KW)."""
    weight_frac: int
    bias: Int64Array
    """(O,)."""
    bias_frac: int
    """The accumulator's, or fewer where a float32 could not hold the bias exactly."""

    def real(self) -> FloatConv:
        """Return the numbers that the integers stand for; a float32 holds each exactly."""
        return FloatConv(
            self.name,
            dequantize(self.weight, self.weight_frac),
            dequantize(self.bias, self.bias_frac),
        )


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedModel:
    """A model in integers."""

    convs: dict[str, QuantizedConv]
    """In the file's order and channels."""
    formats: Formats
    """Fraction bits of the hardware's network."""
    network: Network
    """The hardware's network of these integers."""
    weights: tuple[TensorErrors, ...]
    biases: tuple[TensorErrors, ...]
    """In the file's order."""
    rounding: FloatRounding
    """The rounding that made the integers."""


def quantize_model(
    files: ModelFiles,
    options: NumericOptions,
    pictures: Iterable[npt.NDArray[np.float32]],
    image: npt.NDArray[np.float32],
    given: Mapping[str, int] | None = None,
    rule: str = "max",
    rounding: FloatRounding = "round_half_to_even",
    retune: Retune = "shipped",
) -> QuantizedModel:
    """Quantise a model in its file's own channels, and shape the hardware's network of it.

    Parameters
    ----------
    pictures : iterable of ndarray of float32, (3, H, W)
        Fraction bits of outputs are chosen on them; not read for q7.8.
    image : ndarray of float32, (3, H, W)
        The picture that is quantised; rule ``mse`` looks at it.
    given : mapping of str to int, optional
        Fraction bits by tensor, see `golden.quantization.fraction_bits.choose_formats`.
    rule : str
        Of the image and the weights: ``max``, or ``mse`` for the mean squared error.
    rounding : str
        Of the weights.
    retune : Path, "shipped" or None
        Retuning patch: a file, the one that ships where it fits, or none.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    ConfigError
        If a layer cannot be held in the chosen arithmetic, or `given` does not fit it.
    """
    convs = read_convs(files, options, retune)
    names = class_names(files, convs)
    anchors = file_anchors(files, convs)
    real = hardware_network(convs, names, options.pool_pad, anchors)
    given = {**_ruled(convs, image, options, rule, rounding), **(given or {})}
    room = reach(real, pictures, options) if options.format is NumberFormat.PER_LAYER else {}
    formats = choose_formats(real, room, options, given)
    sums = _sum_fracs(real, formats, options)
    quantized = {
        name: _quantized(conv, formats.weight[name], sums[name], options.weight_w, rounding)
        for name, conv in convs.items()
    }
    rounded = {name: conv.real() for name, conv in quantized.items()}
    exact = hardware_network(rounded, names, options.pool_pad, anchors)
    weights, biases = _errors(convs, quantized, options.weight_w, rounding)
    saturated = {name: each.saturated for name, each in zip(convs, weights, strict=True)}
    shape = (3, *image.shape[1:])
    built = with_formats("yolov3-tiny", exact, shape, formats, options)
    network = replace(built, saturated=saturated)
    return QuantizedModel(quantized, formats, network, weights, biases, rounding)


def quantize_picture(
    image: npt.NDArray[np.float32], network: Network, rounding: FloatRounding
) -> tuple[Int16Array, TensorErrors]:
    """Quantise a picture, (3, H, W), for a network; also say what that costs it."""
    frac, width = network.input_frac, network.options.act_w
    ints, _ = quantize(image, frac, width, rounding, IMAGE)
    return ints.astype(np.int16), tensor_errors(IMAGE, image, frac, width, rounding)


def _ruled(
    convs: Mapping[str, FloatConv],
    image: Real,
    options: NumericOptions,
    rule: str,
    rounding: FloatRounding,
) -> dict[str, int]:
    """Fraction bits of the weights, of all the file's channels, and of the image."""
    if rule not in RULES:
        raise ConfigError(f"rule {rule}: choose one of {', '.join(RULES)}")
    if options.format is NumberFormat.Q7_8:
        return {}
    if rule == "max":
        return {
            weight_of(name): frac_bits(float(np.abs(conv.weight).max()), options.weight_w)
            for name, conv in convs.items()
        }
    weights = {
        weight_of(name): mse_frac(conv.weight, options.weight_w, rounding)
        for name, conv in convs.items()
    }
    return {IMAGE: mse_frac(image, options.act_w, rounding), **weights}


def _quantized(
    conv: FloatConv, frac: int, sum_frac: int, width: int, rounding: FloatRounding
) -> QuantizedConv:
    bias_frac = min(sum_frac, frac_bits(float(np.abs(conv.bias).max()), BIAS_W))
    weight, _ = quantize(conv.weight, frac, width, rounding, f"{conv.name} weight")
    bias, _ = quantize(conv.bias, bias_frac, BIAS_W, rounding, f"{conv.name} bias")
    return QuantizedConv(conv.name, weight, frac, bias, bias_frac)


def _errors(
    convs: Mapping[str, FloatConv],
    quantized: Mapping[str, QuantizedConv],
    width: int,
    rounding: FloatRounding,
) -> tuple[tuple[TensorErrors, ...], tuple[TensorErrors, ...]]:
    """What quantising cost the weights, and the biases."""
    weights, biases = [], []
    for name, conv in convs.items():
        own = quantized[name]
        weights.append(
            tensor_errors(weight_of(name), conv.weight, own.weight_frac, width, rounding)
        )
        biases.append(tensor_errors(f"{name}.bias", conv.bias, own.bias_frac, BIAS_W, rounding))
    return tuple(weights), tuple(biases)


def _sum_fracs(network: FloatNetwork, formats: Formats, options: NumericOptions) -> dict[str, int]:
    """Fraction bits of each convolution's sum, where its bias is added."""
    cut = 0 if options.mode is ProductMode.FULL else CUT_BITS
    return {
        node.name: formats.output[node.source] + formats.weight[node.name] - cut
        for node in network.nodes
        if isinstance(node, Conv)
    }
