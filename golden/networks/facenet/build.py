"""FaceNet in integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from golden.arithmetic.numerics import NumericOptions
from golden.config import NumberFormat, Standardization
from golden.graph.float_graph import FloatNetwork
from golden.graph.network import Network
from golden.networks.facenet.graph import INPUT_SIZE, check_size
from golden.networks.facenet.pictures import LARGEST, prepare_all
from golden.quantization.network import quantize_network
from golden.vision.images import Pixels


def build_facenet(
    network: FloatNetwork,
    options: NumericOptions | None = None,
    calibration: Sequence[Pixels] | None = None,
    input_size: int = INPUT_SIZE,
    standardization: Standardization = Standardization.FIXED,
) -> Network:
    """Build the integer network.

    Parameters
    ----------
    network : FloatNetwork
        What `golden.networks.facenet.files.FaceNet.folded` returns.
    options : NumericOptions, optional
        The numeric choices, their defaults unless given; `slope` and `pool_pad` change
        nothing.
    calibration : sequence of ndarray of float32, (3, H, W), optional
        Pictures that fraction bits are chosen on, as `golden.networks.facenet.pictures.prepare`
        makes them; photographs that ship unless given. Format q7.8 reads none.
    input_size : int
        Rows and columns of the picture.
    standardization : Standardization
        Of the pictures: chooses the image's format, and prepares those that ship.

    Raises
    ------
    ConfigError
        If a layer cannot be held in the chosen arithmetic, or the size is none.
    """
    check_size(input_size)
    options = NumericOptions() if options is None else options
    images: Sequence[Pixels] = ()
    if options.format is NumberFormat.PER_LAYER:
        if calibration is None:
            calibration = prepare_all(None, input_size, standardization)
        images = calibration
    shape = (3, input_size, input_size)
    held = replace(network, white=LARGEST[standardization])
    return quantize_network("facenet", held, shape, images, options)
