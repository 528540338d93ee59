"""The network as a torch model, with the names that published checkpoints use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from golden.config import PoolPad
from golden.graph.float_conv import StoredConv
from golden.graph.float_graph import Conv, FloatNetwork
from golden.graph.layers import IMAGE, PoolLayer, UpsampleLayer, sources
from golden.importers.torch.tensor_files import without_prefix
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.networks.yolov3_tiny.files.state_dict import (
    TRACKED,
    TRACKED_SCALE,
    TRACKERS,
    stored_convs,
    tensors_of,
)
from golden.networks.yolov3_tiny.graph import HEADS, VOC_CLASSES, graph

MOMENTUM: Final = 0.1
"""Part of a running average that the newest picture makes."""
_SCALE_OF_8_BITS: Final = 127.0


class AveragedRangeTracker(nn.Module):
    """Running average of the smallest and the largest value that a tensor takes.

    The first tensor sets both, every later one moves them by `momentum`. They move while
    the module is in training mode, and are saved with the model. A checkpoint that has
    ``scale``, 127 over the running largest magnitude, is read as a range around zero.

    Parameters
    ----------
    momentum : float
        Part of the average that the newest tensor makes, above 0 and at most 1.

    Raises
    ------
    ValueError
        If `momentum` is out of range.

    >>> tracker = AveragedRangeTracker(momentum=0.25)
    >>> for values in ([-1.0, 2.0], [-3.0, 6.0]):
    ...     _ = tracker(torch.tensor(values))
    >>> tracker.min_val.tolist(), tracker.max_val.tolist()
    ([-1.5], [3.0])
    """

    min_val: torch.Tensor
    max_val: torch.Tensor
    first_a: torch.Tensor

    def __init__(self, momentum: float = MOMENTUM) -> None:
        super().__init__()
        if not 0 < momentum <= 1:
            raise ValueError(f"momentum {momentum}: above 0 and at most 1 is wanted")
        self.momentum = momentum
        for name in TRACKED:
            self.register_buffer(name, torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` as it is; in training mode, learn its range."""
        if self.training:
            self.update_range(x.detach().min(), x.detach().max())
        return x

    def update_range(self, low: torch.Tensor, high: torch.Tensor) -> None:
        """Take the range of one more tensor into the average."""
        weight = self.momentum if self.first_a.item() else 1.0
        self.min_val.lerp_(low.to(self.min_val), weight)
        self.max_val.lerp_(high.to(self.max_val), weight)
        self.first_a.fill_(1)

    def extra_repr(self) -> str:
        """Return what ``print`` shows in brackets."""
        return f"momentum={self.momentum}"

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        scale = state_dict.pop(prefix + TRACKED_SCALE, None)
        if scale is not None:
            largest = torch.where(scale > 0, _SCALE_OF_8_BITS / scale, torch.zeros_like(scale))
            state_dict.setdefault(prefix + "min_val", -largest)
            state_dict.setdefault(prefix + "max_val", largest)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


SLOPE: Final = 0.125
"""Of the leaky rectifier."""
TRACKER_OF: Final = {
    **{f"conv{i}": f"a_tracker{i}" for i in range(1, 8)},
    **{"conv_set_2": "a_tracker8", "conv_1x1_2": "a_tracker9", "conv_set_1": "a_tracker10"},
    **{"extra_conv_2": "a_tracker11", "pred_2": "a_tracker12", "pred_1": "a_tracker13"},
}
"""The tracker of each convolution's output."""


class Conv2d_fuse(nn.Module):
    """A convolution that batch normalisation is folded into, and its leaky rectifier."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2),
            nn.LeakyReLU(SLOPE),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (N, O, H, W) from (N, I, H, W)."""
        y: torch.Tensor = self.convs(x)
        return y


