"""The float network whose every weight and bias is exactly what the integers hold."""

from __future__ import annotations

from golden.arithmetic.fixed import dequantize
from golden.graph.conv_layer import ConvLayer
from golden.graph.float_conv import FloatConv
from golden.graph.layers import AverageLayer, Layer, ResidualLayer
from golden.graph.network import Network
from golden.networks.yolov3_tiny.graph import ConvNode, FloatNetwork, Node


def representable(network: Network) -> FloatNetwork:
    """Turn an integer graph's weights and biases back into real numbers.

    Running it shows what quantising the weights costs; activations stay real.

    Parameters
    ----------
    network : Network
        Of square kernels at stride 1.

    Returns
    -------
    FloatNetwork
        Weight ``integer / 2**weight_frac``, bias at the accumulator's scale.
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
    return FloatNetwork(tuple(map(_node, network.nodes)), convs, network.classes, zeros)


def _node(node: Layer) -> Node:
    """A node of the float network: a convolution loses its numbers."""
    if not isinstance(node, ConvLayer):
        assert not isinstance(node, (ResidualLayer, AverageLayer)), "no node of YOLOv3-tiny"
        return node
    outputs, inputs, kernel, _ = node.weight.shape
    return ConvNode(node.name, node.source, inputs, outputs, kernel, node.activation)
