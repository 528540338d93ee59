"""The checksum CRC-32C (Castagnoli) of bytes, compiled."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.compiled import compiled

_POLYNOMIAL: Final = 0x82F63B78
"""Reflected: the lowest bit is the highest power."""


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C of some bytes.

    Source: RFC 3720, appendix B.4, whose examples these are.

    >>> hex(crc32c(bytes(32))), hex(crc32c(bytes(range(32))))
    ('0x8a9136aa', '0x46dd794e')
    """
    return int(_update(np.frombuffer(data, np.uint8), _TABLE))


def _table() -> npt.NDArray[np.uint32]:
    """What each byte does to a remainder of zero."""
    remainders = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        odd = (remainders & 1).astype(bool)
        remainders = np.where(odd, (remainders >> 1) ^ np.uint32(_POLYNOMIAL), remainders >> 1)
    return remainders


_TABLE: Final = _table()


@compiled
def _update(data: npt.NDArray[np.uint8], table: npt.NDArray[np.uint32]) -> Any:
    remainder = np.uint32(0xFFFFFFFF)
    for i in range(data.size):
        low = (remainder ^ data[i]) & np.uint32(0xFF)
        remainder = table[low] ^ (remainder >> np.uint32(8))
    return remainder ^ np.uint32(0xFFFFFFFF)
