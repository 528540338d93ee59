"""Reads the tensors of a TensorFlow checkpoint: an ``.index``, and its data files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import google_crc32c
import numpy as np
import numpy.typing as npt

from golden.config import InputError
from golden.importers.tensorflow.table import Entry, TableError, masked, read_index

INDEX: Final = ".index"
META: Final = ".meta"
"""Ending of the graph that training writes beside a checkpoint; it is not read."""
_DATA: Final = re.compile(r"\.data-\d{5}-of-\d{5}$")
_BFLOAT16: Final = 14
_STRING: Final = 7
_TYPES: Final = {
    **{1: "f4", 2: "f8", 3: "i4", 4: "u1", 5: "i2", 6: "i1", 9: "i8", 10: "?"},
    **{_BFLOAT16: "u2", 17: "u2", 19: "f2", 22: "u4", 23: "u8"},
}
"""numpy's types by TensorFlow's numbers."""
_SHOWN: Final = 3

Tensors = dict[str, npt.NDArray[Any]]


def is_tf_checkpoint(path: Path) -> bool:
    """Whether a path means a TensorFlow checkpoint: by its ending, or as a prefix or folder."""
    try:
        if path.suffix in (INDEX, META) or _DATA.search(path.name):
            return True
        if path.is_dir():
            return any(path.glob(f"*{INDEX}"))
        return not path.exists() and Path(f"{path}{INDEX}").exists()
    except OSError:
        return False


def checkpoint_prefix(path: Path) -> Path:
    """Find the prefix that all files of a checkpoint share.

    Parameters
    ----------
    path : Path
        The prefix, its ``.index``, a file of its data, the ``.meta`` that training wrote, or a
        folder that holds one checkpoint. A ``.meta`` without a checkpoint of its own name
        stands for the one whose name goes on from there.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    if path.is_dir():
        return _only(path, sorted(path.glob(f"*{INDEX}")))
    name = _DATA.sub("", path.name)
    if path.suffix in (INDEX, META):
        name = path.stem
    prefix = path.with_name(name)
    if path.suffix == META and not _file(prefix, INDEX).exists():
        pattern = f"{_escaped(name)}.*{INDEX}"
        return _only(path, sorted(path.parent.glob(pattern)))
    return prefix


def read_tf_checkpoint(prefix: Path | str, wanted: Collection[str] = ()) -> Tensors:
    """Read every tensor of a checkpoint; each is held against its checksum.

    Parameters
    ----------
    prefix : Path or str
        See `checkpoint_prefix`.
    wanted : collection of str
        Tensors that have to be there.

    Returns
    -------
    dict of str to ndarray
        By name, sorted; types and shapes of the file, TensorFlow's order of axes: a
        convolution's weights are (KH, KW, I, O). bfloat16 becomes float32; a tensor of texts
        becomes its bytes as they are stored.

    Raises
    ------
    InputError
        If a file is missing, truncated or damaged, if index and data are not of one
        checkpoint, or if a wanted tensor is not there; the text names file and tensor.
    """
    base = checkpoint_prefix(Path(prefix))
    index = _file(base, INDEX)
    try:
        shards, big_endian, entries = read_index(_read(index, base))
    except TableError as error:
        raise InputError(f"{index}: not the index of a checkpoint: {error}") from None
    if big_endian:
        raise InputError(f"{index}: written by a big-endian machine, which is not supported")
    if missing := [name for name in wanted if name not in entries]:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InputError(f"{base}: missing: {', '.join(missing[:_SHOWN])}{more}")
    files = [_file(base, f".data-{i:05d}-of-{shards:05d}") for i in range(shards)]
    data = [(path, _read(path, base)) for path in files]
    return {name: _tensor(name, entry, data, index) for name, entry in entries.items()}


def checkpoint_files(prefix: Path) -> tuple[Path, ...]:
    """Return the files of a checkpoint, the index first.

    Raises
    ------
    InputError
        If the index is missing.
    """
    index = _file(prefix, INDEX)
    if not index.exists():
        raise InputError(f"{index} does not exist; a checkpoint is an {INDEX} and its .data")
    return (index, *sorted(prefix.parent.glob(f"{_escaped(prefix.name)}.data-*-of-*")))


def _file(prefix: Path, ending: str) -> Path:
    return prefix.with_name(prefix.name + ending)


def _escaped(name: str) -> str:
    """A name as a pattern that means itself."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _only(path: Path, found: list[Path]) -> Path:
    if len(found) == 1:
        return found[0].with_name(found[0].stem)
    if not found:
        raise InputError(f"{path}: no checkpoint ({INDEX} and .data) belongs to it")
    names = ", ".join(file.stem for file in found[:_SHOWN])
    raise InputError(f"{path}: {len(found)} checkpoints belong to it: give one, such as {names}")


def _read(path: Path, prefix: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    found = sorted(file.name for file in prefix.parent.glob(f"{_escaped(prefix.name)}.*"))
    others = f"; beside it: {', '.join(found[:_SHOWN])}" if found else ""
    raise InputError(
        f"{path} does not exist: a checkpoint is an {INDEX} and its .data, under one name{others}"
    )


def _tensor(
    name: str, entry: Entry, data: Sequence[tuple[Path, bytes]], index: Path
) -> npt.NDArray[Any]:
    """Cut one tensor out of the data."""
    if entry.sliced:
        raise InputError(f"{index}: {name} is kept in parts (a partitioned variable): unsupported")
    if entry.dtype not in _TYPES and entry.dtype != _STRING:
        raise InputError(f"{index}: {name} has TensorFlow's type {entry.dtype}: unsupported")
    if entry.shard >= len(data):
        raise InputError(f"{index}: {name} is in file {entry.shard} of {len(data)}: damaged")
    path, stored = data[entry.shard]
    stop = entry.offset + entry.size
    if stop > len(stored):
        raise InputError(
            f"{path}: {name} ends at byte {stop}, the file at {len(stored)}: truncated, or "
            f"of another checkpoint than {index.name}"
        )
    content = memoryview(stored)[entry.offset : stop]
    if entry.dtype == _STRING:
        return np.array(np.frombuffer(content, np.uint8))
    if masked(google_crc32c.value(bytes(content))) != entry.checksum:
        raise InputError(
            f"{path}: the checksum of {name} is wrong: damaged, or of another checkpoint than "
            f"{index.name}"
        )
    values: npt.NDArray[Any] = np.frombuffer(
        content, np.dtype(_TYPES[entry.dtype]).newbyteorder("<")
    )
    if values.size != int(np.prod(entry.shape)):
        raise InputError(f"{index}: {name} of shape {entry.shape} has {values.size} values")
    if entry.dtype == _BFLOAT16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return np.array(values.reshape(entry.shape))
