"""The float network that everything is judged by and made from, out of a model's files."""

from __future__ import annotations

from golden.darknet import read_yolov3_tiny
from golden.fetch import ModelFiles
from golden.options import NumericOptions
from golden.yolov3_tiny import FloatNetwork


def read_network(files: ModelFiles, options: NumericOptions) -> FloatNetwork:
    """Read the hardware-shaped float network, batch normalisation folded.

    Parameters
    ----------
    files : ModelFiles
    options : NumericOptions
        `pool_pad` and `slope` are read.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    """
    return read_yolov3_tiny(files.weights, files.cfg, files.names, options.pool_pad)
