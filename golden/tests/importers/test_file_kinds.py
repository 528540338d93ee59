"""A file is known by its first bytes, whatever its name."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from golden.config import InputError
from golden.importers.file_kinds import FileKind, check_text_file, file_kind, refusal


def field(number: int, content: bytes | int) -> bytes:
    """One field of a protobuf message."""

    def varint(value: int) -> bytes:
        low, rest = value & 0x7F, value >> 7
        return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def torch_file(document: object, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(document, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.weights"))
    return buffer.getvalue()


def numpy_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def header(*numbers: int) -> bytes:
    return np.array(numbers, "<i4").tobytes()


TENSORS = {"a.weight": torch.zeros(2)}
NODE = field(1, field(1, b"conv1") + field(2, b"Conv2D"))
GRAPH = field(1, field(1, b"x") + field(4, b"Conv"))
FILES = [
    (torch_file(TENSORS), FileKind.TORCH),
    (torch_file(TENSORS, legacy=True), FileKind.TORCH),
    (torch_file(TENSORS)[:400], FileKind.TORCH),
    (save(TENSORS), FileKind.SAFETENSORS),
    (header(0, 2, 0, 32013312, 0) + b"\x12\x34\x56\x78" * 9, FileKind.DARKNET),
    (header(0, 1, 0, 5), FileKind.DARKNET),
    (b'{"schema": 1}', FileKind.JSON),
    (b'\xef\xbb\xbf \n{"message": "Not Found"}', FileKind.JSON),
    (zipped("m/data.pkl", "m/constants.pkl", "m/code/x.py"), FileKind.TORCHSCRIPT),
    (pickle.dumps({"a": 1}), FileKind.PICKLE),
    (field(1, 8) + field(2, b"pytorch") + field(3, b"2.1") + field(7, GRAPH), FileKind.ONNX),
    (field(1, 3) + field(7, GRAPH), FileKind.ONNX),
    (field(1, 1) + field(2, b"backend") + field(7, GRAPH), FileKind.ONNX),
    (field(7, GRAPH) + field(1, 8), FileKind.ONNX),
    (field(8, field(2, 17)) + field(1, 8), FileKind.ONNX),
    (NODE + NODE, FileKind.TENSORFLOW_GRAPH),
    (field(1, field(1, b"input") + field(2, b"Placeholder")), FileKind.TENSORFLOW_GRAPH),
    (field(1, 1) + field(2, field(1, field(4, b"serve"))), FileKind.SAVED_MODEL),
    (field(1, 4) + field(2, field(1, field(1, b"image"))), FileKind.COREML),
    (field(1, b"CaffeNet") + field(100, field(1, b"conv1") + field(2, b"Conv")), FileKind.CAFFE),
    (field(1, b"VGG") + field(2, field(4, b"conv1")), FileKind.CAFFE),
    (field(100, field(1, b"conv1")), FileKind.CAFFE),
    (b"\x1c\0\0\0TFL3" + bytes(20), FileKind.TFLITE),
    (b"\x89HDF\r\n\x1a\n" + bytes(9), FileKind.HDF5),
    (bytes(512) + b"\x89HDF\r\n\x1a\n", FileKind.HDF5),
    (zipped("metadata.json", "config.json", "model.weights.h5"), FileKind.KERAS),
    (b"abc" * 9 + (0xDB4775248B80FB57).to_bytes(8, "little"), FileKind.TENSORFLOW_TABLE),
    (b'model_checkpoint_path: "model.ckpt-5"\n', FileKind.TENSORFLOW_STATE),
    (b'name: "VGG"\nlayer {\n  name: "conv1"\n}\n', FileKind.CAFFE_TEXT),
    (b"# made by hand\n[net]\nwidth=416\n", FileKind.CFG),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", FileKind.LFS),
    (b"\xef\xbb\xbf\r\n  <!DOCTYPE HTML>\n<html>", FileKind.HTML),
    (b"<HTML><body>404", FileKind.HTML),
    ("<html>".encode("utf-16"), FileKind.HTML),
    (b'<?xml version="1.0"?>\n<!DOCTYPE html><html>', FileKind.HTML),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', FileKind.XML),
    (b'<?xml version="1.0"?>\n<net name="yolo" version="11">', FileKind.OPENVINO),
    (b"7767517\n75 83\nInput data 0 1 data\n", FileKind.NCNN),
    (b"GGUF\x03\0\0\0", FileKind.GGUF),
    (numpy_file(), FileKind.NUMPY),
    (zipped("a.npy", "b.npy"), FileKind.NUMPY_ZIP),
    (zipped("readme.txt"), FileKind.ZIP),
    (tarred(), FileKind.TAR),
    (b"\x1f\x8b\x08\0", FileKind.GZIP),
    (b"BZh91AY&SY", FileKind.BZIP2),
    (b"\xfd7zXZ\x00\0\x04", FileKind.XZ),
    (b"\x28\xb5\x2f\xfd\x04", FileKind.ZSTD),
    (b"7z\xbc\xaf\x27\x1c\0\x04", FileKind.SEVEN_ZIP),
    (b"Rar!\x1a\x07\x01\0", FileKind.RAR),
    (b"%PDF-1.7\n", FileKind.PDF),
    (b"\x89PNG\r\n\x1a\n\0\0\0\r", FileKind.PICTURE),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", FileKind.PICTURE),
    (b"RIFF\x10\0\0\0WEBPVP8 ", FileKind.PICTURE),
    (b"\0\0\0\x20ftypisom", FileKind.VIDEO),
    (b"\x7fELF\x02\x01", FileKind.PROGRAM),
    (b"person\nbicycle\n", FileKind.TEXT),
    ("größe\n".encode("latin-1"), FileKind.TEXT),
    (b"", FileKind.EMPTY),
    (bytes(40), FileKind.UNKNOWN),
    (np.linspace(-1, 1, 99, dtype="<f4").tobytes(), FileKind.UNKNOWN),
]


@pytest.mark.parametrize(("content", "kind"), FILES)
@pytest.mark.parametrize("name", ["x.weights", "x.pth"])
def test_kind_is_told_under_any_name(
    tmp_path: Path, content: bytes, kind: FileKind, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert file_kind(path) is kind
    text = str(refusal(path, kind, "a model"))
    assert text.startswith(f"{path}: this is ") and text.endswith("; give a model")
    assert "\n" not in text


def test_folders_pipes_and_nothing_are_told(tmp_path: Path) -> None:
    assert file_kind(tmp_path) is FileKind.FOLDER
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    assert file_kind(tmp_path) is FileKind.SAVED_MODEL
    os.mkfifo(tmp_path / "pipe")
    assert file_kind(tmp_path / "pipe") is FileKind.SPECIAL  # and is not waited for
    with pytest.raises(InputError, match="does not exist"):
        file_kind(tmp_path / "none")


@pytest.mark.parametrize("cut", range(1, 40, 3))
@pytest.mark.parametrize("content", [content for content, _ in FILES[:20]])
def test_a_file_cut_short_is_no_error(tmp_path: Path, content: bytes, cut: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(content[:cut])
    file_kind(path)


@pytest.mark.parametrize(("content", "kind"), FILES[30:36])
def test_a_text_that_a_server_put_there_is_refused(
    tmp_path: Path, content: bytes, kind: FileKind
) -> None:
    path = tmp_path / "x.names"
    path.write_bytes(content)
    with pytest.raises(InputError, match=kind.words.split(",")[0]):
        check_text_file(path, "class names")
