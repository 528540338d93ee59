"""Writes the TensorFlow checkpoint beside it: Inception-ResNet-v1, each layer 1/16 as wide.

Run once, with TensorFlow 2.20 in an environment of its own; the project does not need it:

    python3 -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu==2.20.0
    /tmp/tf/bin/python golden/tests/networks/facenet/data/facenet_narrow/make_checkpoint.py

It leaves ``narrow.ckpt-1.index``, ``narrow.ckpt-1.data-00000-of-00001`` and
``contents.json``: type, shape and sha256 (its first 16 digits) of every tensor, taken before
it was saved. Numbers are drawn from a seed. Beside the network stands what training leaves in
such a file: a step counter, moving averages of two tensors, and the classifier that the network
was trained with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

FOLDER: Final = Path(__file__).parent
NAME: Final = "narrow.ckpt"
STEP: Final = 1
NARROWER: Final = 16
PEOPLE: Final = 7
"""Outputs of the classifier."""
SCOPE: Final = "InceptionResnetV1"
AVERAGED: Final = (f"{SCOPE}/Conv2d_1a_3x3/weights", f"{SCOPE}/Block8/Conv2d_1x1/biases")

Layer = tuple[str, tuple[int, int], int, int, bool]
"""Name, kernel, input and output channels, and whether a batch normalisation follows."""
Chain = list[tuple[str, tuple[int, int], int]]
"""One branch: name, kernel and output channels of each layer."""

STEM: Final[Chain] = [
    ("Conv2d_1a_3x3", (3, 3), 32),
    ("Conv2d_2a_3x3", (3, 3), 32),
    ("Conv2d_2b_3x3", (3, 3), 64),
    ("Conv2d_3b_1x1", (1, 1), 80),
    ("Conv2d_4a_3x3", (3, 3), 192),
    ("Conv2d_4b_3x3", (3, 3), 256),
]
BLOCK35: Final[list[Chain]] = [
    [("Conv2d_1x1", (1, 1), 32)],
    [("Conv2d_0a_1x1", (1, 1), 32), ("Conv2d_0b_3x3", (3, 3), 32)],
    [
        ("Conv2d_0a_1x1", (1, 1), 32),
        ("Conv2d_0b_3x3", (3, 3), 32),
        ("Conv2d_0c_3x3", (3, 3), 32),
    ],
]
MIXED_6A: Final[list[Chain]] = [
    [("Conv2d_1a_3x3", (3, 3), 384)],
    [
        ("Conv2d_0a_1x1", (1, 1), 192),
        ("Conv2d_0b_3x3", (3, 3), 192),
        ("Conv2d_1a_3x3", (3, 3), 256),
    ],
]
BLOCK17: Final[list[Chain]] = [
    [("Conv2d_1x1", (1, 1), 128)],
    [
        ("Conv2d_0a_1x1", (1, 1), 128),
        ("Conv2d_0b_1x7", (1, 7), 128),
        ("Conv2d_0c_7x1", (7, 1), 128),
    ],
]
MIXED_7A: Final[list[Chain]] = [
    [("Conv2d_0a_1x1", (1, 1), 256), ("Conv2d_1a_3x3", (3, 3), 384)],
    [("Conv2d_0a_1x1", (1, 1), 256), ("Conv2d_1a_3x3", (3, 3), 256)],
    [
        ("Conv2d_0a_1x1", (1, 1), 256),
        ("Conv2d_0b_3x3", (3, 3), 256),
        ("Conv2d_1a_3x3", (3, 3), 256),
    ],
]
BLOCK8: Final[list[Chain]] = [
    [("Conv2d_1x1", (1, 1), 192)],
    [
        ("Conv2d_0a_1x1", (1, 1), 192),
        ("Conv2d_0b_1x3", (1, 3), 192),
        ("Conv2d_0c_3x1", (3, 1), 192),
    ],
]
EMBEDDING: Final = 512


def chain(prefix: str, layers: Chain, channels: int) -> Iterator[Layer]:
    """Layers that follow one another, from so many channels on."""
    for name, kernel, width in layers:
        yield f"{prefix}/{name}", kernel, channels, width // NARROWER, True
        channels = width // NARROWER


def branches(prefix: str, several: list[Chain], channels: int) -> Iterator[Layer]:
    """Branches side by side."""
    for number, layers in enumerate(several):
        yield from chain(f"{prefix}/Branch_{number}", layers, channels)


def residual(prefix: str, several: list[Chain], channels: int) -> Iterator[Layer]:
    """A residual block: branches, then the convolution that widens what they join to."""
    yield from branches(prefix, several, channels)
    joined = sum(layers[-1][2] // NARROWER for layers in several)
    yield f"{prefix}/Conv2d_1x1", (1, 1), joined, channels, False


def layers_of_network() -> Iterator[Layer]:
    """Every convolution and the bottleneck, in data-flow order."""
    yield from chain(SCOPE, STEM, 3)
    channels = 256 // NARROWER
    for number in range(1, 6):
        yield from residual(f"{SCOPE}/Repeat/block35_{number}", BLOCK35, channels)
    yield from branches(f"{SCOPE}/Mixed_6a", MIXED_6A, channels)
    channels = 896 // NARROWER
    for number in range(1, 11):
        yield from residual(f"{SCOPE}/Repeat_1/block17_{number}", BLOCK17, channels)
    yield from branches(f"{SCOPE}/Mixed_7a", MIXED_7A, channels)
    channels = 1792 // NARROWER
    for number in range(1, 6):
        yield from residual(f"{SCOPE}/Repeat_2/block8_{number}", BLOCK8, channels)
    yield from residual(f"{SCOPE}/Block8", BLOCK8, channels)
    yield f"{SCOPE}/Bottleneck", (0, 0), channels, EMBEDDING // NARROWER, True


def tensors() -> dict[str, Any]:
    """Every tensor of the file by its name."""
    draw = np.random.default_rng(20180402)

    def numbers(shape: tuple[int, ...], deviation: float, mean: float = 0.0) -> Any:
        return (draw.standard_normal(shape) * deviation + mean).astype(np.float32)

    made: dict[str, Any] = {}
    for name, kernel, inputs, outputs, normalised in layers_of_network():
        shape = (inputs, outputs) if kernel == (0, 0) else (*kernel, inputs, outputs)
        fan_in = int(np.prod(shape[:-1]))
        made[f"{name}/weights"] = numbers(shape, (2 / fan_in) ** 0.5)
        if not normalised:
            made[f"{name}/biases"] = numbers((outputs,), 0.05)
            continue
        made[f"{name}/BatchNorm/beta"] = numbers((outputs,), 0.3)
        made[f"{name}/BatchNorm/moving_mean"] = numbers((outputs,), 0.4, -0.2)
        variance = draw.gamma(2.0, 0.3, outputs)
        made[f"{name}/BatchNorm/moving_variance"] = variance.astype(np.float32)
    for name in AVERAGED:
        made[f"{name}/ExponentialMovingAverage"] = made[name] * np.float32(0.9)
    made["Logits/weights"] = numbers((EMBEDDING // NARROWER, PEOPLE), 0.1)
    made["Logits/biases"] = np.zeros(PEOPLE, np.float32)
    made["global_step"] = np.array(275000, np.int64)
    return made


def save(made: dict[str, Any]) -> None:
    """Let TensorFlow write the checkpoint, as version 1 of it does."""
    v1: Any = import_module("tensorflow").compat.v1
    v1.disable_eager_execution()
    with v1.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=values) for name, values in made.items()]
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver(variables)
        saver.save(
            session, str(FOLDER / NAME), STEP, write_meta_graph=False, latest_filename="unused"
        )
    (FOLDER / "unused").unlink()


def digest(values: Any) -> str:
    """The first digits of the sha256 of a tensor's bytes."""
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


def main() -> None:
    """Write the checkpoint, and what it holds."""
    made = tensors()
    save(made)
    contents = {
        name: [str(values.dtype), list(values.shape), digest(values)]
        for name, values in sorted(made.items())
    }
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(x)}" for name, x in contents.items())
    (FOLDER / "contents.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
