"""How the numbers of a network are distributed: its weights, and what flows between its layers.

The pictures are run one at a time, and of each tensor a stats alone is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import int_range, leaky
from golden.arithmetic.numerics import NumericOptions
from golden.config import Activation, LeakyPlace, NumberFormat, Slope
from golden.graph.float_graph import Conv, FloatNetwork, Node
from golden.graph.image_size import ImageSize
from golden.graph.layers import IMAGE
from golden.graph.network import Network
from golden.quantization.fraction_bits import Formats, choose_formats, reach
from golden.quantization.layers import quantize_image
from golden.reference import float_model, run
from golden.study.distributions.statistics import Limits, Statistics
from golden.vision.images import calibration_images, load, preprocess

AHEAD: Final = " ahead of the activation"
"""Ends the name of the limits that the requantiser sets, where the activation comes after it."""
RAIL: Final = "rail"
"""Names the largest and the smallest value that an integer tensor can take."""
SOURCE_RANGE: Final = (-16.0, 19.0)
"""What the source saw over `SOURCE_PICTURES`; of which tensors, it does not say."""
SOURCE_PICTURES: Final = 100

Picture = tuple[str, npt.NDArray[np.float32]]
"""Name, and (3, H, W) from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A number format of one tensor."""

    frac: int
    width: int
    """Fraction bits, and bits in all."""

    def limits(self) -> Limits:
        """Return the range beyond which `golden.arithmetic.fixed.quantize` saturates.

        >>> Scale(8, 16).limits()
        Limits(low=-128.001953125, high=127.998046875)
        """
        low, high = int_range(self.width)
        step = 2.0**-self.frac
        return Limits((low - 0.5) * step, (high + 0.5) * step)


@dataclass(frozen=True, slots=True)
class FormatEffect:
    """What a format does to a tensor, as JSON holds it; shares of its values."""

    frac: int
    bits: int
    saturated: float
    """Beyond the format's range."""
    saturated_before_activation: float | None
    """Beyond the range ahead of the activation, where the requantiser saturates; None where no
    activation follows a requantiser."""
    rounded_to_zero: float
    """Without being zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Distributions:
    """All that a study of distributions found."""

    network: FloatNetwork
    options: NumericOptions
    formats: dict[NumberFormat, Formats]
    """Both formats."""
    weights: dict[str, dict[str, Statistics]]
    """By convolution and stage, as `weights.weight_statistics` returns them."""
    tensors: dict[str, Statistics]
    """Of the float network: the image and every node's output."""
    integer_network: Network | None = None
    """That was run too."""
    integers: dict[str, Statistics] = field(default_factory=dict)
    """Its tensors' values."""
    pictures: int = 0
    """How many were run."""

    def effects(self, tensor: str) -> dict[NumberFormat, FormatEffect]:
        """Say what each format does to a tensor of the float network."""
        return {
            label: format_effect(
                self.tensors[tensor], scales(format_, label, self.options)[tensor], label
            )
            for label, format_ in self.formats.items()
        }


def extremes(tensors: Collection[Statistics]) -> tuple[Statistics, Statistics]:
    """Return the tensors with the smallest and with the largest value of all."""
    return min(tensors, key=lambda t: t.low), max(tensors, key=lambda t: t.high)


def both_formats(
    network: FloatNetwork, options: NumericOptions, size: ImageSize
) -> dict[NumberFormat, Formats]:
    """Choose both formats' fraction bits on images of `size` rows, as `build_yolov3_tiny` does."""
    paths = calibration_images()
    room = reach(network, (preprocess(load(path), size) for path in paths), options)
    wide = replace(options, format=NumberFormat.Q7_8, act_w=16, weight_w=16)
    narrow = replace(options, format=NumberFormat.PER_LAYER)
    return {
        NumberFormat.Q7_8: choose_formats(network, {}, wide),
        NumberFormat.PER_LAYER: choose_formats(network, room, narrow),
    }


