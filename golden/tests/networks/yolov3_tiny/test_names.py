"""Class names out of a file."""

from pathlib import Path

import numpy as np
import pytest

from golden.config import InputError
from golden.graph.float_conv import FloatConv
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.networks.yolov3_tiny.files.names import read_names
from golden.networks.yolov3_tiny.files.reading import class_names
from golden.networks.yolov3_tiny.graph import VOC_CLASSES, head_channels


def names_of(folder: Path, content: bytes) -> tuple[str, ...]:
    path = folder / "own.names"
    path.write_bytes(content)
    return read_names(path)


@pytest.mark.parametrize(
    "content",
    [
        b"car\nbus\n",
        b"car\nbus",
        b"car\r\nbus\r\n\r\n",
        b"  car \n\tbus\t\n \n\n",
        b"\xef\xbb\xbfcar\nbus\n",
        "car\nbus\n".encode("utf-16"),
        "car\nbus\n".encode("utf-16-le"),
    ],
)
def test_names_are_read_in_any_usual_form(tmp_path: Path, content: bytes) -> None:
    assert names_of(tmp_path, content) == ("car", "bus")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"car\n\nbus\n", "line 2: blank"),
        (b"names:\n  0: person\n", "line 1: names: is YAML's"),
        (b"\ncar\nbus\n", "line 1: blank"),
        (b"car\nbus\ncar\n", "line 3: car is the name in line 1"),
        (b"", "holds no class name"),
        (b"\n \r\n", "holds no class name"),
        (b"car" * 100, "300 characters"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0\1", "not a text file"),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    with pytest.raises(InputError, match=text):
        names_of(tmp_path, content)


def test_a_name_never_moves_the_cursor(tmp_path: Path) -> None:
    names = names_of(tmp_path, b"a\x1b[2Jb\nc\rd\ne\x07\n\xe2\x80\xaef\n")
    assert names == (r"a\x1b[2Jb", r"c\x0dd", r"e\x07", r"\u202ef")


def names_of_heads(folder: Path, names: bytes | None, classes: int) -> tuple[str, ...]:
    weights, path = folder / "own.weights", folder / "own.names"
    if names is not None:
        path.write_bytes(names)
    channels = head_channels(classes)
    head = FloatConv("pred_1", np.zeros((channels, 1, 1, 1)), np.zeros(channels))
    files = ModelFiles(weights, None, path if names is not None else None, "", False)
    return class_names(files, {"pred_1": head})


@pytest.mark.parametrize("classes", [1, 3, 20, 80])
def test_own_names_are_as_many_as_the_classes(tmp_path: Path, classes: int) -> None:
    names = [f"class{i}" for i in range(classes)]
    assert names_of_heads(tmp_path, "\n".join(names).encode(), classes) == tuple(names)
    for wrong in (names[1:] or ["a", "b"], [*names, "one_more"]):
        with pytest.raises(InputError, match=rf"{len(wrong)} class names, but .* {classes} class"):
            names_of_heads(tmp_path, "\n".join(wrong).encode(), classes)


def test_voc_names_stand_in_for_20_classes_alone(tmp_path: Path) -> None:
    assert names_of_heads(tmp_path, None, 20) == VOC_CLASSES
    with pytest.raises(InputError, match="7 classes without names"):
        names_of_heads(tmp_path, None, 7)
