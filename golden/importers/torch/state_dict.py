"""The numbers of a list of layers out of a torch state dict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_conv import BatchNorm, Epsilon, FloatConv, StoredConv
from golden.graph.float_graph import Conv, Graph

Tensors = Mapping[str, torch.Tensor]


def folded_convs(
    graph: Graph, tensors: Tensors, norms: Mapping[str, str] | None = None
) -> dict[str, FloatConv]:
    """Take each convolution's weights and bias, batch normalisation folded in.

    Parameters
    ----------
    graph : Graph
        Its convolutions have the names of the torch modules; a fully connected layer is a
        convolution whose kernel is the whole map.
    tensors : mapping of str to torch.Tensor
        ``conv1.weight``, (O, I, KH, KW) or (O, I * KH * KW), and ``conv1.bias``, (O,). No
        bias where a batch normalisation follows is a bias of zeros.
    norms : mapping of str to str, optional
        The batch normalisation behind a convolution, by the convolution's name.

    Raises
    ------
    InputError
        If a tensor is missing, has another shape, or holds a NaN or an infinity.
    """
    norms = {} if norms is None else norms
    return {
        name: _conv(node, tensors, norms.get(name)).folded() for name, node in graph.convs.items()
    }


def _conv(node: Conv, tensors: Tensors, norm: str | None) -> StoredConv:
    outputs = node.out_channels
    weight = _numbers(tensors, f"{node.name}.weight", node.weight_shape)
    name = f"{node.name}.bias"
    bias = None
    if norm is None or name in tensors:
        bias = _numbers(tensors, name, (outputs,))
    if norm is None:
        return StoredConv(node.name, weight, bias)
    parts = ("bias", "weight", "running_mean", "running_var")
    figures = (_numbers(tensors, f"{norm}.{part}", (outputs,)) for part in parts)
    return StoredConv(node.name, weight, bias, BatchNorm(node.name, *figures), Epsilon.TORCH)


def _numbers(tensors: Tensors, name: str, shape: tuple[int, ...]) -> FloatArray:
    """A tensor in the wanted shape; what follows its channels may be flat."""
    if name not in tensors:
        raise InputError(f"{name}: no such tensor; there are {', '.join(tensors) or 'none'}")
    values = tensors[name].detach().to(torch.float64).numpy()
    if values.shape not in (shape, (shape[0], int(np.prod(shape[1:])))):
        raise InputError(f"{name}: its shape is {values.shape}, {shape} is wanted")
    return np.ascontiguousarray(values.reshape(shape))