def scales(formats: Formats, name: NumberFormat, options: NumericOptions) -> dict[str, Scale]:
    """Give every tensor's format by its name."""
    width = 16 if name is NumberFormat.Q7_8 else options.act_w
    return {tensor: Scale(frac, width) for tensor, frac in formats.output.items()}


def empty_statistics(
    nodes: Iterable[Node],
    formats: Mapping[NumberFormat, Formats],
    options: NumericOptions,
) -> dict[str, Statistics]:
    """Make empty statistics for the image and every node's output.

    Parameters
    ----------
    formats : mapping of NumberFormat to Formats
        Whose limits the values are held against.
    options : NumericOptions
        `slope`, `place` and `act_w` are read.
    """
    made: dict[str, Statistics] = {}
    for name, node in ((IMAGE, None), *((node.name, node) for node in nodes)):
        limits: dict[str, Limits] = {}
        for label, format_ in formats.items():
            own = scales(format_, label, options)[name].limits()
            limits[label.value] = own
            if node is not None and leaks_after(node, options):
                slope = options.slope.real
                limits[label.value + AHEAD] = Limits(own.low * slope, own.high)
        made[name] = Statistics(name, limits)
    return made


def leaks_after(node: Node, options: NumericOptions) -> bool:
    """Say whether a leaky rectifier follows the node's requantiser."""
    return (
        isinstance(node, Conv)
        and node.activation is Activation.LEAKY
        and options.place is LeakyPlace.AFTER_REQUANT
    )


def add_float(
    measured: Mapping[str, Statistics], model: FloatNetwork, picture: Picture, slope: Slope
) -> None:
    """Run one picture through the float network, and count every tensor.

    Raises
    ------
    InputError
        If a value is NaN or infinite.
    """
    name, pixels = picture
    for tensor, values in float_model.run(model, pixels, slope.real).items():
        measured[tensor].add(values, name)


def integer_statistics(model: Network) -> dict[str, Statistics]:
    """Make empty statistics for every tensor of an integer network.

    A value at a rail is one that saturated, or that lies there by itself: they look alike.
    Only the image and the convolutions have rails; the other nodes pass values on.
    """
    low, high = int_range(model.options.act_w)
    made: dict[str, Statistics] = {
        IMAGE: Statistics(IMAGE, {RAIL: _rail(low, high, model.input_frac)})
    }
    fracs = model.fracs()
    for node in model.nodes:
        limits: dict[str, Limits] = {}
        if node.kind == "conv":
            after = model.options.place is LeakyPlace.AFTER_REQUANT
            leaks = after and node.activation is Activation.LEAKY
            least = int(leaky(low, model.options.slope)) if leaks else low
            limits[RAIL] = _rail(least, high, fracs[node.name])
        made[node.name] = Statistics(node.name, limits)
    return made


def _rail(low: int, high: int, frac: int) -> Limits:
    step = 2.0**-frac
    return Limits((low + 0.5) * step, high * step)


def add_integers(measured: Mapping[str, Statistics], model: Network, picture: Picture) -> None:
    """Run one picture through an integer network, and count every tensor's real values."""
    name, pixels = picture
    ints, _ = quantize_image(pixels, model.input_frac, model.options.act_w)
    fracs = model.fracs()
    for tensor, values in run.run(model, ints).items():
        step = np.float32(2.0 ** -fracs[tensor])
        measured[tensor].add(values.astype(np.float32) * step, name)


def format_effect(stats: Statistics, scale: Scale, label: NumberFormat) -> FormatEffect:
    """Say what a format does to the values counted with the limits `label`."""
    count = max(stats.count, 1)
    ahead = stats.beyond.get(label.value + AHEAD)
    return FormatEffect(
        scale.frac,
        scale.width,
        stats.beyond[label.value] / count,
        None if ahead is None else ahead / count,
        stats.rounds_to_zero(scale.frac) / count,
    )
