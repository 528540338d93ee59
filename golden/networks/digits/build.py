"""The digits' network in integers, from a torch state dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.config import InputError
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import FloatNetwork
from golden.graph.network import Network
from golden.importers.torch.state_dict import folded_convs
from golden.importers.torch.tensor_files import read_tensors, without_prefix
from golden.networks.digits.graph import CLASSES, GRAPH, HEAD, INPUT_SHAPE
from golden.networks.digits.samples import Samples, load_samples
from golden.quantization.layers import quantize_image
from golden.quantization.network import quantize_network
from golden.reference import float_model
from golden.reference.run import run

NORMS: Final = {"conv1": "norm1", "conv2": "norm2"}
"""The batch normalisation behind each convolution."""
CALIBRATION: Final = 100
"""Pictures, of those trained on, that fraction bits are chosen on."""


def convs_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, FloatConv]:
    """Fold the numbers of a state dict of `golden.networks.digits.training.LeNet`.

    Raises
    ------
    InputError
        If a tensor is missing, has another shape, or holds a NaN or an infinity.
    """
    return folded_convs(GRAPH, tensors, NORMS)


def read_convs(path: Path) -> dict[str, FloatConv]:
    """Read and fold the state dict of a ``.pth``, ``.pt`` or ``.safetensors``.

    Raises
    ------
    InputError
        If the file is damaged or holds another network; the text names file and tensor.
    """
    tensors = without_prefix(read_tensors(path).tensors)
    try:
        return convs_of(tensors)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def build_digits(convs: Mapping[str, FloatConv], options: NumericOptions | None = None) -> Network:
    """Build the integer network of folded convolutions, by node.

    Raises
    ------
    ConfigError
        If a layer cannot be held in the chosen arithmetic.
    """
    pictures = load_samples()[0].first(CALIBRATION).pictures
    return quantize_network("digits", _with_numbers(convs), INPUT_SHAPE, pictures, options)


def _with_numbers(convs: Mapping[str, FloatConv]) -> FloatNetwork:
    return FloatNetwork(GRAPH, dict(convs), CLASSES)


def read_off(scores: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.int64]:
    """The digit that each picture's scores, (10, 1, 1), are largest for; of equals the first."""
    return np.array([int(np.argmax(one)) for one in scores], np.int64)


def scores_in_floats(
    convs: Mapping[str, FloatConv], samples: Samples
) -> list[npt.NDArray[np.floating]]:
    """Each picture's scores, (10, 1, 1), in float32."""
    return list(float_model.run(_with_numbers(convs), samples.pictures)[HEAD])


def scores_in_integers(network: Network, samples: Samples) -> list[Int16Array]:
    """Each picture's scores, (10, 1, 1), by the golden model."""
    return [run(network, quantized(network, picture))[HEAD] for picture in samples.pictures]


def quantized(network: Network, picture: npt.NDArray[np.float32]) -> Int16Array:
    """A picture as the integer network reads it, (1, 8, 8)."""
    return quantize_image(picture, network.input_frac, network.options.act_w)[0]
