"""Memories read back: every layout, and one clear line for each kind of damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import ConfigError, InputError
from golden.export.memory_files import write_hex, write_raw
from golden.study.dumps.dump import Dump, write_dump
from golden.study.dumps.memory_dump import Layout, read_memory, read_run

SHAPE = (5, 2, 3)
TENSOR = np.random.default_rng(4).integers(-128, 128, SHAPE).astype(np.int16)
LAYOUTS = [
    Layout(order, bits, lanes, ends)
    for order in ("chw", "hwc", "pe")
    for bits in (8, 16)
    for lanes in (1, 4)
    for ends in ("little", "big")
]


def words(tensor: Int16Array, layout: Layout) -> npt.NDArray[np.int64]:
    """A tensor's values as a memory holds them, word by word, by the plainest loops."""
    channels, rows, columns = tensor.shape
    lanes = layout.lanes
    groups = range(0, channels, lanes)
    pixels = [(row, column) for row in range(rows) for column in range(columns)]
    if layout.order == "chw":
        flat = [int(value) for value in tensor.reshape(-1)]
    else:
        if layout.order == "hwc":
            places = [(group, pixel) for pixel in pixels for group in groups]
        else:
            places = [(group, pixel) for group in groups for pixel in pixels]
        flat = [
            int(tensor[group + lane][pixel]) if group + lane < channels else 0
            for group, pixel in places
            for lane in range(lanes)
        ]
    flat += [0] * (-len(flat) % lanes)
    return np.array(flat).reshape(-1, lanes)


def hex_text(tensor: Int16Array, layout: Layout) -> str:
    lines = []
    for word in words(tensor, layout):
        ordered = reversed(word) if layout.lane_order == "little" else word
        mask, digits = (1 << layout.bits) - 1, layout.bits // 4
        lines.append("_".join(f"{int(value) & mask:0{digits}x}" for value in ordered))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_layout_is_read_back(layout: Layout, tmp_path: Path) -> None:
    text, raw = tmp_path / "a.hex", tmp_path / "a.bin"
    text.write_text("// from a board\n@100\n/* two\nlines */ " + hex_text(TENSOR, layout))
    ordered = words(TENSOR, layout)
    ordered = ordered[:, ::-1] if layout.lane_order == "big" else ordered
    raw.write_bytes(ordered.astype(f"<i{layout.bits // 8}").tobytes())
    for path in (text, raw):
        assert np.array_equal(read_memory(path, SHAPE, layout), TENSOR)


def test_files_of_quantize_and_arrays_are_read(tmp_path: Path) -> None:
    write_hex(tmp_path / "a.mem", TENSOR, about="conv1")
    write_raw(tmp_path / "a.raw", TENSOR)
    np.save(tmp_path / "a.npy", TENSOR.astype(np.int64))
    for ending in ("mem", "raw", "npy"):
        assert np.array_equal(read_memory(tmp_path / f"a.{ending}", SHAPE, Layout()), TENSOR)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0001\n00zz\n", "line 2: 00zz is an unknown value"),
        ("0001\nxxxx\n", "line 2: xxxx is an unknown value"),
        ("0001 // one\n\n0x10\n", "line 3: 0x10 is no hex number: leave 0x away"),
        ("hello\n", "line 1: hello is no hex number"),
        ("/* open\n0001\n", r"line 1: /\* is no hex number"),
        ("0001\n12345\n", "line 2: 12345 has more than 16 bits, 1 x 16"),
        ("@0\n1\n@5\n2\n", "line 4: address 5 comes early, 1 is next"),
        ("@5\n1 2\n@5\n3\n", "line 4: address 5 comes again, 7 is next"),
        ("@q\n1\n", "line 1: @q is no address"),
        ("1 2 3\n", "3 words of 1 x 16 bits are in it: 5x2x3 in layout chw takes 30"),
        ("", "0 words of 1 x 16 bits"),
    ],
)
def test_a_damaged_hex_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.hex").write_text(text)
    with pytest.raises(InputError, match=f"a\\.hex: {message}"):
        read_memory(tmp_path / "a.hex", SHAPE, Layout())


def test_what_is_no_memory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"123")
    (tmp_path / "a.hex").write_bytes(b"\xff\xfe")
    (tmp_path / "a.npy").write_bytes(b"no array")
    np.save(tmp_path / "b.npy", TENSOR[1:])
    np.save(tmp_path / "c.npy", TENSOR.astype(np.int32) + 70_000)
    (tmp_path / "a.txt").write_text("1")
    for name, message in (
        ("a.bin", "3 bytes are no whole number of values"),
        ("a.hex", "not a text of hex digits"),
        ("a.npy", "no array"),
        ("b.npy", r"integers \(5, 2, 3\) are wanted"),
        ("c.npy", "a value is beyond 16 bits"),
        ("a.txt", "give a file that ends in one of .hex"),
        ("no.hex", "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            read_memory(tmp_path / name, SHAPE, Layout())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"order": "wch"}, "layout wch: choose one of chw, hwc, pe"),
        ({"bits": 12}, "bits 12: choose one of 8, 16"),
        ({"lanes": 0}, "lanes 0"),
        ({"lane_order": "middle"}, "lane order middle"),
    ],
)
def test_a_layout_that_is_none(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Layout(**fields)  # type: ignore[arg-type]


def test_a_run_is_a_folder_or_named_files_or_an_npz(tmp_path: Path) -> None:
    shapes = {"image": (3, 4, 4), "conv1": SHAPE, "conv2": SHAPE}
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(InputError, match=r"no \.hex, \.mem"):
        read_run(folder, shapes, Layout())
    write_hex(folder / "conv2.hex", -TENSOR)
    write_raw(folder / "conv1.bin", TENSOR)
    np.save(folder / "input.npy", TENSOR)  # what make sim keeps there is no layer
    found = read_run(folder, shapes, Layout())
    assert list(found.tensors) == ["conv1", "conv2"] and found.fracs is None
    named = read_run({"conv2": folder / "conv1.bin"}, shapes, Layout())
    assert np.array_equal(named.tensors["conv2"], TENSOR)
    write_dump(tmp_path / "a.npz", Dump({"conv1": TENSOR}, {"conv1": 8}))
    assert read_run(tmp_path / "a.npz", shapes, Layout()).fracs == {"conv1": 8}
    write_hex(folder / "conv1.hex", TENSOR)
    with pytest.raises(InputError, match=r"conv1\.hex and conv1\.bin are one layer's"):
        read_run(folder, shapes, Layout())
    (folder / "conv1.hex").rename(folder / "conv9.hex")
    with pytest.raises(
        InputError,
        match=r"conv9 is no layer: did you mean conv2 or conv1. choose image, conv1 or conv2",
    ):
        read_run(folder, shapes, Layout())
