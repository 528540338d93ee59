"""What a number format costs: the integer network against the float one, over pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from golden.arithmetic.numerics import NumericOptions
from golden.config import LeakyPlace, NumberFormat, ProductMode, Slope
from golden.graph.float_graph import FloatNetwork
from golden.graph.image_size import ImageSize
from golden.graph.network import Network
from golden.networks.yolov3_tiny.build import build_yolov3_tiny
from golden.networks.yolov3_tiny.detection import find
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.reading import read_network
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE
from golden.networks.yolov3_tiny.retune_patch import Retune
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run
from golden.study.detection.matching import Agreement, match
from golden.study.dumps.dump import Dump
from golden.study.errors.layer_errors import RunErrors
from golden.vision.datasets import Sample
from golden.vision.images import preprocess
from golden.vision.placement import Fit

_Q7_8: Final = NumericOptions(format=NumberFormat.Q7_8)
_BYTES: Final = NumericOptions(act_w=8, weight_w=8)
HEADLINE: Final = {
    "q7.8 cut_floor": replace(_Q7_8, mode=ProductMode.CUT_FLOOR),
    "q7.8 cut_round": replace(_Q7_8, mode=ProductMode.CUT_ROUND),
    "q7.8 full": _Q7_8,
    "per_layer full, 16 bits": NumericOptions(),
    "per_layer full, 8 bits": _BYTES,
    "per_layer full, 8, before": replace(_BYTES, place=LeakyPlace.BEFORE_REQUANT),
}
"""The formats that are held against one another, from the source's own to the boldest."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """An integer network, and the float one that it stands for."""

    name: str
    """What the format is called."""
    real: FloatNetwork
    fixed: Network


@dataclass(slots=True)
class FormatErrors:
    """What one format costs, added up over pictures."""

    pairing: Pairing
    errors: RunErrors = field(default_factory=RunErrors)
    """Of every layer, float as the reference."""
    agreement: Agreement = field(default_factory=Agreement)
    """The integers' boxes against the floats'."""
    pictures: int = 0
    """So many were run."""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {
            "name": self.pairing.name,
            **numeric_facts(self.pairing.fixed.options),
            "pictures": self.pictures,
            "boxes": self.agreement.to_dict(),
            "layers": self.errors.results(),
        }


def numeric_facts(options: NumericOptions) -> dict[str, Any]:
    """Return the numeric choices as JSON holds them, by the names of the commands' options."""
    return {
        "format": options.format.value,
        "mode": options.mode.value,
        "slope": options.slope.value,
        "leaky_place": options.place.value,
        "pool_pad": options.pool_pad.value,
        "act_bits": options.act_w,
        "weight_bits": options.weight_w,
    }


def make_pairings(
    files: ModelFiles,
    formats: Sequence[tuple[str, NumericOptions]],
    size: ImageSize,
    retune: Retune = "shipped",
    step: Callable[[], object] = lambda: None,
) -> list[Pairing]:
    """Read and quantise the network for each format.

    Parameters
    ----------
    formats : sequence of (str, NumericOptions)
        Each with what it is called.
    size : int or Rectangle
        Rows and columns of the input.
    retune : Path, "shipped" or None
        Retuning patch: a file, the one that ships where it fits, or none.
    step : callable
        Called after each.

    Raises
    ------
    InputError
        If a file is damaged or holds another network.
    ConfigError
        If a layer cannot be held in a format, or the patch is for another slope.
    """
    made = []
    real: dict[object, FloatNetwork] = {}
    for name, options in formats:
        key = options.slope, options.pool_pad
        if key not in real:
            real[key] = read_network(files, options, retune)
        fixed = build_yolov3_tiny(files, options, input_size=size, retune=retune)
        made.append(Pairing(name, real[key], fixed))
        step()
    return made


def float_against_fixed(
    pairings: Sequence[Pairing],
    pictures: Iterable[Sample],
    fit: Fit = "letterbox",
    size: ImageSize = INPUT_SIZE,
    step: Callable[[], object] = lambda: None,
) -> list[FormatErrors]:
    """Run pictures through float and integer networks; add up errors and boxes.

    Each integer network is judged by the float network with the same slope.

    Parameters
    ----------
    pictures : iterable of Sample
        One is in memory at a time.
    size : int or Rectangle
        Rows and columns of the input.
    step : callable
        Called after each picture.
    """
    results = [FormatErrors(pairing) for pairing in pairings]
    for shown in pictures:
        reference: dict[tuple[int, Slope], Dump] = {}
        for result in results:
            key = id(result.pairing.real), result.pairing.fixed.options.slope
            if key not in reference:
                pairing = result.pairing
                reference[key] = run_float(
                    pairing.real, pairing.fixed.options.slope, shown, fit, size
                )
            _add(result, reference[key], shown, fit, size)
        step()
    return results


def run_float(
    network: FloatNetwork, slope: Slope, shown: Sample, fit: Fit, size: ImageSize
) -> Dump:
    """Every tensor of the float network on a picture."""
    pixels = preprocess(shown.image, size, fit)
    return Dump(dict(float_model.run(network, pixels, slope.real)))


def run_fixed(network: Network, shown: Sample, fit: Fit, size: ImageSize) -> Dump:
    """Every tensor of the integer network on a picture."""
    pixels = preprocess(shown.image, size, fit)
    image, _ = quantize_image(pixels, network.input_frac, network.options.act_w)
    return Dump(dict(run(network, image)), network.fracs())


def _add(result: FormatErrors, reference: Dump, shown: Sample, fit: Fit, size: ImageSize) -> None:
    fixed = result.pairing.fixed
    values = run_fixed(fixed, shown, fit, size).real()
    result.errors.add(reference.tensors, values, fixed.fracs(), shown.name)
    picture = shown.image.height, shown.image.width
    truth, found = (
        find(
            {head: run[head] for head in HEADS},
            *(fixed.classes, picture, fit, size),
            anchors=fixed.anchors,
        ).boxes
        for run in (reference.tensors, values)
    )
    result.agreement += match(found, truth).agreement
    result.pictures += 1
