"""The TensorFlow checkpoint of a narrow FaceNet that lies in ``data``, and copies to damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "data" / "facenet_narrow"
PREFIX: Final = FOLDER / "narrow.ckpt-1"
INDEX: Final = ".index"
DATA: Final = ".data-00000-of-00001"
BETA: Final = "InceptionResnetV1/Block8/Branch_0/Conv2d_1x1/BatchNorm/beta"
LEFT_OVER: Final = (
    "InceptionResnetV1/Block8/Conv2d_1x1/biases/ExponentialMovingAverage",
    "InceptionResnetV1/Conv2d_1a_3x3/weights/ExponentialMovingAverage",
    "Logits/biases",
    "Logits/weights",
    "global_step",
)
"""What training left beside the network, in the order of names."""


def contents() -> dict[str, tuple[str, list[int], str]]:
    """Type, shape and the first digits of the sha256 of every tensor, by TensorFlow's word."""
    listed = json.loads((FOLDER / "contents.json").read_text())
    return {name: tuple(facts) for name, facts in listed.items()}


def copy(folder: Path, name: str = PREFIX.name) -> Path:
    """Copy the checkpoint; return its prefix."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending in (INDEX, DATA):
        shutil.copy(f"{PREFIX}{ending}", folder / f"{name}{ending}")
    return folder / name


def file(prefix: Path, ending: str) -> Path:
    """One file of a checkpoint."""
    return prefix.with_name(prefix.name + ending)


def flip(path: Path, place: int) -> None:
    """Turn one bit of a file around."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
