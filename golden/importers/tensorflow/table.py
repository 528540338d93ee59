"""The ``.index`` of a TensorFlow checkpoint: a sorted table of protocol buffers.

A table is a run of blocks, each with a kind and a checksum behind it, then a footer that says
where the block of block places lies. The message formats are ``BundleHeaderProto`` and
``BundleEntryProto`` of TensorFlow's ``tensor_bundle.proto``; only fields used here are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import google_crc32c

_MAGIC: Final = 0xDB4775248B80FB57
_FOOTER: Final = 48
_TRAILER: Final = 5
"""Bytes behind a block: its kind, then a checksum of both."""
_MASK_DELTA: Final = 0xA282EAD8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Kinds of a field."""
_SLICE: Final = b"\0"
"""What the key of a part of a tensor begins with; the whole has an entry of its own."""

Field = tuple[int, int | bytes]


class TableError(ValueError):
    """Bytes that are no table, or a damaged one; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says of itself.

    Parameters
    ----------
    shards : int
        Files of data.
    big_endian : bool
    """

    shards: int
    big_endian: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor: where it lies, and what it is.

    Parameters
    ----------
    dtype : int
        TensorFlow's number of the type.
    shape : tuple of int
    shard, offset, size : int
        File of data, and the bytes in it.
    checksum : int
        Masked CRC-32C of those bytes.
    sliced : bool
        Whether the tensor is kept in parts, elsewhere.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    sliced: bool


def read_index(data: bytes) -> tuple[Header, dict[str, Entry]]:
    """Read the header and every tensor's entry, sorted by name.

    Raises
    ------
    TableError
        If the bytes are not a table, or a damaged or truncated one.
    """
    try:
        records = list(_records(data))
        if not records or records[0][0]:
            raise TableError("it has no header")
        header = _header(records[0][1])
        whole = (record for record in records[1:] if not record[0].startswith(_SLICE))
        return header, {key.decode(): _entry(value) for key, value in whole}
    except (IndexError, UnicodeDecodeError):
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
    footer = data[-_FOOTER:]
    _, at = _place(footer, 0)
    places, _ = _place(footer, at)
    for _, value in _entries(_block(data, *places)):
        place, _ = _place(value, 0)
        yield from _entries(_block(data, *place))


def _place(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Read where a block lies, (start, bytes); return the position behind it too."""
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return (start, size), at


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
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        yield key, block[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read seven bits a byte, the lowest first; return the position behind them too."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(message: bytes) -> Iterator[Field]:
    """Yield number and content of each field of a message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise TableError(f"a field has the unknown kind {kind}")
        content = message[at : at + size]
        at += size
        yield number, content if kind == _BYTES else int.from_bytes(content, "little")


def _header(message: bytes) -> Header:
    fields = dict(_fields(message))
    return Header(_number(fields, 1), bool(_number(fields, 2)))


def _entry(message: bytes) -> Entry:
    fields = dict(_fields(message))
    shape = fields.get(2, b"")
    assert isinstance(shape, bytes)
    return Entry(
        dtype=_number(fields, 1),
        shape=tuple(_dimension(x) for number, x in _fields(shape) if number == 2),
        shard=_number(fields, 3),
        offset=_number(fields, 4),
        size=_number(fields, 5),
        checksum=_number(fields, 6),
        sliced=7 in fields,
    )


def _dimension(message: int | bytes) -> int:
    assert isinstance(message, bytes)
    return _number(dict(_fields(message)), 1)


def _number(fields: dict[int, int | bytes], number: int) -> int:
    value = fields.get(number, 0)
    assert isinstance(value, int)
    return value
