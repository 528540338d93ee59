"""From real numbers to integers: images, weights, biases, whole networks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import CUT_BITS, Int16Array, quantize
from golden.arithmetic.numerics import NumericOptions
from golden.config import ACC_WIDTHS, ConfigError, ProductMode, Slope
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv
from golden.graph.layers import IMAGE, ConvLayer
from golden.quantization.fraction_bits import Formats


def quantize_image(
    image: npt.NDArray[np.floating], frac: int, width: int = 16
) -> tuple[Int16Array, int]:
    """Quantise pixels 0 to 1 to `frac` fraction bits; also count those that saturated.

    >>> ints, saturated = quantize_image(np.array([0.0, 0.5, 1.0]), 14)
    >>> ints.tolist(), ints.dtype.name, saturated
    ([0, 8192, 16384], 'int16', 0)
    """
    ints, saturated = quantize(image, frac, width, name=IMAGE)
    return ints.astype(np.int16), saturated


def quantize_conv(
    node: Conv,
    conv: FloatConv,
    formats: Formats,
    options: NumericOptions,
    embedded_zero_taps: int = 0,
) -> tuple[ConvLayer, int]:
    """Quantise a convolution of any network; also count its weights that saturated.

    The bias takes the accumulator's fraction bits: the input's and the weight's
    together, 8 fewer in the cut modes.

    Raises
    ------
    ConfigError
        If a bias exceeds the widest accumulator, the shift is out of range, or the PE does
        not have the slope.
    """
    in_frac, out_frac = formats.output[node.source], formats.output[node.name]
    weight_frac = formats.weight[node.name]
    acc_frac = in_frac + weight_frac - (0 if options.mode is ProductMode.FULL else CUT_BITS)
    weight, saturated = quantize(
        conv.weight, weight_frac, options.weight_w, name=f"{node.name} weight"
    )
    bias, beyond = quantize(conv.bias, acc_frac, max(ACC_WIDTHS), name=f"{node.name} bias")
    if beyond:
        raise ConfigError(
            f"{node.name}: a bias of {np.abs(conv.bias).max():g} with {acc_frac} fraction bits "
            f"exceeds ACC_W {max(ACC_WIDTHS)}"
        )
    layer = ConvLayer(
        name=node.name,
        source=node.source,
        weight=weight.astype(np.int16),
        bias=bias,
        stride=node.stride,
        padding=node.pads,
        mode=options.mode,
        shift=acc_frac - out_frac,
        activation=node.activation,
        slope=_slope(node, options),
        place=options.place,
        rounding=options.rounding,
        overflow=options.overflow,
        in_frac=in_frac,
        weight_frac=weight_frac,
        out_frac=out_frac,
        act_w=options.act_w,
        weight_w=options.weight_w,
        embedded_zero_taps=embedded_zero_taps,
    )
    return layer, saturated


def _slope(node: Conv, options: NumericOptions) -> Slope:
    """The convolution's own slope, or the one of the whole network."""
    if node.slope is None:
        return options.slope
    for slope in Slope:
        if slope.real == node.slope:
            return slope
    known = " or ".join(slope.value for slope in Slope)
    raise ConfigError(f"{node.name}: leaky slope {node.slope:g}: not yet supported, use {known}")
