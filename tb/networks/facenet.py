"""FaceNet, and the embedding that it gives a picture."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from golden.config import ConfigError, ProductMode, Standardization
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import FloatNetwork
from golden.graph.image_size import sides
from golden.networks.facenet.graph import BOTTLENECK, INPUT_SIZE, MIN_SIZE, facenet
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

MAX_SIZE: Final = 298
"""The largest picture whose last map, 7x7, a kernel of the PE covers."""
BLOCKS: Final = {"Block8": "block8", "Logits": "logits", BOTTLENECK: "logits"}
"""Blocks with another name in the tables."""
NOTE: Final = "the weights are drawn from seed 1: numbers of the right size, no face recognised"


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedFaceNet(QuantizedNetwork):
    """The integer network, and the float one, folded, before it was quantised."""

    floats: FloatNetwork | None = None


class FaceNet(NetworkAdapter):
    """Inception-ResNet-v1."""

    name: ClassVar[str] = "facenet"
    title: ClassVar[str] = "FaceNet"
    size: ClassVar[int] = INPUT_SIZE
    heads: ClassVar[tuple[str, ...]] = (BOTTLENECK,)
    without: ClassVar[frozenset[str]] = frozenset(
        {"slope", "leaky_place", "pool_pad", "retune", "fit"}
    )
    distinct: ClassVar[bool] = True

    def nodes(self) -> Sequence[Any]:
        """List its nodes; their names are the same whatever a file's widths."""
        return facenet().nodes

    def check(self, options: NetworkOptions) -> None:
        """Refuse a size that it has no embedding for, and cut products."""
        if not (isinstance(options.size, int) and MIN_SIZE <= options.size <= MAX_SIZE):
            raise ConfigError(
                f"SIZE={options.size}: FaceNet runs on {MIN_SIZE} to {MAX_SIZE} rows, squares"
            )
        if options.mode != ProductMode.FULL.value:
            raise ConfigError(f"MODE={options.mode}: FaceNet's average needs MODE=full")

    def build(self, options: NetworkOptions, print_line: PrintLine) -> QuantizedNetwork:
        """Read or draw the network, fold and quantise it."""
        from golden.networks.facenet.build import build_facenet
        from golden.networks.facenet.files import read_facenet
        from golden.networks.facenet.seeded import seeded_file
        from tb.toolchain.build import CACHE

        if options.model is None:
            print_line(NOTE)
        path = options.model or seeded_file(CACHE)
        weights = read_facenet(path)
        print_line("quantising the network")
        floats = weights.folded()
        held = floats
        if options.weight_format == "sm8":
            held = replace(floats, convs=_sm8(floats.convs))
        numerics = options.numerics()
        network = build_facenet(
            held, numerics, None, sides(options.size)[0], Standardization(options.standardize)
        )
        coding = " in SM8" if options.weight_format == "sm8" else ""
        return QuantizedFaceNet(
            network,
            _sha256(path),
            note=NOTE if options.model is None else "",
            numerics=f"{numerics.weight_w}-bit weights{coding}, {numerics.act_w}-bit activations",
            floats=floats,
        )

    def pixels(self, picture: Image.Image, options: NetworkOptions) -> Pixels:
        """Cut out the middle square and standardise it."""
        from golden.networks.facenet.pictures import prepare

        return prepare(picture, sides(options.size)[0], Standardization(options.standardize))

    def decode(
        self, outputs: Outputs, quantized: QuantizedNetwork, options: NetworkOptions
    ) -> DecodedOutput:
        """Compare the RTL's embedding with the float network's."""
        from PIL import Image

        from golden.study.facenet import cosine_to_floats

        assert isinstance(quantized, QuantizedFaceNet) and quantized.floats is not None
        pixels = self.pixels(Image.fromarray(outputs.picture), options)
        found = outputs.actual[BOTTLENECK]
        angle = cosine_to_floats(quantized.floats, pixels, found)
        text = f"embedding of {found.size} values, cosine {angle:.6f} to the float network's"
        return DecodedOutput(text, cosine=angle)

    def block(self, name: str) -> str:
        """The chain of blocks, or the block, that a node belongs to."""
        from golden.study.facenet import block_of

        block = block_of(name)
        chain = block.split(".")[-1].rsplit("_", 1)[0] if block.startswith("Repeat") else block
        return BLOCKS.get(chain, chain)

    def kind(self, node: Any) -> str:
        """A node's kind; the bottleneck is fully connected."""
        return "fc" if node.name == BOTTLENECK else str(node.kind)


def _sm8(convs: Mapping[str, FloatConv]) -> dict[str, FloatConv]:
    """Weights coded by the reference rule of SM8, with the best fraction bits of each tensor."""
    from golden.arithmetic.numerics import NumericOptions
    from golden.arithmetic.sm8 import Sm8Mode
    from golden.study.facenet import CandidateFormat, coded, fraction_bits

    chosen = CandidateFormat("SM8", NumericOptions(weight_w=8), Sm8Mode.REFERENCE)
    fractions = fraction_bits(convs, chosen)
    return {name: coded(conv, fractions, chosen) for name, conv in convs.items()}


def _sha256(path: Path) -> str:
    """Of a file; of a TensorFlow checkpoint index and data together."""
    from golden.importers.tensorflow.checkpoint import checkpoint_prefix, is_tf_checkpoint

    files = [path]
    if is_tf_checkpoint(path):
        prefix = checkpoint_prefix(path)
        files = [prefix.with_name(f"{prefix.name}.index")]
        files += sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
