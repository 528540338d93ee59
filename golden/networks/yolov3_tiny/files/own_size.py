"""The image's size that a model's own files say; read without torch, before anything slow."""

from __future__ import annotations

from pathlib import Path

from golden.config import ConfigError, InputError
from golden.export.reader import manifest_size
from golden.graph.image_size import ImageSize
from golden.networks.yolov3_tiny.files import cfg
from golden.networks.yolov3_tiny.files.fetch import model_format
from golden.networks.yolov3_tiny.graph import check_size


def size_beside(model: Path) -> ImageSize | None:
    """Return the image's size that a manifest, or the ``.cfg`` beside a model, says.

    None: they say none, or are not there.

    Raises
    ------
    InputError
        If they cannot be read, or the network does not run on that size.
    """
    if not model.is_file():
        return None
    if model_format(model) == "integers":
        return manifest_size(model)
    own = model.with_suffix(".cfg")
    size = cfg.read_description(own).size if own.is_file() else None
    if size is None:
        return None
    try:
        check_size(size)
    except ConfigError as error:
        raise InputError(f"{own} [net]: {error}; or give SIZE= (--size)") from None
    return size
