"""Number formats that FaceNet could run in, and what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from golden.arithmetic.fixed import FloatArray, dequantize
from golden.arithmetic.numerics import NumericOptions
from golden.arithmetic.sm8 import FRACTIONS, Best, Sm8Mode, decode, encode
from golden.graph.float_conv import FloatConv
from golden.graph.network import Network
from golden.networks.facenet.build import build_facenet
from golden.networks.facenet.files import FaceNet
from golden.study.errors.layer_errors import decibels
from golden.study.facenet.block_errors import NetworkErrors, network_errors
from golden.study.parameters.sm8_errors import best_fraction, errors_of, root_mean_square
from golden.vision.images import Pixels

SAMPLED: Final = 1 << 14
"""Weights of a tensor that choose its fraction bits."""
_W8A16: Final = NumericOptions(weight_w=8)


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
    advance: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Run a network in every format, and compare it with the floats.

    Parameters
    ----------
    images : sequence of ndarray of float32, (3, H, W)
        To compare on.
    calibration : sequence of ndarray of float32, (3, H, W)
        Pictures that activations' fraction bits are chosen on.
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
        network = build_facenet(folded, chosen.options, calibration, size)
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
