"""The network in real numbers, on torch: for calibration and for judging the integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from golden.config import Activation, PoolPad, Slope
from golden.fold import FloatConv
from golden.layers import ConcatLayer, PoolLayer, UpsampleLayer
from golden.yolov3_tiny import IMAGE, ConvNode, FloatNetwork

SLOPES = {Slope.EIGHTH: 1 / 8, Slope.THIRTEEN_128THS: 13 / 128}
"""Real value of each slope."""


def run(
    network: FloatNetwork,
    image: npt.NDArray[np.floating],
    slope: float,
    dtype: torch.dtype = torch.float32,
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

    Returns
    -------
    dict of str to ndarray, (C, H, W)
        ``image`` and every node.
    """
    values: dict[str, torch.Tensor] = {IMAGE: torch.from_numpy(image).to(dtype)}
    with torch.no_grad():
        for node in network.nodes:
            if isinstance(node, ConvNode):
                values[node.name] = _conv(
                    values[node.source], node, network.convs[node.name], slope
                )
            elif isinstance(node, PoolLayer):
                values[node.name] = _pool(values[node.source], node)
            elif isinstance(node, UpsampleLayer):
                source = values[node.source]
                values[node.name] = source.repeat_interleave(2, 1).repeat_interleave(2, 2)
            elif isinstance(node, ConcatLayer):
                values[node.name] = torch.cat([values[name] for name in node.sources])
    return {name: value.numpy() for name, value in values.items()}


def _conv(x: torch.Tensor, node: ConvNode, conv: FloatConv, slope: float) -> torch.Tensor:
    weight = torch.from_numpy(conv.weight).to(x.dtype)
    bias = torch.from_numpy(conv.bias).to(x.dtype)
    y = functional.conv2d(x[None], weight, bias, padding=node.kernel // 2)[0]
    if node.activation is Activation.LINEAR:
        return y
    return functional.leaky_relu(y, 0.0 if node.activation is Activation.RELU else slope)


def _pool(x: torch.Tensor, node: PoolLayer) -> torch.Tensor:
    beyond = 0.0 if node.padding is PoolPad.ZERO else float("-inf")
    padded = functional.pad(x, (0, node.margin, 0, node.margin), value=beyond)
    return functional.max_pool2d(padded[None], node.size, node.stride)[0]
