"""Pictures to study a network on: a folder of them, or crops and flips of shipped photographs."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from golden.config import InputError
from golden.vision.images import load, shipped

PHOTOGRAPHS: Final = (
    *("astronaut.png", "camera.png", "chelsea.png", "china.jpg", "coffee.png", "flower.jpg"),
    *("hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "motorcycle_right.png"),
    *("retina.jpg", "rocket.jpg"),
)
"""Photographs that scikit-image and scikit-learn ship."""
SMALLEST_SIDE: Final = 0.5
"""A crop keeps at least this part of each side."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a study."""

    name: str
    """File name; of a view, with its number."""
    image: Image.Image
    """RGB."""
    path: Path
    """The file that it comes from."""


@dataclass(slots=True)
class Folder:
    """The pictures of a folder, read one at a time.

    Raises
    ------
    InputError
        If the folder cannot be read or holds no picture file.
    """

    path: Path
    files: tuple[Path, ...] = field(init=False)
    """Those with an ending that Pillow reads, by name."""
    unreadable: dict[str, str] = field(init=False, default_factory=dict)
    """Files that iterating could not read: file name, and why."""

    def __post_init__(self) -> None:
        try:
            self.files = tuple(sorted(file for file in self.path.iterdir() if is_picture(file)))
        except NotADirectoryError:
            raise InputError(f"{self.path}: a file; give the folder that holds it") from None
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}") from None
        if not self.files:
            raise InputError(f"{self.path}: no picture is in this folder")

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Sample]:
        """Yield every picture that can be read; note the others in `unreadable`.

        Raises
        ------
        InputError
            At the end, if not one could be read.
        """
        self.unreadable.clear()
        for file in self.files:
            try:
                image = load(file)
            except InputError as error:
                self.unreadable[_printable(file.name)] = _printable(str(error))
                continue
            yield Sample(_printable(file.name), image, file)
        if len(self.unreadable) == len(self.files):
            first = next(iter(self.unreadable.values()))
            raise InputError(
                f"{self.path}: none of {len(self.files)} pictures can be read: {first}"
            )


@dataclass(frozen=True, slots=True)
class Views:
    """Seeded crops and flips of photographs, in turn.

    View n is the same whatever `count` is. The first view of each photograph is the
    whole of it; the others keep half of each side or more, and are mirrored by a coin.
    """

    count: int
    seed: int = 1
    paths: Sequence[Path] = field(default_factory=lambda: tuple(map(shipped, PHOTOGRAPHS)))
    """The shipped photographs unless given."""

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        """Yield every view."""
        for number in range(self.count):
            yield self.view(number)

    def view(self, number: int) -> Sample:
        """Make view `number`, counted from 0."""
        turn, index = divmod(number, len(self.paths))
        path = self.paths[index]
        image = load(path)
        draw = random.Random(f"{self.seed}/{number}")
        if turn:
            width, height = (
                max(1, round(side * draw.uniform(SMALLEST_SIDE, 1))) for side in image.size
            )
            left = draw.randint(0, image.width - width)
            top = draw.randint(0, image.height - height)
            image = image.crop((left, top, left + width, top + height))
            if draw.random() < 0.5:
                image = ImageOps.mirror(image)
        return Sample(f"{path.stem} view {turn}", image, path)


Pictures = Folder | Views


def is_picture(path: Path) -> bool:
    """Whether a file's ending is one that Pillow reads; of a link to nothing too: it is missed."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    there = path.is_file() or (path.is_symlink() and not path.exists())
    return kind in Image.OPEN and not path.name.startswith(".") and there


def _printable(text: str) -> str:
    """Replace what a file name has that is no text."""
    return os.fsencode(text).decode("utf-8", "replace")


def study_pictures(
    folder: Path | None, count: int, seed: int, print_line: Callable[[str], None]
) -> Pictures:
    """Return a folder's pictures, or `count` views of the shipped photographs where none is given.

    Parameters
    ----------
    count, seed : int
        Of the views.
    print_line : callable
        Receives a line if the shipped photographs are used.
    """
    if folder is not None:
        return Folder(folder)
    print_line(
        f"no folder of pictures given: {count} seeded crops and flips of shipped photographs"
    )
    return Views(count, seed)
