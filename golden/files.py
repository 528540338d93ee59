"""Files and folders that are whole or not there, and their content's hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there at the end replaces `path` in one step.

    Where the block raises, `path` stays as it was. Its folder is made where missing.

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


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step, or leave what was there."""
    with whole_file(path) as scratch:
        scratch.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_folder(path: Path, earlier: Collection[str] = ()) -> Iterator[Path]:
    """Give a folder to fill; at the end it takes the place of `path` in one step.

    Where the block raises, `path` stays as it was. What is in an old folder is carried over,
    except what has the name of something new, and what is named as of an earlier time.

    Parameters
    ----------
    path : Path
        A folder, or nothing yet; the folder around it is made where missing.
    earlier : collection of str
        Names in the old folder that go.

    Yields
    ------
    Path
        An empty folder next to `path`.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        new = scratch / "new"
        new.mkdir()
        yield new
        _take_place(new, target, scratch / "old", earlier)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_place(new: Path, target: Path, old: Path, earlier: Collection[str]) -> None:
    """Put a folder where another may be; undo it all where a step fails."""
    carried: list[str] = []
    try:
        if target.exists():
            for name in sorted(entry.name for entry in target.iterdir()):
                if name not in earlier and not (new / name).exists():
                    (target / name).rename(new / name)
                    carried.append(name)
            target.rename(old)
        new.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        for name in carried:
            (new / name).rename(target / name)
        raise
