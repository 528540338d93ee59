"""Memory files hold the integers that went in, for C and for Verilog."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from golden.export.memory_files import hex_lines, raw_bytes, write_hex, write_raw


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_raw_file_reads_back(width: int, tmp_path: Path, rng: np.random.Generator) -> None:
    half = 1 << (width - 1)
    ints = rng.integers(-half, half - 1, (3, 4, 5), endpoint=True)
    ints[0, 0, :2] = -half, half - 1
    path = tmp_path / "a" / "ints.bin"
    sha256 = write_raw(path, ints, width)
    assert np.array_equal(np.fromfile(path, f"<i{width // 8}").reshape(3, 4, 5), ints)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("width", [8, 13, 16, 40, 64])
def test_hex_file_reads_back(width: int, tmp_path: Path, rng: np.random.Generator) -> None:
    half = 1 << (width - 1)
    ints = rng.integers(-half, half - 1, (7, 9), endpoint=True)
    ints[0, :2] = -half, half - 1
    path = tmp_path / "ints.hex"
    write_hex(path, ints, width, "16 bits\nQ7.8")
    head, numbers = path.read_text().split("Q7.8\n")
    assert head == "// 16 bits\n// "
    found = [int(line, 16) for line in numbers.splitlines()]
    assert {len(line) for line in numbers.splitlines()} == {-(-width // 4)}
    assert found == [value % (1 << width) for value in ints.ravel().tolist()]


def test_what_does_not_fit_is_refused() -> None:
    for write in (raw_bytes, hex_lines):
        with pytest.raises(ValueError, match="-1 to 32768 do not fit 16 bits"):
            write([32768, -1], 16)
        with pytest.raises(ValueError, match="-129 to 0 do not fit 8 bits"):
            write([-129, 0], 8)
    with pytest.raises(ValueError, match="width 12"):
        raw_bytes([1], 12)
    with pytest.raises(ValueError, match="width 65"):
        hex_lines([1], 65)


def test_nothing_is_a_file_of_nothing() -> None:
    assert raw_bytes(np.zeros(0, np.int16)) == hex_lines(np.zeros(0, np.int16)) == b""
