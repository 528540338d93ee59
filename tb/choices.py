"""Values that users give in words, checked and read."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Final

from golden.config import ConfigError, nearest, offer

DEFAULT_CLOCK: Final = "200MHz"


UNITS: Final = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}


def choose(name: str, value: str, choices: Iterable[str], where: str = "") -> str:
    """Return `value` if it is one of `choices`; `where` says where many of them are listed.

    Raises
    ------
    ConfigError
        Otherwise; the text names the choices, those that are like `value` first.

    Examples
    --------
    >>> choose("SIM", "icarus", ["verilator", "icarus"])
    'icarus'
    """
    known = list(choices)
    if value not in known:
        raise ConfigError(f"{name}={value}: {offer(value, known, where)}")
    return value


def parse_array(text: str) -> tuple[int, int]:
    """Lanes from their usual notation.

    Raises
    ------
    ConfigError
        If it is not two lane counts.

    Examples
    --------
    >>> parse_array("16x8")
    (16, 8)
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    lanes = (int(match[1]), int(match[2])) if match else (0, 0)
    if any(count not in (2, 4, 8, 16, 32, 64) for count in lanes):
        raise ConfigError(
            f"ARRAY={text}: give input lanes x output lanes, each 2, 4, 8, 16, 32 or 64: 16x16"
        )
    return lanes


def parse_natural(name: str, text: str) -> int:
    """An integer of 0 or more.

    Raises
    ------
    ConfigError
        If it is not one.
    """
    if not re.fullmatch(r"\d{1,9}", text):
        raise ConfigError(f"{name}={text}: give an integer from 0 to 999999999")
    return int(text)


def parse_jobs(text: str) -> range:
    """Job numbers from ``3``, or from ``3-5`` for those from the first to the last.

    Raises
    ------
    ConfigError
        If it is neither.

    Examples
    --------
    >>> parse_jobs("3"), parse_jobs("3-5")
    (range(3, 4), range(3, 6))
    """
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise ConfigError(f"JOB={text}: give a job's number, 3, or the first and the last, 3-5")
    return range(first, last + 1)


def parse_clock(text: str) -> float:
    """Clocks a second from a number with its unit.

    Raises
    ------
    ConfigError
        If it is not one, or not above zero.

    Examples
    --------
    >>> parse_clock("200MHz"), parse_clock("1.5GHz")
    (200000000.0, 1500000000.0)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([kMG]?Hz)", text)
    clock = float(match[1]) * UNITS[match[2]] if match else 0.0
    if clock <= 0:
        raise ConfigError(f"CLOCK={text}: give a frequency in Hz, kHz, MHz or GHz: {DEFAULT_CLOCK}")
    return clock


if __name__ == "__main__":  # the Makefile asks: a word, then the names that there are
    close = nearest(sys.argv[1], sys.argv[2:], 1)
    sys.stdout.write("".join(f"did you mean {each}? " for each in close))
