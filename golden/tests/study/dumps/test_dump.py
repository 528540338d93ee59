"""Dumps of tensors: written whole, read back to the bit, and refused in one clear line."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from golden.config import InputError
from golden.study.dumps.dump import ABOUT, Dump, read_dump, write_dump

INTS: dict[str, npt.NDArray[Any]] = {
    "image": np.array([[[-32768, 32767]]], np.int16),
    "conv1": np.arange(12, dtype=np.int16).reshape(3, 2, 2),
    "file": np.array([[[5]]], np.int64),
}
FRACS = {"image": 14, "conv1": 0, "file": -2}


def test_integers_come_back_with_their_fraction_bits(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.npz"
    write_dump(path, Dump(INTS, FRACS, {"mode": "full", "size": 32}))
    dump = read_dump(path)
    assert list(dump.tensors) == list(INTS)
    for name, tensor in INTS.items():
        assert dump.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(dump.tensors[name], tensor)
    assert dump.fracs == FRACS
    assert dump.about == {"mode": "full", "size": 32}
    assert dump.real()["image"].tolist() == [[[-2.0, 2 - 2**-14]]]
    assert dump.real()["file"].item() == 20.0
    assert [file.name for file in path.parent.iterdir()] == ["run.npz"]


def test_floats_come_back_as_they_are(tmp_path: Path) -> None:
    values = np.array([[[0.1, -1e-30]]], np.float32)
    write_dump(tmp_path / "float.npz", Dump({"a": values}))
    dump = read_dump(tmp_path / "float.npz")
    assert dump.fracs is None
    assert dump.tensors["a"].dtype == np.float32
    assert dump.real()["a"].dtype == np.float64
    np.testing.assert_array_equal(dump.real()["a"], values.astype(np.float64))


def test_the_same_dump_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_dump(tmp_path / name, Dump(INTS, FRACS))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_a_dump_and_a_dump_reads_numpys(tmp_path: Path) -> None:
    write_dump(tmp_path / "ours.npz", Dump(INTS, FRACS))
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as seen:
        np.testing.assert_array_equal(seen["conv1"], INTS["conv1"])
        assert json.loads(str(seen[ABOUT]))["fracs"] == FRACS
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "theirs.npz", a=INTS["conv1"], b=np.full((1, 2, 3, 4), 0.5))
        foreign = read_dump(tmp_path / "theirs.npz")
        assert foreign.fracs is None and foreign.about == {}
        assert foreign.tensors["b"].shape == (2, 3, 4)
        assert foreign.real()["a"].max() == 11.0


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    path.write_text("before")
    with pytest.raises(InputError, match=r"run\.npz: what the run was cannot be written"):
        write_dump(path, Dump(INTS, FRACS, {"bad": float("nan")}))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("tensors", "fracs", "message"),
    [
        ({}, None, "no array is in it"),
        ({"a": np.zeros((2, 2))}, None, r"array a has shape \(2, 2\): \(C, H, W\) is wanted"),
        ({"a": np.zeros((0, 2, 2))}, None, r"array a has shape \(0, 2, 2\)"),
        ({"a": np.zeros((1, 1, 1), bool)}, None, "array a is bool: integers or floats"),
        ({"a": np.zeros((1, 1, 1), complex)}, None, "array a is complex128"),
        ({"a": np.full((1, 1, 1), np.nan)}, None, r"array a\[0, 0, 0\] is nan"),
        ({"a": INTS["file"]}, {}, "array a has no fraction bits"),
        ({"a": INTS["file"]}, {"a": 1, "b": 1}, "array b is missing"),
        ({"a": INTS["file"]}, {"a": 1.5}, "array a has 1.5 fraction bits"),
        ({"a": INTS["file"]}, {"a": 10**6}, "array a has 1000000 fraction bits"),
        ({"a": np.zeros((1, 1, 1))}, {"a": 1}, "array a is float64 and has fraction bits"),
    ],
)
def test_what_is_no_run_is_refused(tensors: Any, fracs: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Dump(tensors, fracs)


def refusal(path: Path) -> str:
    """The one line that reading `path` ends with."""
    with pytest.raises(InputError) as caught:
        read_dump(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text


def test_files_that_are_no_dump_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    assert "no such file" in refusal(path)
    for content in (b"", b"text", b"\x93NUMPY", b"PK\x03\x04"):
        path.write_bytes(content)
        assert "not an .npz file, or a damaged one" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no array")
    assert "array readme.txt cannot be read" in refusal(path)
    with zipfile.ZipFile(path, "w"):
        pass
    assert "no array is in it" in refusal(path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, good=INTS["conv1"], bad=np.array([{"code": 1}], object))
    assert "array bad cannot be read: Object arrays" in refusal(path)


def test_a_changed_byte_is_seen_and_its_array_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_dump(path, Dump(INTS, FRACS))
    good = path.read_bytes()
    at = good.index(INTS["conv1"].tobytes())
    path.write_bytes(good[:at] + b"\xff" + good[at + 1 :])
    assert "array conv1 cannot be read: Bad CRC-32" in refusal(path)


def test_damage_anywhere_is_one_line_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_dump(path, Dump(INTS, FRACS))
    good = path.read_bytes()
    for at in range(0, len(good), 11):
        for bad in (good[:at], good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :]):
            path.write_bytes(bad)
            try:
                read_dump(path)
            except InputError as error:
                assert "\n" not in str(error)


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<i2", "fortran_order": False, "shape": (1 << 20, 1 << 20, 1 << 10)}
    )
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("huge.npy", buffer.getvalue())
    assert "array huge cannot be read" in refusal(path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("no json", "is not what a dump has there"),
        ("[]", "is not what a dump has there"),
        ('{"schema": 2, "fracs": null, "about": {}}', "has schema 2, 1 is known"),
        ('{"schema": 1, "fracs": [1], "about": {}}', "is not what a dump has there"),
        ('{"schema": 1, "fracs": {"a": 9, "b": 9}, "about": {}}', "array b is missing"),
    ],
)
def test_what_stands_beside_the_arrays_is_checked(words: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=INTS["conv1"], **{ABOUT: np.array(words)})  # type: ignore[arg-type]
    assert message in refusal(path)
