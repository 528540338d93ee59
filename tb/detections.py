"""What the hardware saw: boxes of the RTL's head tensors, held against golden's, and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.boxes import Box, detect
from golden.drawing import draw
from golden.fixed import Int16Array
from golden.network import Network
from golden.placement import Fit
from golden.yolov3_tiny import HEADS
from tb.options import SimOptions
from tb.report import Failure

PICTURE: Final = "detections.png"
MOST: Final = 100
"""Boxes that are listed and drawn, the most confident ones."""


def boxes_of(
    heads: dict[str, Int16Array], network: Network, size: tuple[int, int], options: SimOptions
) -> list[Box]:
    """Boxes of integer heads on a picture of so many rows and columns."""
    fit: Fit = "plain" if options.fit == "plain" else "letterbox"
    return detect(heads, network.fracs(), network.classes, size, fit, options.size)


def show_boxes(
    folder: Path,
    golden: dict[str, Int16Array],
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    network: Network,
    options: SimOptions,
) -> tuple[list[dict[str, Any]], int, Failure | None]:
    """Draw the boxes of the heads in a frame's folder, and compare them with golden's.

    Parameters
    ----------
    folder : Path
        Holds the RTL's head tensors; takes ``detections.png``.
    golden : dict of str to ndarray of int16, (C, G, G)
        Golden's heads.
    pixels : ndarray of uint8, (H, W, 3)
        The picture.
    network : Network
    options : SimOptions

    Returns
    -------
    list of dict, int, Failure or None
        The RTL's most confident boxes; how many there are; what is wrong with them.
    """
    size = int(pixels.shape[0]), int(pixels.shape[1])
    heads = {head: np.load(folder / f"{head}.npy") for head in HEADS}
    found = boxes_of(heads, network, size, options)
    wanted = boxes_of(golden, network, size, options)
    draw(pixels, found[:MOST], folder / PICTURE)
    failure = None
    if found != wanted:
        text = f"the RTL's heads give {len(found)} boxes, golden's {len(wanted)} others"
        failure = Failure("mismatch", text, layer=HEADS[0])
    return [box.to_dict() for box in found[:MOST]], len(found), failure
