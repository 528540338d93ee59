"""What a network is tuned on, and what it is judged on: never the same photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from golden.config import ConfigError
from golden.vision.datasets import PHOTOGRAPHS, Folder
from golden.vision.images import shipped

HELD_OUT: Final = ("camera.png", "motorcycle_left.png", "motorcycle_right.png")
"""Photographs that nothing is tuned on; the two motorcycles are one scene."""
TUNED_ON: Final = (
    *(name for name in PHOTOGRAPHS if name not in HELD_OUT),
    *("brick.png", "cell.png", "clock_motion.png", "coins.png", "color.png"),
    *("grace_hopper.jpg", "grass.png", "gravel.png", "horse.png", "moon.png", "page.png"),
    "text.png",
)
"""Photographs and drawings that a network is tuned on unless a folder is given."""


def shipped_paths(names: Sequence[str]) -> tuple[Path, ...]:
    """Find photographs that dependencies ship.

    Raises
    ------
    InputError
        If one is not installed.
    """
    return tuple(map(shipped, names))


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
