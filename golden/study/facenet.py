"""FaceNet in integers: what each number format costs, block by block, and the embedding's angle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import FloatArray, dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.arithmetic.sm8 import FRACTIONS, Best, Sm8Mode, decode, encode
from golden.config import Standardization
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import FloatNetwork, Graph
from golden.graph.network import Network
from golden.networks.facenet.build import build_facenet
from golden.networks.facenet.files import FaceNet
from golden.networks.facenet.graph import BOTTLENECK
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run
from golden.study.errors.layer_errors import LayerError, RunErrors, decibels
from golden.study.parameters.sm8_errors import best_fraction, errors_of, root_mean_square
from golden.vision.images import Pixels

SAMPLED: Final = 1 << 14
"""Weights of a tensor that choose its fraction bits."""
_W8A16: Final = NumericOptions(weight_w=8)


def embedding(bottleneck: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scale the bottleneck's output, (E, 1, 1), to length 1: (E,).

    >>> embedding(np.array([[[3.0]], [[-4.0]]])).tolist()
    [0.6, -0.8]
    """
    flat = np.asarray(bottleneck, np.float64).reshape(-1)
    length = float(np.sqrt(flat @ flat))
    return flat / length if length else flat


PARTS: Final = {
    "stem": "stem",
    "block35": "Repeat.block35_5",
    "Mixed_6a": "Mixed_6a",
    "block17": "Repeat_1.block17_10",
    "Mixed_7a": "Mixed_7a",
    "block8": "Block8",
    "logits": BOTTLENECK,
}
"""The network's parts, with the block that each ends in."""


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """Integers against floats."""

    blocks: tuple[LayerError, ...]
    """Of each block's output, in data-flow order; the last is the embedding's, before its length
    becomes 1."""
    cosines: tuple[float, ...]
    """Of the angle between both embeddings, by picture."""


def block_ends(graph: Graph) -> dict[str, str]:
    """Name the node that each block ends in, in data-flow order.

    >>> from golden.networks.facenet.graph import facenet
    >>> ends = block_ends(facenet())
    >>> len(ends), ends["stem"], ends["Repeat.block35_1"], ends["Mixed_6a"]
    (26, 'Conv2d_4b_3x3', 'Repeat.block35_1.add', 'Mixed_6a.concat')
    """
    ends: dict[str, str] = {}
    for node in graph.nodes:
        ends[block_of(node.name)] = node.name
    return ends


def block_of(name: str) -> str:
    """Name the block that a node belongs to.

    >>> block_of("Repeat_1.block17_3.Branch_0.Conv2d_1x1"), block_of("Conv2d_1a_3x3")
    ('Repeat_1.block17_3', 'stem')
    """
    words = name.split(".")
    if words[0].startswith(("Conv2d", "MaxPool")):
        return "stem"
    return ".".join(words[:2]) if words[0].startswith("Repeat") else words[0]


def network_errors(weights: FaceNet, network: Network, images: Iterable[Pixels]) -> NetworkErrors:
    """Run both on the same pictures, the floats in float64, and compare.

    Parameters
    ----------
    network : Network
        What `golden.networks.facenet.build.build_facenet` makes of `weights`.
    images : iterable of ndarray of float32, (3, H, W)
        As `golden.networks.facenet.pictures.prepare` makes them.

    Raises
    ------
    ValueError
        If there are no pictures, or they have another size than the network's.
    """
    real, fracs = weights.folded(), network.fracs()
    ends = block_ends(weights.graph)
    sums = RunErrors()
    cosines = []
    for image in images:
        reference = float_model.run(real, image, dtype=torch.float64)
        ints = run(network, quantize_image(image, network.input_frac, network.options.act_w)[0])
        reals = {name: dequantize(ints[name], fracs[name]) for name in ends.values()}
        wanted = {block: reference[name] for block, name in ends.items()}
        sums.add(wanted, {block: reals[name] for block, name in ends.items()})
        cosines.append(cosine(reference[BOTTLENECK], reals[BOTTLENECK]))
    if not cosines:
        raise ValueError("no pictures to compare on")
    return NetworkErrors(tuple(sums.results()), tuple(cosines))