class YOLOv3_tiny_quantize_bnfuse(nn.Module):
    """The hardware-shaped YOLOv3-tiny, folded, with a range tracker behind each convolution.

    Modules stand in the order in which the listing registers them: the finer head last.

    Parameters
    ----------
    classes : int
        Classes that the heads tell apart.
    momentum : float
        Of the range trackers.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.
    kernel : int
        Side of conv_set_2's kernel, 3 or 1.
    """

    a_tracker_in: AveragedRangeTracker

    def __init__(
        self,
        classes: int = len(VOC_CLASSES),
        momentum: float = MOMENTUM,
        pool_pad: PoolPad = PoolPad.ZERO,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        self.pool_pad = pool_pad
        self.nodes = graph(classes, pool_pad, kernel).nodes
        self.a_tracker_in = AveragedRangeTracker(momentum)
        for node in sorted(self.nodes, key=lambda node: node.name in ("conv_set_1", "pred_1")):
            if isinstance(node, Conv):
                plain = node.in_channels, node.out_channels, node.kernel[0]
                module = nn.Conv2d(*plain) if node.name in HEADS else Conv2d_fuse(*plain)
                self.add_module(node.name, module)
                self.add_module(TRACKER_OF[node.name], AveragedRangeTracker(momentum))
            elif isinstance(node, PoolLayer):
                pool = nn.MaxPool2d(node.size, node.stride)
                padded = node.padding is not None
                self.add_module(node.name, nn.Sequential(_pad(pool_pad), pool) if padded else pool)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute both heads, `HEADS` in order, from pictures (N, 3, H, W) of 0 to 1."""
        values = self.layers(x)
        return values[HEADS[0]], values[HEADS[1]]

    def layers(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute every node's output by its name, (N, C, H, W)."""
        values = {IMAGE: self.a_tracker_in(x)}
        for node in self.nodes:
            read = [values[name] for name in sources(node)]
            if isinstance(node, Conv):
                y = self.get_submodule(node.name)(read[0])
                values[node.name] = self.get_submodule(TRACKER_OF[node.name])(y)
            elif isinstance(node, PoolLayer):
                values[node.name] = self.get_submodule(node.name)(read[0])
            elif isinstance(node, UpsampleLayer):
                values[node.name] = functional.interpolate(read[0], scale_factor=2)
            else:
                values[node.name] = torch.cat(read, dim=1)
        return values


def torch_model(
    network: FloatNetwork, momentum: float = MOMENTUM, dtype: torch.dtype = torch.float32
) -> YOLOv3_tiny_quantize_bnfuse:
    """Make a torch model of a float network, in evaluation mode.

    Parameters
    ----------
    momentum : float
        Of the range trackers.
    dtype : torch.dtype
        Of the parameters.
    """
    kernel = network.convs["conv_set_2"].weight.shape[2]
    pads = [node.padding for node in network.nodes if isinstance(node, PoolLayer)]
    pool_pad = next(pad for pad in pads if pad is not None)
    model = YOLOv3_tiny_quantize_bnfuse(len(network.classes), momentum, pool_pad, kernel)
    state = model.state_dict()
    for name, conv in network.convs.items():
        stored = StoredConv(name, conv.weight, conv.bias)
        for key, values in tensors_of(stored, head=name in HEADS).items():
            assert values is not None
            state[key] = torch.from_numpy(values)
    model.to(dtype).load_state_dict(state)
    return model.eval()


def load_trackers(
    model: YOLOv3_tiny_quantize_bnfuse, tensors: Mapping[str, torch.Tensor]
) -> tuple[str, ...]:
    """Take the range trackers of a checkpoint into a model; return the names of those found."""
    plain = without_prefix(tensors)
    state = {name: x for name, x in plain.items() if name.split(".")[0] in TRACKERS}
    model.load_state_dict(state, strict=False)
    return tuple(dict.fromkeys(name.split(".")[0] for name in state))


def float_network(
    model: YOLOv3_tiny_quantize_bnfuse, classes: tuple[str, ...] | None = None
) -> FloatNetwork:
    """Make a float network of a torch model.

    Parameters
    ----------
    model : YOLOv3_tiny_quantize_bnfuse
    classes : tuple of str, optional
        Class names, numbers unless given.

    Raises
    ------
    InputError
        If a parameter is NaN or infinite.
    """
    stored = stored_convs(model.state_dict())
    network = file_network({n: conv.folded() for n, conv in stored.items()}, model.pool_pad)
    return network if classes is None else replace(network, classes=classes)


def _pad(pool_pad: PoolPad) -> nn.Module:
    sides = (0, 1, 0, 1)
    return nn.ZeroPad2d(sides) if pool_pad is PoolPad.ZERO else nn.ConstantPad2d(sides, -math.inf)
