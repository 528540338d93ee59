"""From a file's convolutions to the network that the hardware is shaped for."""

from __future__ import annotations

from collections.abc import Mapping

from golden.config import InputError, PoolPad
from golden.graph.anchors import Anchors
from golden.graph.float_conv import FloatConv, embed_in_centre
from golden.graph.float_graph import FloatNetwork
from golden.networks.yolov3_tiny.graph import (
    ANCHORS,
    BOX_CHANNELS,
    COCO_CLASSES,
    HEADS,
    VOC_CLASSES,
    count_classes,
    graph,
    head_channels,
)


def hardware_network(
    convs: Mapping[str, FloatConv],
    names: tuple[str, ...],
    pool_pad: PoolPad = PoolPad.MINUS_INF,
    anchors: Anchors | None = None,
) -> FloatNetwork:
    """Shape a file's convolutions for the hardware.

    Heads for COCO's 80 classes keep the 75 channels of the VOC classes, in `VOC_CLASSES`
    order; all others keep their own. A 1x1 kernel of
    conv_set_2 moves to the centre of a 3x3.

    Parameters
    ----------
    convs : mapping of str to FloatConv
        By node name, in the file's channels.
    names : tuple of str
        Class names of the file's heads.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.

    Raises
    ------
    InputError
        If the number of names is not the heads'.
    """
    shaped = dict(convs)
    coco = len(names) == COCO_CLASSES and set(VOC_CLASSES) <= set(names)
    classes = VOC_CLASSES if coco else names
    shaped |= {head: select_classes(shaped[head], names, classes) for head in HEADS}
    zeros: dict[str, int] = {}
    if shaped["conv_set_2"].weight.shape[2] == 1:
        shaped["conv_set_2"] = embed_in_centre(shaped["conv_set_2"], 3)
        zeros["conv_set_2"] = 3 * 3 - 1
    nodes = graph(len(classes), pool_pad)
    return FloatNetwork(nodes, shaped, classes, zeros, anchors=anchors or Anchors())


def file_network(
    convs: Mapping[str, FloatConv],
    pool_pad: PoolPad = PoolPad.MINUS_INF,
    names: tuple[str, ...] = (),
    anchors: Anchors | None = None,
) -> FloatNetwork:
    """Make a network of a file's convolutions as they are: its heads, its kernels.

    Parameters
    ----------
    convs : mapping of str to FloatConv
        By node name, in the file's channels.
    pool_pad : PoolPad
        Value beyond the edge of the stride-1 pool.
    names : tuple of str
        Class names of the heads. Numbers unless given.

    Raises
    ------
    InputError
        If the number of names is not the heads'.
    """
    classes = count_classes(len(convs[HEADS[0]].bias))
    assert classes is not None, "checked where the file was read"
    if names and len(names) != classes:
        raise _names_disagree(convs[HEADS[0]], names)
    nodes = graph(classes, pool_pad, convs["conv_set_2"].weight.shape[2])
    names = names or tuple(map(str, range(classes)))
    return FloatNetwork(nodes, dict(convs), names, anchors=anchors or Anchors())


def _names_disagree(head: FloatConv, names: tuple[str, ...]) -> InputError:
    return InputError(
        f"{head.name}: {len(names)} class names, but {len(head.bias)} channels: "
        "give the model's own .names file"
    )


def select_classes(head: FloatConv, names: tuple[str, ...], wanted: tuple[str, ...]) -> FloatConv:
    """Cut a head for the classes `wanted` from one for the classes `names`.

    Parameters
    ----------
    head : FloatConv
        ``3 * (5 + len(names))`` output channels: for each anchor the box, then the classes.
    names, wanted : tuple of str
        Classes of `head`, and those to keep, in channel order.

    Raises
    ------
    InputError
        If a wanted class is not among `names`, or their number is not the head's.
    """
    if len(head.bias) != head_channels(len(names)):
        raise _names_disagree(head, names)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(f"{head.name}: no class {missing[0]} among the model's class names")
    kept = [*range(BOX_CHANNELS), *(BOX_CHANNELS + names.index(name) for name in wanted)]
    step = BOX_CHANNELS + len(names)
    channels = [anchor * step + channel for anchor in range(ANCHORS) for channel in kept]
    return FloatConv(head.name, head.weight[channels], head.bias[channels])
