"""The pictures and the network that a command runs on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.config import ConfigError
from tb.console import say

if TYPE_CHECKING:
    from golden.config import Slope
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.networks.yolov3_tiny.retune_patch import Retune
    from golden.vision.pictures import Pictures, Shown
    from golden.vision.placement import Fit

OneOrViews = Annotated[
    int,
    typer.Option("--views", min=0, help="Run on so many crops and flips of shipped photographs."),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pictures of a run."""

    pictures: tuple[Shown, ...] | Pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[Shown]:
        return iter(self.pictures)

    @property
    def unreadable(self) -> dict[str, str]:
        """Files that were skipped, and why; known after iterating."""
        return dict(getattr(self.pictures, "unreadable", {}))

    def to_dict(self) -> dict[str, Any]:
        """What JSON says of the pictures, after the run."""
        kind = type(self.pictures).__name__.lower()
        return {
            "kind": "picture" if kind == "tuple" else kind,
            "count": len(self) - len(self.unreadable),
            "unreadable": self.unreadable,
        }


def choose_pictures(
    image: Path | None, images: Path | None, views: int, seed: int, console: Console
) -> Chosen:
    """Return the picture named, a folder's, or views; the default photograph unless asked.

    Raises
    ------
    ConfigError
        If more than one is asked for.
    InputError
        If the picture or the folder cannot be read.
    """
    from golden.vision.images import default_image, load
    from golden.vision.pictures import Folder, Shown, Views

    if (image is not None) + (images is not None) + (views > 0) > 1:
        raise ConfigError("give one of --image, --images and --views")
    if images is not None:
        return Chosen(Folder(images))
    if views:
        say(console, f"{views} seeded crops and flips of photographs that dependencies ship")
        return Chosen(Views(views, seed))
    path = image or default_image()
    return Chosen((Shown(path.name, load(path), path),))


def say_unreadable(chosen: Chosen, console: Console) -> None:
    """Name the files that were skipped."""
    for name, why in chosen.unreadable.items():
        say(console, f"skipped {name}: {why}")


def parse_fit(text: str) -> Fit:
    """``letterbox`` or ``plain``.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if text == "letterbox":
        return "letterbox"
    if text == "plain":
        return "plain"
    raise ConfigError(f"fit {text}: choose letterbox or plain")


def network_facts(
    files: ModelFiles, retune: Retune, slopes: Iterable[Slope], console: Console
) -> dict[str, Any]:
    """Say which retuning patch fits each slope; return what JSON holds of the network.

    Raises
    ------
    InputError
        If the patch cannot be read, or belongs to another model.
    ConfigError
        If it is for another slope.
    """
    from golden.files import sha256_of
    from golden.networks.yolov3_tiny.retune_patch import fitting

    patches = {}
    for slope in slopes:
        patch = fitting(retune, files.sha256, slope)
        said = f"retuned by {patch.name}" if patch else "not retuned"
        say(console, f"slope {slope.value}: {said}")
        patches[slope.value] = sha256_of(patch) if patch else None
    return {"weights_sha256": files.sha256, "retune_sha256": patches}
