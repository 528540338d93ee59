"""Uniform noise on the outputs of layers, float or integer.

The source adds ``5 * rand / 100`` behind each layer, one-sided from 0 to 0.05; its comment
says plus and minus 0.05. Both are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from golden.arithmetic.fixed import FloatArray, Int16Array, dequantize, quantize, saturate
from golden.config import ConfigError, offer
from golden.graph.anchors import Anchors
from golden.graph.float_graph import FloatNetwork
from golden.graph.layers import IMAGE, sources
from golden.graph.network import Network
from golden.quantization.layers import quantize_image
from golden.reference import float_model
from golden.reference.run import run_node

AMPLITUDE: Final = 0.05
"""The source's."""
MOST: Final = 1e6
"""Largest amplitude that is taken: beyond it floats overflow further down."""

Values = Mapping[str, npt.NDArray[np.floating]]
"""Tensors of one run, (C, H, W), by node."""
Add = Callable[[str, tuple[int, ...]], FloatArray | None]
"""Noise for a node's output of that shape, or None."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is added where.

    Raises
    ------
    ConfigError
        If the amplitude is not above 0 or beyond `MOST`, or no layer is named.
    """

    layers: tuple[str, ...]
    """Nodes whose outputs are disturbed, ``image`` among them."""
    amplitude: float = AMPLITUDE
    """Largest magnitude."""
    one_sided: bool = True
    """From 0 to `amplitude`, as the source's code does; else from minus to plus."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= MOST:
            raise ConfigError(f"amplitude {self.amplitude}: give a number above 0, up to {MOST:g}")
        if not self.layers:
            raise ConfigError("noise at no layer: name at least one")

    def of(
        self, layer: str, shape: tuple[int, ...], draw: int = 0, picture: int = 0
    ) -> FloatArray | None:
        """Draw the noise of one layer's output; None where that is not disturbed.

        It depends on nothing but the arguments, the seed and the layer's name: not on what
        else is disturbed, nor on how many draws there are.

        >>> one, two = Noise(("conv1",)), Noise(("conv1",), one_sided=False)
        >>> noise = one.of("conv1", (1000,))
        >>> bool(noise.min() >= 0), bool(0.049 < noise.max() < 0.05)
        (True, True)
        >>> bool(np.allclose(two.of("conv1", (1000,)), 2 * noise - 0.05))
        True
        """
        if layer not in self.layers:
            return None
        numbers = np.random.default_rng([self.seed, picture, draw, *layer.encode()])
        low = 0.0 if self.one_sided else -self.amplitude
        return numbers.uniform(low, self.amplitude, shape)


def check_layers(layers: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the layers, each once, if all are known.

    Raises
    ------
    ConfigError
        Otherwise; the text lists those that are.

    >>> check_layers(["conv1", "conv1"], ["image", "conv1"])
    ('conv1',)
    """
    names, allowed = tuple(dict.fromkeys(layers)), tuple(known)
    for name in names:
        if name not in allowed:
            raise ConfigError(f"no layer {name}: {offer(name, allowed)}")
    return names


@dataclass(frozen=True, slots=True, eq=False)
class FloatRunner:
    """The float network."""

    network: FloatNetwork
    slope: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of the heads."""
        return self.network.classes

    @property
    def anchors(self) -> Anchors:
        """Boxes that the heads start from."""
        return self.network.anchors

    def run(self, pixels: npt.NDArray[np.float32], add: Add | None = None) -> Values:
        """Every tensor, with noise added at once where `add` gives some."""

        def change(name: str, output: torch.Tensor) -> torch.Tensor:
            noise = add(name, tuple(output.shape)) if add else None
            return output if noise is None else output + torch.from_numpy(noise).to(output.dtype)

        return float_model.run(self.network, pixels, self.slope, change=change)


@dataclass(frozen=True, slots=True, eq=False)
class FixedRunner:
    """The integer network: the noise is rounded to a layer's format, the sum saturates."""

    network: Network

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of the heads."""
        return self.network.classes

    @property
    def anchors(self) -> Anchors:
        """Boxes that the heads start from."""
        return self.network.anchors

    def run(self, pixels: npt.NDArray[np.float32], add: Add | None = None) -> Values:
        """Every tensor's values, with noise added at once where `add` gives some."""
        width, fracs = self.network.options.act_w, self.network.fracs()
        image, _ = quantize_image(pixels, self.network.input_frac, width)
        values: dict[str, Int16Array] = {}
        for node in (None, *self.network.nodes):
            name = node.name if node else IMAGE
            read = [values[source] for source in sources(node)] if node else []
            output = run_node(node, read, width) if node else image
            noise = add(name, output.shape) if add else None
            if noise is not None:
                ints, _ = quantize(noise, fracs[name], width)
                output = saturate(output + ints, width).astype(np.int16)
            values[name] = output
        return {name: dequantize(value, fracs[name]) for name, value in values.items()}
