"""The hardware-shaped YOLOv3-tiny: nodes, order, and which nodes read which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from golden.config import Activation, ConfigError, PoolPad
from golden.graph.float_conv import FloatConv
from golden.graph.layers import IMAGE, ConcatLayer, PoolLayer, UpsampleLayer

INPUT_SIZE = 416
"""Rows and columns of the input image, unless another size is asked for."""
SIZE_STEP = 32
"""The coarser head sees a pixel for so many of the image's."""
MAX_SIZE = 1024
"""Largest side of an image."""
ANCHORS = 3
"""Boxes that each head predicts at a grid cell."""
BOX_CHANNELS = 5
"""x, y, width, height and objectness of a box, ahead of its class scores."""
HEADS = ("pred_1", "pred_2")
"""Output nodes: the 26x26 grid, the 13x13 grid."""
VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""Classes of the 75-channel heads, in channel order."""


@dataclass(frozen=True, slots=True)
class ConvNode:
    """A convolution without its numbers.

    Parameters
    ----------
    name, source : str
    in_channels, out_channels : int
    kernel : int
        Side of the square kernel, pixels; zeros keep the size of the map.
    activation : Activation
    """

    name: str
    source: str
    in_channels: int
    out_channels: int
    kernel: int
    activation: Activation = Activation.LEAKY

    kind: ClassVar[Literal["conv"]] = "conv"


Node = ConvNode | PoolLayer | UpsampleLayer | ConcatLayer

DARKNET_ORDER = (
    *(f"conv{i}" for i in range(1, 8)),
    *("conv_set_2", "extra_conv_2", "pred_2", "conv_1x1_2", "conv_set_1", "pred_1"),
)
"""Convolutions in the order of a Darknet weights file."""


@dataclass(frozen=True, slots=True, eq=False)
class FloatNetwork:
    """The network in real numbers.

    Parameters
    ----------
    nodes : tuple of Node
        In data-flow order.
    convs : dict of str to FloatConv
        Weights of each `ConvNode`, by name.
    classes : tuple of str
        Class names of the heads, in channel order.
    embedded_zero_taps : dict of str to int
        Kernel taps that are zero because a smaller kernel was embedded, by name.
    """

    nodes: tuple[Node, ...]
    convs: dict[str, FloatConv]
    classes: tuple[str, ...]
    embedded_zero_taps: dict[str, int]


def check_size(side: int) -> None:
    """Refuse an image size that the network has no whole grid for.

    Raises
    ------
    ConfigError
        If it is no multiple of 32 from 32 to 1024.
    """
    if side % SIZE_STEP or not SIZE_STEP <= side <= MAX_SIZE:
        raise ConfigError(
            f"SIZE={side}: give a multiple of {SIZE_STEP} from {SIZE_STEP} to {MAX_SIZE}"
        )


def head_channels(classes: int) -> int:
    """Count the channels of a head that tells `classes` classes apart.

    >>> head_channels(20), head_channels(80)
    (75, 255)
    """
    return ANCHORS * (BOX_CHANNELS + classes)


def graph(
    classes: int = len(VOC_CLASSES),
    pool_pad: PoolPad = PoolPad.MINUS_INF,
) -> tuple[Node, ...]:
    """List the nodes in data-flow order.

    Parameters
    ----------
    classes : int
        Classes that the heads tell apart.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.
    """
    backbone: list[Node] = []
    source, channels = IMAGE, 3
    for i, filters in enumerate((16, 32, 64, 128, 256, 512), start=1):
        stays = i == 6
        backbone.append(ConvNode(f"conv{i}", source, channels, filters, 3))
        backbone.append(
            PoolLayer(f"pool{i}", f"conv{i}", 2, 1 if stays else 2, pool_pad if stays else None)
        )
        source, channels = f"pool{i}", filters
    linear = Activation.LINEAR
    return (
        *backbone,
        ConvNode("conv7", "pool6", 512, 1024, 3),
        ConvNode("conv_set_2", "conv7", 1024, 256, 3),
        ConvNode("conv_1x1_2", "conv_set_2", 256, 128, 1),
        UpsampleLayer("upsample", "conv_1x1_2"),
        ConcatLayer("concat", ("upsample", "conv5")),
        ConvNode("conv_set_1", "concat", 384, 256, 3),
        ConvNode("pred_1", "conv_set_1", 256, head_channels(classes), 1, linear),
        ConvNode("extra_conv_2", "conv_set_2", 256, 512, 3),
        ConvNode("pred_2", "extra_conv_2", 512, head_channels(classes), 1, linear),
    )
