"""Every layer's tensors of one run in an ``.npz`` file: written whole, read without pickle."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from golden.arithmetic.fixed import FloatArray, check_finite, dequantize
from golden.config import InputError
from golden.files import whole_file
from golden.graph.layers import Shape

SCHEMA: Final = 1
ABOUT: Final = "__about__"
"""Member with the fraction bits and what the run was, as JSON in a 0-dimensional string."""
MAX_FRAC: Final = 1000
"""Fraction bits that the range of a float64 has room for."""
_SUFFIX: Final = ".npy"
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, MemoryError),
    *(ValueError, TypeError, KeyError, RuntimeError, SyntaxError),
)
"""What zip archives and array headers raise when their bytes are not what they should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Dump:
    """The tensors of one run.

    Raises
    ------
    InputError
        A tensor is not (C, H, W) of finite numbers, or the fraction bits are not those of
        the tensors; the text names it.
    """

    tensors: dict[str, npt.NDArray[Any]]
    """(C, H, W). Integers or floats by node, in data-flow order."""
    fracs: dict[str, int] | None = None
    """Fraction bits of every tensor, all integers then; None: the values count as they are."""
    about: dict[str, Any] = field(default_factory=dict)
    """What the run was, as JSON holds it."""

    def __post_init__(self) -> None:
        if not self.tensors:
            raise InputError("no array is in it")
        for name, tensor in self.tensors.items():
            self._check(name, tensor)
        for name, frac in (self.fracs or {}).items():
            if name not in self.tensors:
                raise InputError(f"array {name} is missing, though its fraction bits are there")
            if isinstance(frac, bool) or not isinstance(frac, int) or abs(frac) > MAX_FRAC:
                raise InputError(f"array {name} has {frac!r} fraction bits: give an integer")

    def _check(self, name: str, tensor: npt.NDArray[Any]) -> None:
        if tensor.dtype.kind not in "iuf":
            raise InputError(f"array {name} is {tensor.dtype}: integers or floats are wanted")
        if tensor.ndim != 3 or not tensor.size:
            raise InputError(f"array {name} has shape {tensor.shape}: (C, H, W) is wanted")
        if tensor.dtype.kind == "f":
            check_finite(tensor, f"array {name}")
        if self.fracs is None:
            return
        if name not in self.fracs:
            raise InputError(f"array {name} has no fraction bits, though others have")
        if tensor.dtype.kind == "f":
            raise InputError(f"array {name} is {tensor.dtype} and has fraction bits")

    def real(self) -> dict[str, FloatArray]:
        """Return every tensor's values, (C, H, W).

        >>> Dump({"a": np.array([[[288]]], np.int16)}, {"a": 8}).real()["a"].item()
        1.125
        >>> Dump({"a": np.array([[[288]]], np.int16)}).real()["a"].item()
        288.0
        """
        if self.fracs is None:
            return {name: tensor.astype(np.float64) for name, tensor in self.tensors.items()}
        return {name: dequantize(self.tensors[name], self.fracs[name]) for name in self.tensors}


def check_fits(dump: Dump, name: str, shape: Shape, frac: int) -> None:
    """Refuse a dump's tensor that is not of a network's shape or fraction bits.

    Raises
    ------
    InputError
        Naming it.
    """
    found = dump.tensors[name].shape
    if found != shape:
        raise InputError(
            f"array {name} has shape {found}: the network has {shape}; "
            "give the size that the dump was made with"
        )
    if dump.fracs is not None and dump.fracs[name] != frac:
        raise InputError(
            f"array {name} has {dump.fracs[name]} fraction bits: the network has {frac}; "
            "give the options that the dump was made with"
        )


def write_dump(path: Path, dump: Dump) -> None:
    """Write a dump whole, or leave what was there.

    The same dump makes the same bytes. ``numpy.load`` reads the file too.

    Raises
    ------
    InputError
        If `about` cannot be JSON.
    """
    try:
        words = json.dumps(
            {"schema": SCHEMA, "fracs": dump.fracs, "about": dump.about}, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: what the run was cannot be written: {error}") from None
    members: dict[str, npt.NDArray[Any]] = {**dump.tensors, ABOUT: np.array(words)}
    with whole_file(path) as scratch, zipfile.ZipFile(scratch, "w", allowZip64=True) as archive:
        for name, array in members.items():
            with archive.open(zipfile.ZipInfo(name + _SUFFIX), "w", force_zip64=True) as member:
                npy.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_dump(path: Path) -> Dump:
    """Read a dump, or any ``.npz`` of plain arrays.

    Without the member that `write_dump` adds, values count as they are, and a batch of one,
    (1, C, H, W), loses its first axis.

    Raises
    ------
    InputError
        If the file is missing, damaged, no ``.npz``, holds pickled objects, or an array that
        is no tensor; the text names the file and the array.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = dict(_members(path, archive))
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except _DAMAGE:
        raise InputError(f"{path}: not an .npz file, or a damaged one") from None
    words = members.pop(ABOUT, None)
    fracs, about = (None, {}) if words is None else _about(path, words)
    if words is None:
        members = {name: _without_batch(array) for name, array in members.items()}
    try:
        return Dump(members, fracs, about)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _members(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Every array of an archive by its name."""
    for info in archive.infolist():
        name = info.filename.removesuffix(_SUFFIX)
        try:
            with archive.open(info) as member:
                array = npy.read_array(member, allow_pickle=False)
                member.read()  # to the end, where the checksum is compared
        except _DAMAGE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path}: array {name} cannot be read: {reason}") from None
        yield name, array


def _without_batch(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array[0] if array.ndim == 4 and array.shape[0] == 1 else array


def _about(path: Path, words: npt.NDArray[Any]) -> tuple[dict[str, int] | None, dict[str, Any]]:
    """The fraction bits, and what the run was."""
    try:
        found = json.loads(str(words[()]))
        schema, fracs, about = found["schema"], found["fracs"], found["about"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: array {ABOUT} is not what a dump has there") from None
    if schema != SCHEMA:
        raise InputError(f"{path}: array {ABOUT} has schema {schema!r}, {SCHEMA} is known")
    if not (fracs is None or isinstance(fracs, dict)) or not isinstance(about, dict):
        raise InputError(f"{path}: array {ABOUT} is not what a dump has there")
    return fracs, about
