"""A network in real numbers, folded: for calibration and for judging the integers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from golden.config import Activation
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import Conv, Graph, Node
from golden.graph.layers import IMAGE, AverageLayer, ResidualLayer
from golden.reference import float_model


def run(
    graph: Graph,
    convs: Mapping[str, FloatConv],
    image: npt.NDArray[np.floating],
    dtype: torch.dtype = torch.float32,
) -> dict[str, npt.NDArray[np.floating]]:
    """Compute every node's output for one picture, or for a batch.

    Parameters
    ----------
    graph : Graph
    convs : mapping of str to FloatConv
        Weights and bias of each by name, batch normalisation folded.
    image : ndarray of float, (..., C, H, W)
    dtype : torch.dtype
        float32, or float64 as a reference.

    Returns
    -------
    dict of str to ndarray, (..., C, H, W)
        ``image`` and every node.
    """
    with torch.no_grad():
        values = {IMAGE: torch.from_numpy(image).to(dtype)}
        for node in graph.nodes:
            if isinstance(node, Conv):
                values[node.name] = convolve(node, convs[node.name], values[node.source])
            else:
                values[node.name] = move(node, values)
    return {name: value.numpy() for name, value in values.items()}


def convolve(node: Conv, conv: FloatConv, x: torch.Tensor) -> torch.Tensor:
    """Compute a folded convolution and its activation, (..., I, H, W) to (..., O, OH, OW)."""
    weight, bias = (torch.from_numpy(part).to(x.dtype) for part in (conv.weight, conv.bias))
    margins = node.padding.top, node.padding.left
    return activate(functional.conv2d(x, weight, bias, node.stride, margins), node.activation)


def activate(x: torch.Tensor, activation: Activation) -> torch.Tensor:
    """Rectify, or leave as it is."""
    return x if activation is Activation.LINEAR else functional.relu(x)


def move(node: Node, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Compute the output of a node without weights, (..., C, H, W)."""
    if isinstance(node, AverageLayer):
        return values[node.source].mean(dim=(-2, -1), keepdim=True)
    if isinstance(node, ResidualLayer):
        return activate(values[node.sources[0]] + values[node.sources[1]], node.activation)
    assert not isinstance(node, Conv)
    return float_model.move(node, values)
