"""What folding batch normalisation changes: the network run both ways, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from golden.config import PoolPad
from golden.graph.float_conv import Epsilon, StoredConv
from golden.graph.float_graph import Conv
from golden.graph.layers import IMAGE
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.reference import float_model


@dataclass(frozen=True, slots=True)
class FoldingError:
    """How far a convolution's output moves when batch normalisation is folded."""

    name: str
    normalised: bool
    """Whether the convolution has a batch normalisation."""
    float32: float
    float64: float
    """Largest difference of the outputs, after the activation, in that arithmetic; each run feeds
    on its own outputs from the image on."""
    largest: float
    """Largest magnitude of the outputs."""


def folding_errors(
    stored: Mapping[str, StoredConv],
    image: npt.NDArray[np.floating],
    slope: float,
    pool_pad: PoolPad = PoolPad.MINUS_INF,
) -> list[FoldingError]:
    """Compare the folded network with the one that normalises, in float32 and in float64.

    The errors are in data-flow order.

    Parameters
    ----------
    stored : mapping of str to StoredConv
        Every convolution of a file.
    image : ndarray of float, (3, H, W)
        Values 0 to 1.
    slope : float
        Of the leaky rectifier.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.

    Raises
    ------
    InputError
        If a folded value is NaN or infinite.
    """
    network = file_network({name: conv.folded() for name, conv in stored.items()}, pool_pad)
    worst: dict[str, dict[torch.dtype, float]] = {name: {} for name in stored}
    largest: dict[str, float] = {}
    for dtype in (torch.float32, torch.float64):
        values: dict[str, torch.Tensor] = {IMAGE: torch.from_numpy(image).to(dtype)}
        folded = float_model.run(network, image, slope, dtype)
        for node in network.nodes:
            if not isinstance(node, Conv):
                values[node.name] = float_model.move(node, values)
                continue
            sums = unfolded(node, values[node.source], stored[node.name])
            values[node.name] = float_model.activate(node, sums, slope)
            difference = np.abs(values[node.name].numpy() - folded[node.name])
            worst[node.name][dtype] = float(difference.max())
            largest[node.name] = float(np.abs(folded[node.name]).max())
    return [
        FoldingError(
            node.name,
            stored[node.name].norm is not None,
            worst[node.name][torch.float32],
            worst[node.name][torch.float64],
            largest[node.name],
        )
        for node in network.nodes
        if isinstance(node, Conv)
    ]


def unfolded(node: Conv, x: torch.Tensor, conv: StoredConv) -> torch.Tensor:
    """Convolve `x` (I, H, W) and normalise: ``gamma * (sum - mean) / deviation + beta``.

    The type of `x` is the arithmetic.
    """
    weight = torch.from_numpy(conv.weight).to(x.dtype)
    bias = None if conv.bias is None else torch.from_numpy(conv.bias).to(x.dtype)
    sums = float_model.convolve(node, x, weight, bias)
    if conv.norm is None:
        return sums
    norm = conv.norm
    beta, gamma, mean, variance = (
        torch.from_numpy(value).to(x.dtype)[:, None, None]
        for value in (norm.beta, norm.gamma, norm.mean, norm.variance)
    )
    if conv.epsilon is Epsilon.DARKNET:
        divisor = variance.sqrt() + conv.epsilon.added
    else:
        divisor = (variance + conv.epsilon.added).sqrt()
    return gamma * (sums - mean) / divisor + beta
