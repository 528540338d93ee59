"""Runs an integer network: every node's output for one image."""

from __future__ import annotations

from golden.arithmetic.fixed import Int16Array
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConvLayer,
    Layer,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
    sources,
)
from golden.graph.network import Network
from golden.reference import kernels, spec


def run_node(node: Layer, inputs: list[Int16Array], act_w: int = 16) -> Int16Array:
    """Compute one node's output, (C, H, W), from the tensors that it reads."""
    if isinstance(node, ConvLayer):
        return kernels.conv(inputs[0], node)
    if isinstance(node, PoolLayer):
        return kernels.pool(inputs[0], node, act_w)
    if isinstance(node, UpsampleLayer):
        return spec.upsample(inputs[0], node)
    if isinstance(node, ResidualLayer):
        return kernels.residual(inputs, node, act_w)
    if isinstance(node, AverageLayer):
        return kernels.average(inputs[0], node, act_w)
    return spec.concat(inputs, node)


def run(network: Network, image: Int16Array) -> dict[str, Int16Array]:
    """Compute ``image`` and every node's output, int16 (C, H, W), in data-flow order.

    Parameters
    ----------
    image : ndarray of int16, (3, H, W)
        Pixels with ``network.input_frac`` fraction bits.

    Raises
    ------
    ValueError
        If the image has another shape.
    """
    if image.shape != network.input_shape:
        raise ValueError(f"image has shape {image.shape}, {network.input_shape} is wanted")
    values = {IMAGE: image}
    for node in network.nodes:
        inputs = [values[name] for name in sources(node)]
        values[node.name] = run_node(node, inputs, network.options.act_w)
    return values
