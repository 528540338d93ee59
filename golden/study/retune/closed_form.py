"""Tuning in closed form: every channel gets the mean and deviation that its teacher has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from golden.arithmetic.fixed import FloatArray
from golden.config import InputError
from golden.graph.float_graph import Conv, FloatNetwork, Node
from golden.graph.layers import IMAGE, sources
from golden.networks.yolov3_tiny.graph import TRAINED_SLOPE
from golden.networks.yolov3_tiny.retune_patch import Patch
from golden.reference.float_model import activate, convolve, move, parameters
from golden.vision.images import Pixels

Values = dict[str, torch.Tensor]


@dataclass(slots=True)
class Moments:
    """Mean and variance of each channel over pictures of one size."""

    means: list[FloatArray] = field(default_factory=list)
    variances: list[FloatArray] = field(default_factory=list)
    """(C,). One a picture."""

    def add(self, sums: torch.Tensor) -> None:
        """Take in a tensor, (C, H, W)."""
        variance, mean = torch.var_mean(sums, dim=(1, 2), correction=0)
        self.means.append(mean.double().numpy())
        self.variances.append(variance.double().numpy())

    def all(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation over all pictures, (C,) each.

        >>> moments = Moments()
        >>> moments.add(torch.tensor([[[1.0, 3.0]]]))
        >>> moments.add(torch.tensor([[[5.0, 7.0]]]))
        >>> [x.round(3).tolist() for x in moments.all()]  # of 1, 3, 5 and 7
        [[4.0], [2.236]]
        """
        within = np.mean(self.variances, axis=0)
        between = np.var(self.means, axis=0)
        return np.mean(self.means, axis=0), np.sqrt(within + between)


def closed_form(
    network: FloatNetwork,
    images: Iterable[Pixels],
    slope: float,
    about: dict[str, Any],
    advance: Callable[[], object] = lambda: None,
) -> Patch:
    """Match each channel's mean and standard deviation ahead of the activation to the teacher's.

    The teacher is the network with the slope that it was trained for. Layer by layer in
    data-flow order, each measured with the layers before it already tuned.

    Parameters
    ----------
    network : FloatNetwork
        In its file's channels.
    images : iterable of ndarray of float32, (3, H, W)
        All of one size. 2.7 MB of memory each at 416 pixels, and their own 2.1.
    slope : float
        To tune to.
    about : dict of str
        Provenance of the patch.
    advance : callable
        Is called after each step; there are as many as images, times one and the convolutions.

    Raises
    ------
    InputError
        If there is no image.
    """
    values: list[Values] = [{IMAGE: torch.from_numpy(image)} for image in images]
    if not values:
        raise InputError("no picture to tune on")
    with torch.no_grad():
        wanted = _teacher(network, values, advance)
        scale: dict[str, FloatArray] = {}
        shift: dict[str, FloatArray] = {}
        for block, needed in _blocks(network.nodes):
            node = block[0]
            assert isinstance(node, Conv)
            found = Moments()
            weight, bias = parameters(network.convs[node.name])
            for picture in values:
                found.add(convolve(node, picture[node.source], weight, bias))
            scale[node.name], shift[node.name] = _match(found, wanted[node.name])
            tuned = _tuned(weight, bias, scale[node.name], shift[node.name])
            for picture in values:
                _run_block(block, picture, tuned, slope)
                for name in set(picture) - needed:
                    del picture[name]
                advance()
    return Patch(scale, shift, about)


def _teacher(
    network: FloatNetwork, values: Sequence[Values], advance: Callable[[], object]
) -> dict[str, Moments]:
    """Measure every convolution of the network as it was trained."""
    wanted = {name: Moments() for name in network.convs}
    tensors = {name: parameters(conv) for name, conv in network.convs.items()}
    for picture in values:
        seen = dict(picture)
        for node in network.nodes:
            if isinstance(node, Conv):
                sums = convolve(node, seen[node.source], *tensors[node.name])
                wanted[node.name].add(sums)
                seen[node.name] = activate(node, sums, TRAINED_SLOPE)
            else:
                seen[node.name] = move(node, seen)
        advance()
    return wanted


def _match(found: Moments, wanted: Moments) -> tuple[FloatArray, FloatArray]:
    """Scale and shift that give `found` the moments of `wanted`, as float32 holds them.

    A channel that does not vary keeps its scale.
    """
    mean, deviation = found.all()
    wanted_mean, wanted_deviation = wanted.all()
    varies = (deviation > 0) & (wanted_deviation > 0)
    scale = np.where(varies, wanted_deviation / np.where(varies, deviation, 1), 1)
    scale = scale.astype(np.float32).astype(np.float64)
    shift = (wanted_mean - scale * mean).astype(np.float32).astype(np.float64)
    return scale, shift


def _tuned(
    weight: torch.Tensor, bias: torch.Tensor, scale: FloatArray, shift: FloatArray
) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.from_numpy(scale).float(), torch.from_numpy(shift).float()
    return weight * a[:, None, None, None], bias * a + b


def _blocks(nodes: Sequence[Node]) -> list[tuple[list[Node], set[str]]]:
    """Cut the nodes before each convolution; also name the tensors that later blocks read."""
    blocks: list[list[Node]] = []
    for node in nodes:
        if isinstance(node, Conv):
            blocks.append([])
        blocks[-1].append(node)
    needed: set[str] = set()
    cut: list[tuple[list[Node], set[str]]] = []
    for block in reversed(blocks):
        cut.append((block, set(needed)))
        for node in block:
            needed.update(sources(node))
    return cut[::-1]


def _run_block(
    block: Sequence[Node],
    values: Values,
    tuned: tuple[torch.Tensor, torch.Tensor],
    slope: float,
) -> None:
    """Add the outputs of a convolution and of what follows it up to the next."""
    for node in block:
        if isinstance(node, Conv):
            values[node.name] = activate(node, convolve(node, values[node.source], *tuned), slope)
        else:
            values[node.name] = move(node, values)
