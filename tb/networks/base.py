"""What ``make sim`` has to know of a network: how it is made, and how its outputs are decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.arithmetic.numerics import NumericOptions
from golden.graph.fusion import makers
from golden.graph.image_size import ImageSize
from golden.graph.network import Network
from golden.vision.images import default_image
from tb.cosim.failure import Failure

if TYPE_CHECKING:
    from PIL import Image

Pixels = npt.NDArray[np.float32]
"""A picture as a network takes it, (C, H, W)."""
PrintLine = Callable[[str], None]


class NetworkOptions(Protocol):
    """What a user may choose of a network, as the options of a flow hold it."""

    @property
    def model(self) -> Path | None:
        """File of the weights."""

    @property
    def size(self) -> ImageSize:
        """Rows and columns of the network's image."""

    @property
    def fit(self) -> str:
        """``letterbox`` or ``plain``."""

    @property
    def retune(self) -> str:
        """Retuning patch: ``shipped`` (also where empty), ``none`` or a file."""

    @property
    def standardize(self) -> str:
        """``fixed`` or ``per_image``: FaceNet's pictures."""

    @property
    def weight_format(self) -> str:
        """``integer`` or ``sm8``."""

    @property
    def mode(self) -> str:
        """Product mode."""

    @property
    def act_bits(self) -> int:
        """Width of an activation."""

    @property
    def weight_bits(self) -> int:
        """Width of a weight."""

    def numerics(self) -> NumericOptions:
        """The arithmetic."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedNetwork:
    """A network with its numbers."""

    network: Network
    sha256: str
    """Of the weight file."""
    note: str = ""
    """What a user should know of the weights, in a line."""
    numerics: str = ""
    """The arithmetic in the table's title, after format and mode."""
    retune_sha256: str | None = None
    """Of the retuning patch that it is tuned with."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """A frame's outputs, to be decoded."""

    actual: Mapping[str, Int16Array]
    expected: Mapping[str, Int16Array]
    """int16 (C, H, W). The RTL's values of the network's `heads`, and the reference model's."""
    picture: npt.NDArray[np.uint8]
    """uint8 (H, W, 3). As read."""
    folder: Path
    """The frame's; takes the drawing."""


@dataclass(frozen=True, slots=True)
class DecodedOutput:
    """The outputs of a frame, decoded."""

    text: str = ""
    """In words; empty for nothing."""
    boxes: list[dict[str, Any]] = field(default_factory=list)
    """What was detected, for the report."""
    cosine: float | None = None
    """Of the angle between the embedding and the float network's."""
    failure: Failure | None = None
    """Where the reference model's outputs decode to something else."""


class NetworkAdapter(ABC):
    """A network that the bench can run; it holds no state.

    Attributes
    ----------
    name : str
        What ``NET`` and the report call it.
    title : str
        What people call it.
    size : int
        Rows and columns of its picture, unless others are asked for.
    heads : tuple of str
        The nodes whose values `decode` puts into words.
    without : frozenset of str
        Options that mean nothing to it: refused where given, null in the report.
    drawing : str
        File that `decode` writes into a frame's folder; empty for none.
    distinct : bool
        Whether Icarus simulates one layer of each shape, rather than every layer.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    size: ClassVar[int]
    heads: ClassVar[tuple[str, ...]]
    without: ClassVar[frozenset[str]] = frozenset()
    drawing: ClassVar[str] = ""
    distinct: ClassVar[bool] = False

    def own_size(self, model: Path | None) -> ImageSize | None:
        """The size of the picture that the user's model says; None where it says none.

        Raises
        ------
        InputError
            If its description cannot be read.
        """
        return None

    @abstractmethod
    def nodes(self) -> Sequence[Any]:
        """List the nodes without their numbers, in data-flow order: name, kind and sources."""

    @abstractmethod
    def check(self, options: NetworkOptions) -> None:
        """Refuse options that it cannot honour, its size above all.

        Raises
        ------
        ConfigError
            In one line.
        """

    @abstractmethod
    def build(self, options: NetworkOptions, print_line: PrintLine) -> QuantizedNetwork:
        """Read and quantise the network.

        Raises
        ------
        InputError
            If a file is missing or not what it should be.
        ConfigError
            If the network cannot be held in the arithmetic asked for.
        """

    @abstractmethod
    def pixels(self, picture: Image.Image, options: NetworkOptions) -> Pixels:
        """Bring a picture to what the network takes, (C, H, W)."""

    @abstractmethod
    def decode(
        self, outputs: Outputs, quantized: QuantizedNetwork, options: NetworkOptions
    ) -> DecodedOutput:
        """Put the RTL's outputs into words."""

    def default_image(self) -> Path:
        """The picture that is run unless another is asked for."""
        return default_image()

    def block(self, name: str) -> str:
        """The part of the network that a node belongs to; empty where it has no parts."""
        return ""

    def kind(self, node: Any) -> str:
        """A node's kind, by the report's names."""
        return str(node.kind)

    @cached_property
    def makers(self) -> dict[str, str]:
        """The layer whose jobs make each node, in data-flow order."""
        return makers(self.nodes())

    @property
    def job_layers(self) -> tuple[str, ...]:
        """The layers that have jobs, in data-flow order."""
        return tuple(dict.fromkeys(self.makers.values()))
