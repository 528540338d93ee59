"""Inception-ResNet-v1 as a torch model, with facenet-pytorch's names for its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from golden.config import InputError
from golden.graph.float_conv import Epsilon
from golden.graph.float_graph import Conv, Graph
from golden.graph.layers import IMAGE
from golden.networks.facenet.files import FaceNet, find_network, tensors_of
from golden.networks.facenet.graph import BOTTLENECK, facenet
from golden.networks.facenet.names import names
from golden.reference.float_model import activate, move

EPSILON: Final = Epsilon.SLIM.added
"""Of every batch normalisation."""


class InceptionResnetV1(nn.Module):
    """The network of a table, batch normalisation unfolded, in evaluation mode.

    Parameters
    ----------
    graph : Graph, optional
        The network's table, the usual one unless given.
    """

    def __init__(self, graph: Graph | None = None) -> None:
        super().__init__()
        self.graph = facenet() if graph is None else graph
        self._names = names(self.graph, "torch")
        for name, conv in self.graph.convs.items():
            linear, outputs = name == BOTTLENECK, conv.out_channels
            layer: nn.Module
            if linear:
                layer = nn.Linear(conv.in_channels, outputs, bias=False)
            else:
                sides = conv.in_channels, outputs, conv.kernel, conv.stride
                layer = nn.Conv2d(*sides, (conv.pads.top, conv.pads.left), bias=not conv.norm)
            self._put(self._names[name].weight, layer)
            if conv.norm:
                norm = nn.BatchNorm1d if linear else nn.BatchNorm2d
                self._put(self._names[name].mean, norm(outputs, EPSILON))
        self.eval()

    def _put(self, tensor: str, module: nn.Module) -> None:
        """Add the module that keeps `tensor`, and those around it."""
        *outer, own, _ = tensor.split(".")
        parent: nn.Module = self
        for word in outer:
            if not hasattr(parent, word):
                parent.add_module(word, nn.Module())
            parent = getattr(parent, word)
        parent.add_module(own, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute embeddings of length 1, (N, E), of pictures (N, 3, H, W) of -1 to 1."""
        embedding = self.layers(x)[BOTTLENECK].flatten(1)
        return functional.normalize(embedding, dim=1)

    def layers(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute every node's output by its name, (N, C, H, W).

        A branch's end is given times the block's scale; the bottleneck's length is not 1 yet.
        """
        values = {IMAGE: x}
        for node in self.graph.nodes:
            if isinstance(node, Conv):
                values[node.name] = self._convolve(node, values[node.source])
            else:
                values[node.name] = move(node, values)
        return values

    def _convolve(self, node: Conv, x: torch.Tensor) -> torch.Tensor:
        own = self._names[node.name]
        flat = node.name == BOTTLENECK
        y: torch.Tensor = self.get_submodule(_module(own.weight))(x.flatten(1) if flat else x)
        if node.norm:
            y = self.get_submodule(_module(own.mean))(y)
        y = activate(node, y) * node.scale
        return y[:, :, None, None] if flat else y


def _module(tensor: str) -> str:
    return tensor.rpartition(".")[0]


def torch_model(weights: FaceNet, dtype: torch.dtype = torch.float32) -> InceptionResnetV1:
    """Make a torch model of a network's numbers.

    Parameters
    ----------
    weights : FaceNet
    dtype : torch.dtype
        Of the parameters.

    Raises
    ------
    InputError
        If a convolution has a bias where facenet-pytorch's has none; `FaceNet.folded` takes it.
    """
    model = InceptionResnetV1(weights.graph).to(dtype)
    state = model.state_dict()
    for name, values in tensors_of(weights.graph, weights.convs, "torch").items():
        if name not in state:
            raise InputError(f"{name}: facenet-pytorch's network has no such tensor")
        state[name] = torch.from_numpy(values)
    model.load_state_dict(state)
    return model


def network_of(tensors: Mapping[str, torch.Tensor]) -> FaceNet:
    """Take a network's numbers out of a torch state dict, see `find_network`."""
    plain = {name: x.detach().to(torch.float64).numpy() for name, x in tensors.items()}
    return find_network(plain)
