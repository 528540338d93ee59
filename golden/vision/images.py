"""Photographs: reading, fitting to the network, and those that ship with a dependency."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from golden.config import InputError
from golden.graph.image_size import ImageSize, sides
from golden.importers.file_kinds import FileKind, file_kind
from golden.vision.placement import Fit, placement

Pixels = npt.NDArray[np.float32]

CALIBRATION = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_right.png", "rocket.jpg")
"""Photographs that the fraction bits are chosen on."""
DEFAULT = "motorcycle_left.png"
"""The photograph that runs when none is named."""
_PACKAGES = {
    "skimage": "data",
    "sklearn": "datasets/images",
    "matplotlib": "mpl-data/sample_data",
}
_GREY = 128
MOST_PIXELS = 89_478_485
"""A larger picture is refused: Pillow's own limit, 256 MiB of RGB."""
_TOO_LARGE = f"more than {MOST_PIXELS:,} are not read; give a smaller copy"

# Some of its readers log before they raise: what they raise is enough.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def shipped(name: str) -> Path:
    """Find a photograph inside the installed scikit-image, scikit-learn or matplotlib.

    Raises
    ------
    InputError
        If the photograph is in none of them.
    """
    for package, subfolder in _PACKAGES.items():
        found = find_spec(package)
        for folder in (found.submodule_search_locations if found else None) or []:
            path = Path(folder) / subfolder / name
            if path.is_file():
                return path
    raise InputError(
        f"photograph {name} is not there: install scikit-image and scikit-learn, or give a picture"
    )


def default_image() -> Path:
    """Find the photograph that runs when none is named."""
    return shipped(DEFAULT)


def calibration_images() -> list[Path]:
    """Find the photographs that the fraction bits are chosen on."""
    return [shipped(name) for name in CALIBRATION]


def load(path: Path) -> Image.Image:
    """Read a picture as 8-bit RGB, upright.

    Grey becomes three equal channels, 16-bit values lose their low byte, what is
    transparent lies on white, and the camera's orientation is applied.

    Raises
    ------
    InputError
        If the file is missing, no picture, damaged, larger than `MOST_PIXELS`, or of a kind
        without brightness.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that is no error, and of large pictures
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:  # before its pixels are decoded
                    raise InputError(f"{path}: {image.width}x{image.height} pixels: {_TOO_LARGE}")
                image.load()
                return _rgb(ImageOps.exif_transpose(image), path)
    except InputError:
        raise
    except FileNotFoundError:
        why = "a link to a file that is not there" if path.is_symlink() else "no such picture"
        raise InputError(f"{path}: {why}") from None
    except UnidentifiedImageError:
        raise _no_picture(path) from None
    except Image.DecompressionBombError:
        raise InputError(f"{path}: {_TOO_LARGE}") from None
    except Exception as error:  # Pillow's readers raise what they like on damaged bytes
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(
            f"{path}: the picture cannot be read: {reason or type(error).__name__}"
        ) from None


def _no_picture(path: Path) -> InputError:
    kind = file_kind(path)
    what = "" if kind in (FileKind.UNKNOWN, FileKind.PICTURE) else f"; this is {kind.words}"
    return InputError(f"{path}: not a picture that Pillow can read{what}")


def _rgb(image: Image.Image, path: Path) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise InputError(f"{path}: a picture of floats has no known white; save it with 8 bits")
    if "A" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def preprocess(image: Image.Image, size: ImageSize, fit: Fit = "letterbox") -> Pixels:
    """Fit a picture to the network: float32 (3, H, W), red, green, blue, 0 to 1.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    size : int or Rectangle
        Rows and columns wanted.
    fit : str
        ``letterbox`` keeps the shape and fills the rest with grey; ``plain`` stretches.

    >>> preprocess(Image.new("RGB", (2, 1), (255, 0, 0)), 4)[:, :, 0].round(2).tolist()
    [[0.5, 1.0, 1.0, 0.5], [0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, 0.5]]
    """
    place = placement((image.height, image.width), size, fit)
    height, width = sides(size)
    canvas = Image.new("RGB", (width, height), (_GREY, _GREY, _GREY))
    fitted = image.resize((place.width, place.height), Image.Resampling.BILINEAR)
    canvas.paste(fitted, (place.left, place.top))
    pixels = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
