"""What the hardware saw: boxes of the RTL's head tensors, held against golden's, and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.graph.network import Network
from golden.networks.yolov3_tiny.detection import detect
from golden.networks.yolov3_tiny.graph import HEADS
from golden.vision.boxes import Box
from golden.vision.drawing import draw
from golden.vision.placement import Fit
from tb.nets.net import Said
from tb.report import Failure

if TYPE_CHECKING:
    from tb.options import SimOptions

MOST: Final = 100
"""Boxes that are listed and drawn, the most confident ones."""
BOXES_SHOWN: Final = 8


def boxes_of(
    heads: dict[str, Int16Array], network: Network, size: tuple[int, int], options: SimOptions
) -> list[Box]:
    """Boxes of integer heads on a picture of so many rows and columns."""
    fit: Fit = "plain" if options.fit == "plain" else "letterbox"
    return detect(heads, network.fracs(), network.classes, size, fit, options.size)


def show_boxes(
    path: Path,
    heads: dict[str, Int16Array],
    golden: dict[str, Int16Array],
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    network: Network,
    options: SimOptions,
) -> Said:
    """Draw the boxes of the RTL's heads, and compare them with golden's.

    Parameters
    ----------
    path : Path
        The drawing.
    heads, golden : dict of str to ndarray of int16, (C, G, G)
        The RTL's heads and golden's.
    pixels : ndarray of uint8, (H, W, 3)
        The picture.
    network : Network
    options : SimOptions

    Returns
    -------
    Said
        The RTL's most confident boxes, and what is wrong with them.
    """
    size = int(pixels.shape[0]), int(pixels.shape[1])
    found = boxes_of(heads, network, size, options)
    wanted = boxes_of(golden, network, size, options)
    draw(pixels, found[:MOST], path)
    failure = None
    if found != wanted:
        text = f"the RTL's heads give {len(found)} boxes, golden's {len(wanted)} others"
        failure = Failure("mismatch", text, layer=HEADS[0])
    boxes = [box.to_dict() for box in found[:MOST]]
    return Said(_in_words(boxes, len(found)), boxes, failure=failure)


def _in_words(boxes: list[dict[str, Any]], count: int) -> str:
    """The boxes, of so many in all, in a line."""
    if not boxes:
        return "the RTL finds nothing"
    listed = [f"{box['label']} {box['confidence']:.2f}" for box in boxes[:BOXES_SHOWN]]
    more = count - len(listed)
    return f"the RTL finds {', '.join(listed)}" + (f" and {more:,} more" if more > 0 else "")
