"""The network in real numbers, on torch: for calibration and for judging the integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from golden.config import Activation, PoolPad, Slope
from golden.graph.float_conv import FloatConv
from golden.graph.layers import IMAGE, PoolLayer, UpsampleLayer
from golden.networks.yolov3_tiny.graph import ConvNode, FloatNetwork, Node

SLOPES = {Slope.EIGHTH: 1 / 8, Slope.THIRTEEN_128THS: 13 / 128}
"""Real value of each slope."""
TRAINED_SLOPE = 0.1
"""The slope that Darknet trains with."""

Tensors = Mapping[str, torch.Tensor]
"""By node name, each (..., C, H, W): one picture, or a batch."""
Change = Callable[[str, torch.Tensor], torch.Tensor]
"""What a node's readers see instead of its output."""


def run(
    network: FloatNetwork,
    image: npt.NDArray[np.floating],
    slope: float,
    dtype: torch.dtype = torch.float32,
    change: Change | None = None,
) -> dict[str, npt.NDArray[np.floating]]:
    """Compute every node's output for one image.

    Parameters
    ----------
    network : FloatNetwork
    image : ndarray of float, (3, H, W)
        Values 0 to 1.
    slope : float
        Of the leaky rectifier.
    dtype : torch.dtype
        float32, or float64 as a reference.
    change : callable, optional
        Takes a node's name (or ``image``) and its output, and returns what its readers see.

    Returns
    -------
    dict of str to ndarray, (C, H, W)
        ``image`` and every node.
    """
    changed = _unchanged if change is None else change
    with torch.no_grad():
        values = {IMAGE: changed(IMAGE, torch.from_numpy(image).to(dtype))}
        for node in network.nodes:
            if isinstance(node, ConvNode):
                weight, bias = parameters(network.convs[node.name], dtype)
                sums = convolve(values[node.source], weight, bias)
                made = activate(node, sums, slope)
            else:
                made = move(node, values)
            values[node.name] = changed(node.name, made)
    return {name: value.numpy() for name, value in values.items()}


def _unchanged(_: str, output: torch.Tensor) -> torch.Tensor:
    return output


def parameters(
    conv: FloatConv, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight, (O, I, KH, KW), and bias, (O,), as tensors."""
    return torch.from_numpy(conv.weight).to(dtype), torch.from_numpy(conv.bias).to(dtype)


def convolve(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Convolve (..., I, H, W) with a square kernel of odd side; zeros keep the size."""
    return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def activate(node: ConvNode, sums: torch.Tensor, slope: float) -> torch.Tensor:
    """Apply a convolution's activation."""
    if node.activation is Activation.LINEAR:
        return sums
    return functional.leaky_relu(sums, 0.0 if node.activation is Activation.RELU else slope)


def move(node: Node, values: Tensors) -> torch.Tensor:
    """Compute the output of a node that does not multiply: pool, upsample, concatenation."""
    if isinstance(node, PoolLayer):
        return _pool(values[node.source], node)
    if isinstance(node, UpsampleLayer):
        return values[node.source].repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert not isinstance(node, ConvNode)
    return torch.cat([values[name] for name in node.sources], dim=-3)


def _pool(x: torch.Tensor, node: PoolLayer) -> torch.Tensor:
    beyond = 0.0 if node.padding is PoolPad.ZERO else float("-inf")
    padded = functional.pad(x, (0, node.margin, 0, node.margin), value=beyond)
    return functional.max_pool2d(padded, node.size, node.stride)
