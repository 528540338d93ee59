"""How near a tuned network comes to its teacher, on pictures that it was not tuned on.

F1 at one confidence flatters: what mostly happens to an untuned network is that its
confidences rise, so that it misses nothing and invents much. The heads' signal to noise
counts every number that the network puts out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.config import ConfigError, InputError
from golden.graph.float_graph import FloatNetwork
from golden.graph.image_size import ImageSize, image_size
from golden.networks.yolov3_tiny.detection import CONFIDENCE, find
from golden.networks.yolov3_tiny.graph import HEADS, INPUT_SIZE, TRAINED_SLOPE
from golden.reference import float_model
from golden.study.detection.matching import Agreement, match
from golden.study.errors.layer_errors import decibels
from golden.vision.boxes import Box
from golden.vision.datasets import PHOTOGRAPHS, Folder, Sample
from golden.vision.images import Pixels, preprocess

HELD_OUT: Final = ("camera.png", "motorcycle_left.png", "motorcycle_right.png")
"""Photographs that nothing is tuned on; the two motorcycles are one scene."""
TUNED_ON: Final = (
    *(name for name in PHOTOGRAPHS if name not in HELD_OUT),
    *("brick.png", "cell.png", "clock_motion.png", "coins.png", "color.png"),
    *("grace_hopper.jpg", "grass.png", "gravel.png", "horse.png", "moon.png", "page.png"),
    "text.png",
)
"""Photographs and drawings that a network is tuned on unless a folder is given."""

Heads = dict[str, npt.NDArray[np.floating]]


@dataclass(frozen=True, slots=True, eq=False)
class TeacherOutput:
    """A picture, and the teacher's output for it."""

    name: str
    pixels: Pixels
    """(3, H, W)."""
    picture_size: tuple[int, int]
    """(height, width) of the picture."""
    heads: Heads
    """The teacher's."""
    boxes: list[Box]
    """That they describe."""


@dataclass(slots=True)
class Verdict:
    """A network's output compared with its teacher's, summed over pictures."""

    pictures: int = 0
    signal: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADS, 0.0))
    noise: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADS, 0.0))
    """By head: sum of the teacher's squares, and of the squared differences."""
    agreement: Agreement = field(default_factory=Agreement)
    """Of the boxes at confidence `golden.networks.yolov3_tiny.detection.CONFIDENCE`; the teacher is
    the reference."""

    @property
    def snr(self) -> float | None:
        """Signal to noise over both heads, dB; None where they are equal."""
        return _ratio(sum(self.signal.values()), sum(self.noise.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {
            "pictures": self.pictures,
            "head_snr_db": self.snr,
            "head_snr_db_by_head": {
                head: _ratio(self.signal[head], self.noise[head]) for head in HEADS
            },
            "confidence": CONFIDENCE,
            "teacher_boxes": self.agreement.matched + self.agreement.missed,
            **self.agreement.to_dict(),
        }


def _ratio(signal: float, noise: float) -> float | None:
    return decibels(float(np.sqrt(signal)), float(np.sqrt(noise)))


def run_teacher(
    network: FloatNetwork,
    pictures: Iterable[Sample],
    size: ImageSize = INPUT_SIZE,
    advance: Callable[[], object] = lambda: None,
) -> list[TeacherOutput]:
    """Run the teacher, the network with the slope that it was trained for.

    Parameters
    ----------
    network : FloatNetwork
        Untuned.
    pictures : iterable of Sample
        Letterboxed.
    size : int or Rectangle
        Rows and columns of the network's input.
    advance : callable
        Is called after each picture.

    Raises
    ------
    InputError
        If there is no picture.
    """
    outputs = []
    for shown in pictures:
        pixels = preprocess(shown.image, size)
        values = float_model.run(network, pixels, TRAINED_SLOPE)
        heads = {head: values[head] for head in HEADS}
        outline = (shown.image.height, shown.image.width)
        boxes = _boxes(network, heads, outline, size)
        outputs.append(TeacherOutput(shown.name, pixels, outline, heads, list(boxes)))
        advance()
    if not outputs:
        raise InputError("no picture to judge on")
    return outputs


def _boxes(
    network: FloatNetwork,
    heads: Mapping[str, npt.NDArray[np.floating]],
    picture_size: tuple[int, int],
    size: ImageSize,
) -> Sequence[Box]:
    """Boxes of a letterboxed picture."""
    found = find(heads, network.classes, picture_size, "letterbox", size, anchors=network.anchors)
    return found.boxes


def evaluate(
    network: FloatNetwork,
    slope: float,
    outputs: Sequence[TeacherOutput],
    advance: Callable[[], object] = lambda: None,
) -> Verdict:
    """Compare a network with its teacher.

    Parameters
    ----------
    network : FloatNetwork
        Tuned or not; in the teacher's channels.
    slope : float
        That it runs with.
    outputs : sequence of TeacherOutput
        Pictures that it was not tuned on.
    advance : callable
        Is called after each picture.
    """
    verdict = Verdict()
    for output in outputs:
        values = float_model.run(network, output.pixels, slope)
        size = image_size(*output.pixels.shape[-2:])
        for head in HEADS:
            truth = output.heads[head].astype(np.float64)
            verdict.signal[head] += float(np.square(truth).sum())
            verdict.noise[head] += float(np.square(values[head] - truth).sum())
        found = _boxes(network, values, output.picture_size, size)
        verdict.agreement += match(found, output.boxes).agreement
        verdict.pictures += 1
        advance()
    return verdict


def readable(folder: Path) -> tuple[tuple[Path, ...], dict[str, str]]:
    """List a folder's pictures that can be read; also say which cannot, and why.

    Raises
    ------
    InputError
        If there is no picture in it, or not one can be read.
    """
    pictures = Folder(folder)
    return tuple(shown.path for shown in pictures), pictures.unreadable


def check_apart(tuned_on: Sequence[Path], held_out: Sequence[Path]) -> None:
    """Refuse to judge on a file that the network is tuned on.

    Raises
    ------
    ConfigError
        Naming the first.
    """
    known = {path.resolve() for path in tuned_on}
    for path in held_out:
        if path.resolve() in known:
            raise ConfigError(f"{path}: the network is tuned on it: judge on another picture")
