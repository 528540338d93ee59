"""YOLOv3-tiny, and the boxes that its heads describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, Slope
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE, check_size, graph
from tb.cosim.failure import Failure
from tb.networks.base import (
    DecodedOutput,
    NetworkAdapter,
    NetworkOptions,
    Pixels,
    PrintLine,
    QuantizedNetwork,
)

if TYPE_CHECKING:
    from PIL import Image

    from golden.graph.network import Network
    from golden.vision.boxes import Box
    from golden.vision.placement import Fit

DRAWING: Final = "detections.png"
MOST: Final = 100
"""Boxes that are listed and drawn, the most confident ones."""
BOXES_SHOWN: Final = 8


class YoloV3Tiny(NetworkAdapter):
    """The hardware-shaped YOLOv3-tiny."""

    name: ClassVar[str] = "yolov3-tiny"
    title: ClassVar[str] = "YOLOv3-tiny"
    size: ClassVar[int] = INPUT_SIZE
    heads: ClassVar[tuple[str, ...]] = HEADS
    without: ClassVar[frozenset[str]] = frozenset({"weight_format"})
    drawing: ClassVar[str] = DRAWING

    def nodes(self) -> Sequence[Any]:
        """List its nodes."""
        return graph().nodes

    def check(self, options: NetworkOptions) -> None:
        """Refuse a size that is no multiple of 32, and operands of 8 bits.

        Raises
        ------
        ConfigError
            In one line.
        """
        check_size(options.size)
        for name in ("act_bits", "weight_bits"):
            if getattr(options, name) != 16:
                raise ConfigError(
                    f"{name.upper()}={getattr(options, name)}: {self.name} runs with 16 bits"
                )

    def build(self, options: NetworkOptions, print_line: PrintLine) -> QuantizedNetwork:
        """Read the model, fold, retune and quantise it."""
        from golden.export.reader import integer_network
        from golden.networks.yolov3_tiny.build import build_yolov3_tiny
        from golden.networks.yolov3_tiny.files.fetch import INTEGERS, model_files, sha256_of
        from golden.networks.yolov3_tiny.retune_patch import fitting, retune_choice

        files = model_files(options.model, say=print_line)
        print_line("quantising the network")
        numerics = options.numerics()
        patch = fitting(retune_choice(options.retune), files.sha256, numerics.slope)
        if files.weights.suffix.lower() == INTEGERS:
            network = integer_network(files.weights, numerics, options.size)
        else:
            network = build_yolov3_tiny(files, numerics, input_size=options.size, retune=patch)
        slope = f"slope {network.slope.value}"
        if patch is not None:
            slope += " tuned"
        elif files.official and network.slope is Slope.EIGHTH:
            slope += " untuned"
        retuned = None if patch is None else sha256_of(patch)
        return QuantizedNetwork(network, files.sha256, numerics=slope, retune_sha256=retuned)

    def pixels(self, picture: Image.Image, options: NetworkOptions) -> Pixels:
        """Bring a picture to the network's size; values 0 to 1."""
        from golden.vision.images import preprocess

        fit: Fit = "plain" if options.fit == "plain" else "letterbox"
        return preprocess(picture, options.size, fit)

    def decode(
        self,
        heads: Mapping[str, Int16Array],
        golden: Mapping[str, Int16Array],
        picture: npt.NDArray[np.uint8],
        built: QuantizedNetwork,
        options: NetworkOptions,
        folder: Path,
    ) -> DecodedOutput:
        """Name the boxes, draw them, and compare them with the reference model's."""
        path = folder / self.drawing
        return show_boxes(path, dict(heads), dict(golden), picture, built.network, options)


def boxes_of(
    heads: dict[str, Int16Array], network: Network, size: tuple[int, int], options: NetworkOptions
) -> list[Box]:
    """Boxes of integer heads on a picture of so many rows and columns."""
    from golden.networks.yolov3_tiny.detection import detect

    fit: Fit = "plain" if options.fit == "plain" else "letterbox"
    return detect(heads, network.fracs(), network.classes, size, fit, options.size)


def show_boxes(
    path: Path,
    heads: dict[str, Int16Array],
    golden: dict[str, Int16Array],
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    network: Network,
    options: NetworkOptions,
) -> DecodedOutput:
    """Draw the boxes of the RTL's heads, and compare them with the reference model's.

    Parameters
    ----------
    path : Path
        The drawing.
    heads, golden : dict of str to ndarray of int16, (C, G, G)
        The RTL's heads and the reference model's.
    pixels : ndarray of uint8, (H, W, 3)
        The picture.
    network : Network
    options : NetworkOptions

    Returns
    -------
    DecodedOutput
        The RTL's most confident boxes, and what is wrong with them.
    """
    from golden.vision.drawing import draw

    size = int(pixels.shape[0]), int(pixels.shape[1])
    found = boxes_of(heads, network, size, options)
    wanted = boxes_of(golden, network, size, options)
    draw(pixels, found[:MOST], path)
    failure = None
    if found != wanted:
        text = (
            f"the RTL's heads give {len(found)} boxes, the reference model's {len(wanted)} others"
        )
        failure = Failure("mismatch", text, layer=HEADS[0])
    boxes = [box.to_dict() for box in found[:MOST]]
    return DecodedOutput(_in_words(boxes, len(found)), boxes, failure=failure)


def _in_words(boxes: list[dict[str, Any]], count: int) -> str:
    """The boxes, of so many in all, in a line."""
    if not boxes:
        return "the RTL finds nothing"
    listed = [f"{box['label']} {box['confidence']:.2f}" for box in boxes[:BOXES_SHOWN]]
    more = count - len(listed)
    return f"the RTL finds {', '.join(listed)}" + (f" and {more:,} more" if more > 0 else "")
