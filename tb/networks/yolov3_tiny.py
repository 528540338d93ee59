"""YOLOv3-tiny, and the boxes that its heads describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, Slope
from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE, check_size, graph
from tb.cosim.failure import Failure
from tb.networks.base import (
    DecodedOutput,
    NetworkAdapter,
    NetworkOptions,
    Outputs,
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
    without: ClassVar[frozenset[str]] = frozenset({"weight_format", "standardize"})
    drawing: ClassVar[str] = DRAWING

    def own_size(self, model: Path | None) -> ImageSize | None:
        """The size that the description beside a model says, or a manifest."""
        if model is None:
            return None
        from golden.networks.yolov3_tiny.files.own_size import size_beside

        return size_beside(model)

    def nodes(self) -> Sequence[Any]:
        """List its nodes."""
        return graph().nodes

    def check(self, options: NetworkOptions) -> None:
        """Refuse a size that is no multiple of 32, and operands of 8 bits."""
        check_size(options.size)
        for name in ("act_bits", "weight_bits"):
            if getattr(options, name) != 16:
                raise ConfigError(
                    f"{name.upper()}={getattr(options, name)}: {self.name} runs with 16 bits"
                )

    def build(self, options: NetworkOptions, print_line: PrintLine) -> QuantizedNetwork:
        """Read the model, fold, retune and quantise it."""
        from golden.export.reader import integer_network
        from golden.files import sha256_of
        from golden.networks.yolov3_tiny.build import build_yolov3_tiny
        from golden.networks.yolov3_tiny.files.fetch import model_files, model_format
        from golden.networks.yolov3_tiny.files.reading import model_note
        from golden.networks.yolov3_tiny.retune_patch import fitting, retune_choice

        files = model_files(options.model, print_line=print_line)
        if options.model is not None and (note := model_note(files)):
            print_line(note)
        print_line("quantising the network")
        numerics = options.numerics()
        patch = fitting(retune_choice(options.retune), files.sha256, numerics.slope)
        if model_format(files.weights) == "integers":
            network = integer_network(files.weights, numerics, options.size)
        else:
            network = build_yolov3_tiny(files, numerics, input_size=options.size, retune=patch)
        slope = f"slope {network.options.slope.value}"
        if patch is not None:
            slope += " tuned"
        elif files.official and network.options.slope is Slope.EIGHTH:
            slope += " untuned"
        retuned = None if patch is None else sha256_of(patch)
        return QuantizedNetwork(network, files.sha256, numerics=slope, retune_sha256=retuned)

    def pixels(self, picture: Image.Image, options: NetworkOptions) -> Pixels:
        """Bring a picture to the network's size; values 0 to 1."""
        from golden.vision.images import preprocess

        return preprocess(picture, options.size, _fit(options))

    def decode(
        self, outputs: Outputs, quantized: QuantizedNetwork, options: NetworkOptions
    ) -> DecodedOutput:
        """Name the boxes, draw them, and compare them with the reference model's."""
        from golden.vision.drawing import annotate, save

        picture, network = outputs.picture, quantized.network
        size = int(picture.shape[0]), int(picture.shape[1])
        found = boxes_of(outputs.actual, network, size, options)
        expected = boxes_of(outputs.expected, network, size, options)
        save(annotate(picture, found[:MOST]), outputs.folder / self.drawing)
        failure = None
        if found != expected:
            others = f"the reference model's {len(expected)} others"
            text = f"the RTL's heads give {len(found)} boxes, {others}"
            failure = Failure("mismatch", text, layer=HEADS[0])
        boxes = [box.to_dict() for box in found[:MOST]]
        return DecodedOutput(_in_words(boxes, len(found)), boxes, failure=failure)


def boxes_of(
    heads: Mapping[str, Int16Array],
    network: Network,
    size: tuple[int, int],
    options: NetworkOptions,
) -> list[Box]:
    """Boxes of integer heads on a picture of so many rows and columns."""
    from golden.networks.yolov3_tiny.detection import detect

    what = network.fracs(), network.classes, size, _fit(options), options.size
    return detect(dict(heads), *what, anchors=network.anchors)


def _fit(options: NetworkOptions) -> Fit:
    return "plain" if options.fit == "plain" else "letterbox"


def _in_words(boxes: list[dict[str, Any]], count: int) -> str:
    """The boxes, of so many in all, in a line."""
    if not boxes:
        return "the RTL finds nothing"
    listed = [f"{box['label']} {box['confidence']:.2f}" for box in boxes[:BOXES_SHOWN]]
    more = count - len(listed)
    return f"the RTL finds {', '.join(listed)}" + (f" and {more:,} more" if more > 0 else "")
