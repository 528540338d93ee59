"""The hardware-shaped YOLOv3-tiny: nodes, order, and which nodes read which."""

from __future__ import annotations

from typing import Final

from golden.config import Activation, ConfigError, PoolPad
from golden.graph.float_graph import Conv, Graph, Node
from golden.graph.image_size import ImageSize, Rectangle, sides
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
TRAINED_SLOPE = 0.1
"""Slope of the leaky rectifier that Darknet trains with."""
COCO_CLASSES = 80
"""Classes of the official file."""
HEADS = ("pred_1", "pred_2")
"""Output nodes: the 26x26 grid, the 13x13 grid."""
ANCHOR_SIZES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "pred_1": ((23, 27), (37, 58), (81, 82)),
    "pred_2": ((81, 82), (135, 169), (344, 319)),
}
"""Width and height of each head's anchors, pixels of the network's input.

``anchors`` of Darknet's yolov3-tiny.cfg, by its ``mask`` 3,4,5 for pred_2. For pred_1
the file says 0,1,2, but the official weights were trained with 1,2,3, and only with
these do its boxes have the right sizes (github.com/pjreddie/darknet/issues/851,
github.com/AlexeyAB/darknet/issues/1341).
"""
VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""Classes of the 75-channel heads, in channel order."""


DARKNET_ORDER = (
    *(f"conv{i}" for i in range(1, 8)),
    *("conv_set_2", "extra_conv_2", "pred_2", "conv_1x1_2", "conv_set_1", "pred_1"),
)
"""Convolutions in the order of a Darknet weights file."""


def check_size(size: ImageSize) -> None:
    """Refuse an image size that the network has no whole grid for.

    Raises
    ------
    ConfigError
        If a side is no multiple of 32 from 32 to 1024.
    """
    if any(side % SIZE_STEP or not SIZE_STEP <= side <= MAX_SIZE for side in sides(size)):
        each = ", each side" if isinstance(size, Rectangle) else ""
        raise ConfigError(
            f"SIZE={size}: give a multiple of {SIZE_STEP} from {SIZE_STEP} to {MAX_SIZE}{each}"
        )


def head_channels(classes: int) -> int:
    """Count the channels of a head for `classes` classes.

    >>> head_channels(20), head_channels(80)
    (75, 255)
    """
    return ANCHORS * (BOX_CHANNELS + classes)


def count_classes(channels: int) -> int | None:
    """Count the classes of a head of so many channels; None: it is no head.

    >>> count_classes(75), count_classes(255), count_classes(18), count_classes(76)
    (20, 80, 1, None)
    """
    classes, rest = divmod(channels - ANCHORS * BOX_CHANNELS, ANCHORS)
    return classes if classes >= 1 and not rest else None


def graph(
    classes: int = len(VOC_CLASSES),
    pool_pad: PoolPad = PoolPad.MINUS_INF,
    set_2_kernel: int = 3,
) -> Graph:
    """List the nodes in data-flow order.

    Parameters
    ----------
    classes : int
        Of the heads.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.
    set_2_kernel : int
        Side of conv_set_2's kernel: 3 in hardware, 1 or 3 in a file.
    """

    def conv(name: str, source: str, inputs: int, outputs: int, kernel: int = 3) -> Conv:
        sides = (kernel, kernel)
        return Conv(name, source, inputs, outputs, sides, activation=Activation.LEAKY)

    def head(name: str, source: str, inputs: int) -> Conv:
        outputs = head_channels(classes)
        return Conv(name, source, inputs, outputs, norm=False, activation=Activation.LINEAR)

    backbone: list[Node] = []
    source, channels = IMAGE, 3
    for i, filters in enumerate((16, 32, 64, 128, 256, 512), start=1):
        stays = i == 6
        backbone.append(conv(f"conv{i}", source, channels, filters))
        backbone.append(
            PoolLayer(f"pool{i}", f"conv{i}", 2, 1 if stays else 2, pool_pad if stays else None)
        )
        source, channels = f"pool{i}", filters
    return Graph(
        (
            *backbone,
            conv("conv7", "pool6", 512, 1024),
            conv("conv_set_2", "conv7", 1024, 256, set_2_kernel),
            conv("conv_1x1_2", "conv_set_2", 256, 128, 1),
            UpsampleLayer("upsample", "conv_1x1_2"),
            ConcatLayer("concat", ("upsample", "conv5")),
            conv("conv_set_1", "concat", 384, 256),
            head("pred_1", "conv_set_1", 256),
            conv("extra_conv_2", "conv_set_2", 256, 512),
            head("pred_2", "extra_conv_2", 512),
        )
    )
