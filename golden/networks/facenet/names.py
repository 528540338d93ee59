"""FaceNet's tensors by name: TensorFlow's variables and facenet-pytorch's state dict.

Both name the same numbers. TensorFlow keeps a kernel as (KH, KW, I, O), torch as
(O, I, KH, KW); TensorFlow-slim's batch normalisation has no gamma, torch's has one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from golden.graph.float_graph import Conv, Graph
from golden.networks.facenet.graph import BOTTLENECK, REPEATS

Naming = Literal["tensorflow", "torch"]
SCOPE: Final = "InceptionResnetV1"
"""What every variable of a TensorFlow checkpoint starts with; an old bottleneck's does not."""
UP: Final = "Conv2d_1x1"
"""The convolution ahead of a residual add."""
_STATISTICS: Final[dict[Naming, tuple[str, ...]]] = {
    "tensorflow": ("beta", "gamma", "moving_mean", "moving_variance"),
    "torch": ("bias", "weight", "running_mean", "running_var"),
}
"""Beta, gamma, mean and variance."""
_TORCH_REPEATS: Final = {scope: f"repeat_{n}" for n, (scope, *_) in enumerate(REPEATS, start=1)}


@dataclass(frozen=True, slots=True)
class Names:
    """Where a file keeps a convolution's tensors."""

    weight: str
    bias: str
    beta: str
    gamma: str
    mean: str
    variance: str
    """Of its batch normalisation."""

    @property
    def norm(self) -> str:
        """The batch normalisation itself."""
        return re.split(r"[./](?=\w+$)", self.mean)[0]


def tensorflow_names(conv: Conv, scoped: bool = True) -> Names:
    """Name a convolution's variables in a TensorFlow checkpoint; an old bottleneck is not scoped.

    >>> from golden.networks.facenet.graph import facenet
    >>> tensorflow_names(facenet().convs["Block8.Branch_0.Conv2d_1x1"]).beta
    'InceptionResnetV1/Block8/Branch_0/Conv2d_1x1/BatchNorm/beta'
    """
    own = conv.name.replace(".", "/")
    scope = f"{SCOPE}/{own}" if scoped else own
    norm = (f"{scope}/BatchNorm/{key}" for key in _STATISTICS["tensorflow"])
    return Names(f"{scope}/weights", f"{scope}/biases", *norm)


def torch_names(conv: Conv, place: int = 0, steps: int = 1) -> Names:
    """Name a convolution's tensors in facenet-pytorch's state dict, by its place in its branch.

    >>> from golden.networks.facenet.graph import facenet
    >>> torch_names(facenet().convs["Repeat_1.block17_2.Branch_1.Conv2d_0b_1x7"], 1, 3).weight
    'repeat_2.1.branch1.1.conv.weight'
    """
    if conv.name == BOTTLENECK:
        norm = (f"last_bn.{key}" for key in _STATISTICS["torch"])
        return Names("last_linear.weight", "last_linear.bias", *norm)
    words = conv.name.split(".")
    path = [_torch_word(word) for word in words]
    if len(words) > 1:
        path[-1:] = ["conv2d"] if words[-2][:6] != "Branch" else [str(place)] if steps > 1 else []
    module = ".".join(path)
    inner = f"{module}.conv" if conv.norm else module
    norm = (f"{module}.bn.{key}" for key in _STATISTICS["torch"])
    return Names(f"{inner}.weight", f"{inner}.bias", *norm)


def _torch_word(word: str) -> str:
    """One part of a node's name in facenet-pytorch's spelling."""
    if word in _TORCH_REPEATS:
        return _TORCH_REPEATS[word]
    if block := re.fullmatch(r"block\d+_(\d+)", word):
        return str(int(block[1]) - 1)
    if word.startswith("Conv2d_"):
        return word.rsplit("_", 1)[0].lower()
    return word.lower().replace("branch_", "branch")


def names(graph: Graph, naming: Naming) -> dict[str, Names]:
    """Name the tensors of every convolution, by node, in data-flow order."""
    if naming == "tensorflow":
        return {name: tensorflow_names(conv) for name, conv in graph.convs.items()}
    branches: dict[str, list[str]] = {}
    for name in graph.convs:
        branches.setdefault(name.rpartition(".")[0], []).append(name)
    found = {}
    for name, conv in graph.convs.items():
        branch = branches[name.rpartition(".")[0]]
        found[name] = torch_names(conv, branch.index(name), len(branch))
    return found


def renamed(graph: Graph, source: Naming) -> dict[str, str]:
    """Map each tensor's name in one spelling to its name in the other.

    Both ways are inverse to each other. A bias, or a batch normalisation's tensors, are
    there where the table says so.
    """
    wanted: Naming = "torch" if source == "tensorflow" else "tensorflow"
    one, other = names(graph, source), names(graph, wanted)
    mapping = {}
    for node, conv in graph.convs.items():
        held = ("beta", "gamma", "mean", "variance") if conv.norm else ("bias",)
        for key in ("weight", *held):
            mapping[getattr(one[node], key)] = getattr(other[node], key)
    return mapping
