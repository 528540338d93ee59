"""The digits' network, and the digit that it reads: the example of a network of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from golden.config import ConfigError
from golden.networks.digits.graph import GRAPH, HEAD, SIDE
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

NOTE: Final = "the weights were trained just now, from seed 1, on scikit-learn's digits"


class Digits(NetworkAdapter):
    """LeNet's widths on pictures of 8x8 pixels."""

    name: ClassVar[str] = "digits"
    title: ClassVar[str] = "digits"
    size: ClassVar[int] = SIDE
    heads: ClassVar[tuple[str, ...]] = (HEAD,)
    without: ClassVar[frozenset[str]] = frozenset(
        {"slope", "leaky_place", "pool_pad", "retune", "fit", "weight_format", "standardize"}
    )

    def nodes(self) -> Sequence[Any]:
        """List its nodes."""
        return GRAPH.nodes

    def check(self, options: NetworkOptions) -> None:
        """Refuse every size but its own."""
        if options.size != SIDE:
            raise ConfigError(f"SIZE={options.size}: the digits have {SIDE} rows and columns")

    def build(self, options: NetworkOptions, print_line: PrintLine) -> QuantizedNetwork:
        """Read the network, or train it; fold and quantise it."""
        from golden.networks.digits.build import build_digits, convs_of, read_convs
        from golden.networks.digits.training import model_bytes, train

        if options.model is None:
            print_line("training the network")
            tensors = train()
            content, convs, note = model_bytes(tensors), convs_of(tensors), NOTE
        else:
            convs, note = read_convs(options.model), ""
            content = options.model.read_bytes()
        numerics = options.numerics()
        return QuantizedNetwork(
            build_digits(convs, numerics),
            hashlib.sha256(content).hexdigest(),
            note=note,
            numerics=f"{numerics.weight_w}-bit weights, {numerics.act_w}-bit activations",
        )

    def pixels(self, picture: Image.Image, options: NetworkOptions) -> Pixels:
        """Bring a picture to 8x8 grey pixels, 0 to 1."""
        from golden.networks.digits.samples import prepare

        return prepare(picture)

    def decode(
        self, outputs: Outputs, quantized: QuantizedNetwork, options: NetworkOptions
    ) -> DecodedOutput:
        """Name the digit that scores most."""
        from golden.networks.digits.build import read_off

        digit = int(read_off([outputs.actual[HEAD]])[0])
        return DecodedOutput(f"the RTL reads a {quantized.network.classes[digit]}")

    def default_image(self) -> Path:
        """The first of the pictures that the network was not trained on."""
        from golden.networks.digits.samples import load_samples, write_pictures
        from tb.toolchain.build import ROOT

        return write_pictures(load_samples()[1].first(1), ROOT / "build" / "digits")[0]

    def kind(self, node: Any) -> str:
        """A node's kind; the last three are fully connected."""
        return "fc" if node.name.startswith("fc") else str(node.kind)
