"""YOLOv3-tiny in integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from golden.arithmetic.numerics import NumericOptions
from golden.graph.image_size import ImageSize, sides
from golden.graph.network import Network
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.networks.yolov3_tiny.graph import INPUT_SIZE, check_size
from golden.networks.yolov3_tiny.retune_patch import Retune
from golden.quantization.network import quantize_network
from golden.vision.images import Pixels, calibration_images, load, preprocess


def build_yolov3_tiny(
    files: ModelFiles,
    options: NumericOptions | None = None,
    calibration: Sequence[Path] | None = None,
    input_size: ImageSize = INPUT_SIZE,
    retune: Retune = "shipped",
) -> Network:
    """Build the hardware-shaped YOLOv3-tiny of a Darknet model, in integers.

    Parameters
    ----------
    files : ModelFiles
        Weights, description and class names.
    options : NumericOptions, optional
        The numeric choices, their defaults unless given.
    calibration : sequence of Path, optional
        Pictures that fraction bits are chosen on; those that ship unless given.
        Format q7.8 reads none.
    input_size : int or Rectangle
        Rows and columns of the image, multiples of 32.
    retune : Path, "shipped" or None
        Retuning patch: a file, the one that ships where it fits, or none.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    ConfigError
        If a layer cannot be held in the chosen arithmetic, the size is none, or the patch
        is for another slope.
    """
    check_size(input_size)
    options = NumericOptions() if options is None else options
    network = read_network(files, options, retune)
    images = _calibration(calibration, input_size)
    return quantize_network("yolov3-tiny", network, (3, *sides(input_size)), images, options)


def _calibration(paths: Sequence[Path] | None, size: ImageSize) -> Iterator[Pixels]:
    """Read one picture at a time, when it is wanted."""
    for path in calibration_images() if paths is None else paths:
        yield preprocess(load(path), size)
