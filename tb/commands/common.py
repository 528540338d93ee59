"""What the commands share: options, the model and the pictures they run on, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from golden.config import ConfigError, LeakyPlace, NumberFormat, PoolPad, ProductMode, Slope
from golden.graph.image_size import ImageSize, parse_size
from tb.console import echo, progress, write_json

if TYPE_CHECKING:
    from golden.networks.yolov3_tiny.files.fetch import ModelFiles
    from golden.networks.yolov3_tiny.retune_patch import Retune
    from golden.vision import placement
    from golden.vision.datasets import Pictures, Sample


def _size_text(text: str | None) -> str | None:
    """Refuse what is no size before anything is read."""
    from golden.networks.yolov3_tiny.graph import check_size

    if text is not None:
        check_size(parse_size(text, "--size"))
    return text


Model = Annotated[
    Path | None,
    typer.Option(help="Darknet .weights, torch .pth or .safetensors; fetched unless given."),
]
Image = Annotated[
    Path | None, typer.Option("--image", help="Picture file; a shipped one unless given.")
]
Images = Annotated[
    Path | None,
    typer.Option(help="Folder of pictures; crops and flips of shipped photographs unless given."),
]
Folder = Annotated[Path | None, typer.Option("--images", help="Folder of pictures.")]
Views = Annotated[int, typer.Option(min=1, help="How many crops and flips.")]
OneOrViews = Annotated[
    int,
    typer.Option("--views", min=0, help="Run on so many crops and flips of shipped photographs."),
]
Fit = Annotated[str, typer.Option(help="letterbox or plain.")]
Size = Annotated[
    str | None,
    typer.Option(
        callback=_size_text,
        help="Rows and columns of the input, or width x height, 640x384: multiples of 32; what "
        "the model's .cfg says, or 416, unless given.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Integer that repeats every random choice.")]
RetuneOption = Annotated[
    str,
    typer.Option(
        "--retune", help="Retuning patch: shipped (used where it fits), none, or a file's path."
    ),
]
Mode = Annotated[ProductMode, typer.Option(help="What one product adds to a sum.")]
Format = Annotated[
    NumberFormat, typer.Option("--format", help="Fraction bits per layer, or 8 everywhere.")
]
SlopeOption = Annotated[Slope, typer.Option("--slope", help="Of the leaky rectifier.")]
Place = Annotated[LeakyPlace, typer.Option("--leaky-place", help="Activation and requantising.")]
Pad = Annotated[PoolPad, typer.Option("--pool-pad", help="Beyond the edge of the stride-1 pool.")]
ActWidth = Annotated[int, typer.Option("--act-bits", help="Bits of an activation, 8 or 16.")]
WeightWidth = Annotated[int, typer.Option("--weight-bits", help="Bits of a weight, 8 or 16.")]
Json = Annotated[Path | None, typer.Option("--json", help="File that takes the results.")]
Out = Annotated[Path, typer.Option("--out", help="Folder that takes the files.")]
Plots = Annotated[Path | None, typer.Option("--plots", help="Folder that takes the plots.")]


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """The pictures of a run."""

    pictures: tuple[Sample, ...] | Pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[Sample]:
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
    image: Path | None,
    images: Path | None,
    views: int,
    seed: int,
    console: Console,
    one: str = "--image",
) -> ChosenPictures:
    """Return the picture named, a folder's, or views; the default photograph unless asked.

    Raises
    ------
    ConfigError
        If more than one is asked for.
    InputError
        If the picture or the folder cannot be read.
    """
    from golden.vision.datasets import Folder, Sample, Views
    from golden.vision.images import default_image, load

    if (image is not None) + (images is not None) + (views > 0) > 1:
        raise ConfigError(f"give one of {one}, --images and --views")
    if images is not None:
        return ChosenPictures(Folder(images))
    if views:
        echo(console, f"{views} seeded crops and flips of photographs that dependencies ship")
        return ChosenPictures(Views(views, seed))
    path = image or default_image()
    return ChosenPictures((Sample(path.name, load(path), path),))


def print_unreadable(chosen: ChosenPictures, console: Console) -> None:
    """Name the files that were skipped."""
    for name, why in chosen.unreadable.items():
        echo(console, f"skipped {name}: {why}")


def parse_fit(text: str) -> placement.Fit:
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


def find_model(model: Path | None, console: Console) -> ModelFiles:
    """Find a model's files, and fetch them where none is named.

    Raises
    ------
    InputError
        If they cannot be read or fetched.
    """
    from golden.networks.yolov3_tiny.files.fetch import model_files
    from golden.networks.yolov3_tiny.files.reading import model_note

    files = model_files(model, print_line=lambda text: echo(console, text))
    if model is not None and (note := model_note(files)):
        echo(console, note)
    return files


def choose_size(text: str | None, files: ModelFiles, console: Console) -> ImageSize:
    """Return the size that a user gave, or else the model's own, which is said if it is another.

    Raises
    ------
    InputError
        If the model's description cannot be read.
    """
    from golden.networks.yolov3_tiny.files.own_size import size_beside
    from golden.networks.yolov3_tiny.graph import INPUT_SIZE

    if text is not None:
        return parse_size(text, "--size")
    size = size_beside(files.weights)
    if size is None or size == INPUT_SIZE:
        return INPUT_SIZE
    echo(console, f"image {size}, as the model says; --size gives another")
    return size


def choose_patch(
    files: ModelFiles, retune: str, slopes: Iterable[Slope], console: Console
) -> tuple[Retune, dict[str, Any]]:
    """Choose the retuning patch; print which file fits each slope; also return JSON's facts.

    Raises
    ------
    InputError
        If the patch cannot be read, or belongs to another model.
    ConfigError
        If it is for another slope.
    """
    from golden.files import sha256_of
    from golden.networks.yolov3_tiny.retune_patch import fitting, retune_choice

    choice, patches = retune_choice(retune), {}
    for slope in slopes:
        patch = fitting(choice, files.sha256, slope)
        words = f"retuned by {patch.name}" if patch else "not retuned"
        echo(console, f"slope {slope.value}: {words}")
        patches[slope.value] = sha256_of(patch) if patch else None
    return choice, {"weights_sha256": files.sha256, "retune_sha256": patches}


def write_comparison(
    paths: tuple[Path, Path],
    only: tuple[Sequence[str], Sequence[str]],
    layers: Sequence[Any],
    json: Path | None,
    console: Console,
) -> None:
    """Name the layers that one of two dumps lacks, and write JSON of the comparison."""
    for path, names in zip(paths, only, strict=True):
        if names:
            echo(console, f"only in {path}: {', '.join(names)}")
    document = {
        "kind": "dumps",
        "reference": str(paths[0]),
        "other": str(paths[1]),
        "only_reference": only[0],
        "only_other": only[1],
        "layers": layers,
    }
    write_json(json, document, console)


@contextmanager
def counted_steps(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar for work of so many steps; yield what is to be called after each."""
    with progress(console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