def cosine(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Cosine of the angle between two embeddings of any shape and length.

    >>> round(cosine(np.array([1.0, 0.0]), np.array([3.0, 3.0])), 4)
    0.7071
    """
    return float(embedding(one) @ embedding(other))


def cosine_to_floats(
    network: FloatNetwork, image: Pixels, bottleneck: npt.NDArray[np.generic]
) -> float:
    """Cosine of the angle between an embedding and the float network's, in float64."""
    wanted = float_model.run(network, image, dtype=torch.float64)[BOTTLENECK]
    return cosine(wanted, bottleneck.astype(np.float64))


@dataclass(frozen=True, slots=True)
class CandidateFormat:
    """A number format of a whole network."""

    name: str
    options: NumericOptions
    """Widths of activations and weights."""
    mode: Sm8Mode | None = None
    """How folded weights are brought to SM8 ahead of all else; not at all unless given. Each code
    is a whole number of 8 bits, so that nothing more is lost."""
    fraction: Literal["one", "own"] = "own"
    """SM8's fraction bits: ``one`` for all tensors, or ``own`` for each. Both have the least
    squared error."""


FORMATS: Final = (
    CandidateFormat("SM8 reference, one n", _W8A16, Sm8Mode.REFERENCE, "one"),
    CandidateFormat("SM8 reference, best n", _W8A16, Sm8Mode.REFERENCE),
    CandidateFormat("SM8 to nearest, best n", _W8A16, Sm8Mode.ROUND_TO_NEAREST),
    CandidateFormat("W8A8", NumericOptions(act_w=8, weight_w=8)),
    CandidateFormat("W8A16", _W8A16),
    CandidateFormat("W16A16", NumericOptions()),
)
"""From the source's format to the default's widths. SM8's activations have 16 bits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one format costs."""

    format: CandidateFormat
    fractions: dict[str, int]
    """SM8's fraction bits by node; empty for other formats."""
    weights: dict[str, float | None]
    """Signal to noise of each node's weights, dB; None where nothing is lost."""
    errors: NetworkErrors

    @property
    def weight_sqnr(self) -> float | None:
        """Median of the weights' signal to noise, dB; None where nothing is lost."""
        known = [ratio for ratio in self.weights.values() if ratio is not None]
        return float(np.median(known)) if known else None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        chosen = self.format
        return {
            "name": chosen.name,
            "act_bits": chosen.options.act_w,
            "weight_bits": chosen.options.weight_w,
            "sm8": None if chosen.mode is None else chosen.mode.value,
            "fractions": self.fractions,
            "weights_sqnr_db": self.weights,
            "blocks": self.errors.blocks,
            "cosines": self.errors.cosines,
        }


def evaluate_formats(
    weights: FaceNet,
    images: Sequence[Pixels],
    calibration: Sequence[Pixels],
    formats: Sequence[CandidateFormat] = FORMATS,
    standardization: Standardization = Standardization.FIXED,
    advance: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Run a network in every format, and compare it with the floats.

    Parameters
    ----------
    images : sequence of ndarray of float32, (3, H, W)
        To compare on.
    calibration : sequence of ndarray of float32, (3, H, W)
        Pictures that activations' fraction bits are chosen on.
    standardization : Standardization
        Of both.
    advance : callable
        Is called after each format.
    """
    real = weights.folded()
    convs = real.convs
    outcomes = []
    for chosen in formats:
        fractions = fraction_bits(convs, chosen)
        held = {name: coded(conv, fractions, chosen) for name, conv in convs.items()}
        size = calibration[0].shape[1]
        folded = replace(real, convs=held)
        network = build_facenet(folded, chosen.options, calibration, size, standardization)
        errors = network_errors(weights, network, images)
        outcomes.append(Outcome(chosen, fractions, weight_noise(convs, network), errors))
        advance()
    return outcomes


def weight_noise(convs: Mapping[str, FloatConv], network: Network) -> dict[str, float | None]:
    """Compare a network's integer weights with the real ones: signal to noise by node, dB."""
    found = {}
    for layer in network.convs():
        wanted = convs[layer.name].weight
        noise = root_mean_square(dequantize(layer.weight, layer.weight_frac) - wanted)
        found[layer.name] = decibels(root_mean_square(wanted), noise)
    return found


def fraction_bits(convs: Mapping[str, FloatConv], chosen: CandidateFormat) -> dict[str, int]:
    """Choose SM8's fraction bits for each convolution's weights; none for other formats.

    Of large tensors `SAMPLED` weights, evenly taken, decide.
    """
    mode = chosen.mode
    if mode is None:
        return {}
    some = {name: _sample(conv.weight) for name, conv in convs.items()}
    if chosen.fraction == "own":
        return {name: best_fraction(x, Best.MSE, mode, name) for name, x in some.items()}
    squares = {
        n: sum(
            errors_of(x, n, mode).rms_error ** 2 * convs[name].weight.size
            for name, x in some.items()
        )
        for n in FRACTIONS
    }
    return dict.fromkeys(convs, min(squares, key=squares.__getitem__))


def _sample(weight: FloatArray) -> FloatArray:
    return weight.reshape(-1)[:: max(1, weight.size // SAMPLED)]


def coded(conv: FloatConv, fractions: Mapping[str, int], chosen: CandidateFormat) -> FloatConv:
    """Bring a convolution's weights to SM8, if the format says so; the bias stays."""
    if chosen.mode is None:
        return conv
    n = fractions[conv.name]
    weight = decode(encode(conv.weight, n, chosen.mode, conv.name), n)
    return replace(conv, weight=np.ascontiguousarray(weight))
