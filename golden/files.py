"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; what stands there at the end replaces `path` in one step.

    Where the block raises, `path` stays as it was. Its folder is made where missing.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Path
        An empty file in the same folder, with the same ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Replace a text file in one step, or leave what was there."""
    with whole_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
