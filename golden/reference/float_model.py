"""A network in real numbers, on torch: for calibration and for judging the integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from golden.config import Activation, ConfigError, PoolPad
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, FloatNetwork, Node
from golden.graph.layers import IMAGE, AverageLayer, PoolLayer, ResidualLayer, UpsampleLayer

Tensors = Mapping[str, torch.Tensor]
"""By node name, each (..., C, H, W): one picture, or a batch."""
Change = Callable[[str, torch.Tensor], torch.Tensor]
"""What a node's readers see instead of its output."""


def run(
    network: FloatNetwork,
    image: npt.NDArray[np.floating],
    slope: float | None = None,
    dtype: torch.dtype = torch.float32,
    change: Change | None = None,
) -> dict[str, npt.NDArray[np.floating]]:
    """Compute the output (..., C, H, W) of ``image`` and every node for one image, or for a batch.

    Parameters
    ----------
    image : ndarray of float, (..., C, H, W)
    slope : float, optional
        Of leaky rectifiers that have none of their own.
    dtype : torch.dtype
        float32, or float64 as a reference.
    change : callable, optional
        Takes a node's name (or ``image``) and its output, and returns what its readers see.

    Raises
    ------
    ConfigError
        If a layer is leaky and there is no slope.
    """
    changed = _unchanged if change is None else change
    with torch.no_grad():
        values = {IMAGE: changed(IMAGE, torch.from_numpy(image).to(dtype))}
        for node in network.nodes:
            if isinstance(node, Conv):
                numbers = parameters(network.convs[node.name], dtype)
                output = activate(node, convolve(node, values[node.source], *numbers), slope)
            else:
                output = move(node, values)
            values[node.name] = changed(node.name, output)
    return {name: value.numpy() for name, value in values.items()}


def _unchanged(_: str, output: torch.Tensor) -> torch.Tensor:
    return output


def parameters(
    conv: FloatConv, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight, (O, I, KH, KW), and bias, (O,), as tensors."""
    return torch.from_numpy(conv.weight).to(dtype), torch.from_numpy(conv.bias).to(dtype)


def convolve(
    node: Conv, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Convolve (..., I, H, W) to (..., O, OH, OW), with the node's stride and padding."""
    pads = node.pads
    if (pads.top, pads.left) != (pads.bottom, pads.right):
        x = functional.pad(x, (pads.left, pads.right, pads.top, pads.bottom))
        return functional.conv2d(x, weight, bias, node.stride)
    return functional.conv2d(x, weight, bias, node.stride, (pads.top, pads.left))


def activate(
    node: Conv | ResidualLayer, sums: torch.Tensor, slope: float | None = None
) -> torch.Tensor:
    """Apply a node's activation."""
    if node.activation is Activation.LINEAR:
        return sums
    if node.activation is Activation.RELU:
        return functional.relu(sums)
    own = slope if isinstance(node, ResidualLayer) or node.slope is None else node.slope
    if own is None:
        raise ConfigError(f"{node.name}: activation leaky wants a slope")
    return functional.leaky_relu(sums, own)


def move(node: Node, values: Tensors) -> torch.Tensor:
    """Compute the output of a node without weights, (..., C, H, W)."""
    if isinstance(node, PoolLayer):
        return _pool(values[node.source], node)
    if isinstance(node, UpsampleLayer):
        return values[node.source].repeat_interleave(2, -1).repeat_interleave(2, -2)
    if isinstance(node, AverageLayer):
        return values[node.source].mean(dim=(-2, -1), keepdim=True)
    if isinstance(node, ResidualLayer):
        return activate(node, values[node.sources[0]] + values[node.sources[1]])
    assert not isinstance(node, Conv)
    return torch.cat([values[name] for name in node.sources], dim=-3)


def _pool(x: torch.Tensor, node: PoolLayer) -> torch.Tensor:
    beyond = 0.0 if node.padding is PoolPad.ZERO else float("-inf")
    padded = functional.pad(x, (0, node.margin, 0, node.margin), value=beyond)
    return functional.max_pool2d(padded, node.size, node.stride)
