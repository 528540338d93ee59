"""The ``.index`` of a TensorFlow checkpoint: a sorted table of protocol buffers.

A table is a run of blocks, each with a kind and a checksum behind it, then a footer that says
where the block of block places lies. The message formats are ``BundleHeaderProto`` and
``BundleEntryProto`` of TensorFlow's ``tensor_bundle.proto``; only fields used here are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import google_crc32c

_MAGIC: Final = 0xDB4775248B80FB57
_FOOTER: Final = 48
_TRAILER: Final = 5
"""Bytes behind a block: its kind, then a checksum of both."""
_MASK_DELTA: Final = 0xA282EAD8
_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
"""Kinds of a field; of a number of fixed size, its bytes too."""
_SLICE: Final = b"\0"
"""What the key of a part of a tensor begins with; the whole has an entry of its own."""


class TableError(ValueError):
    """Bytes that are no table, or a damaged one; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor: where it lies, and what it is."""

    dtype: int
    """TensorFlow's number of the type."""
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    """File of data, and the bytes in it."""
    checksum: int
    """Masked CRC-32C of those bytes."""
    sliced: bool
    """Whether the tensor is stored in parts, elsewhere."""


def read_index(data: bytes) -> tuple[int, bool, dict[str, Entry]]:
    """Read the number of data files, whether they are big-endian, and all tensors by name, sorted.

    Raises
    ------
    TableError
        If the bytes are not a table, or a damaged or truncated one.
    """
    try:
        records = list(_records(data))
        if not records or records[0][0]:
            raise TableError("it has no header")
        header = dict(_fields(records[0][1]))
        whole = (record for record in records[1:] if not record[0].startswith(_SLICE))
        entries = {key.decode(): _entry(value) for key, value in whole}
        return header.get(1, 0), bool(header.get(2, 0)), entries
    except (IndexError, TypeError, UnicodeDecodeError):
        raise TableError("an entry is damaged") from None


def masked(checksum: int) -> int:
    """Return a checksum as it is stored: rotated, and moved by a constant.

    >>> hex(masked(0))
    '0xa282ead8'
    """
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield every key and value."""
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != _MAGIC:
        raise TableError("it does not end as one does: truncated, or another kind of file")
    (*_, start, size), _ = _varints(data[-_FOOTER:], 0, 4)
    for _, place in _entries(_block(data, start, size)):
        (start, size), _ = _varints(place, 0, 2)
        yield from _entries(_block(data, start, size))


def _block(data: bytes, start: int, size: int) -> bytes:
    stop = start + size
    if stop + _TRAILER > len(data) - _FOOTER:
        raise TableError("a block reaches beyond its end: truncated")
    stored = int.from_bytes(data[stop + 1 : stop + _TRAILER], "little")
    if masked(google_crc32c.value(data[start : stop + 1])) != stored:
        raise TableError(f"the checksum of the block at byte {start} is wrong: damaged")
    if data[stop]:
        raise TableError("its blocks are compressed, which no checkpoint's are")
    return data[start:stop]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block; a key shares its beginning with the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    at, key = 0, b""
    while at < end:
        (shared, own, size), at = _varints(block, at, 3)
        key = key[:shared] + block[at : at + own]
        at += own + size
        yield key, block[at - size : at]


def _varints(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Read numbers of seven bits a byte, the lowest first; return the position behind them too."""
    values = []
    for _ in range(count):
        value = shift = 0
        while data[at] >= 0x80:
            value |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        values.append(value | data[at] << shift)
        at += 1
    return values, at


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and content, int or bytes, of each field of a message."""
    at = 0
    while at < len(message):
        (tag,), at = _varints(message, at, 1)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            (value,), at = _varints(message, at, 1)
            yield number, value
        elif kind == _BYTES:
            (size,), at = _varints(message, at, 1)
            yield number, message[at : at + size]
            at += size
        elif kind in _FIXED:
            yield number, int.from_bytes(message[at : at + _FIXED[kind]], "little")
            at += _FIXED[kind]
        else:
            raise TableError(f"a field has the unknown kind {kind}")


def _entry(message: bytes) -> Entry:
    fields = dict(_fields(message))
    sides = (dict(_fields(side)) for number, side in _fields(fields.get(2, b"")) if number == 2)
    dtype, shard, offset, size, checksum = (fields.get(number, 0) for number in (1, 3, 4, 5, 6))
    shape = tuple(side.get(1, 0) for side in sides)
    return Entry(dtype, shape, shard, offset, size, checksum, sliced=7 in fields)
