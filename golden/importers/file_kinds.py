"""What a file is, by its first bytes whatever its name: one table of kinds, and what to do."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from golden.config import InputError
from golden.importers.text import decoded

_HEAD_BYTES: Final = 8192
"""What is read of a file's beginning."""


class FileKind(Enum):
    """A kind of file: what it is in words, and how what is wanted comes out of it."""

    TORCH = "a torch file", ""
    SAFETENSORS = "a safetensors file", ""
    DARKNET = "Darknet weights", ""
    JSON = "a JSON document", ""
    TENSORFLOW_TABLE = "the index of a TensorFlow checkpoint", "its .data files belong beside it"
    TORCHSCRIPT = "a TorchScript program", "which is not run; save model.state_dict()"
    PICKLE = "a Python pickle", "which is not run; save model.state_dict() with torch.save"
    ONNX = "an ONNX model", "which is not read; export the state dict it was made of"
    TENSORFLOW_GRAPH = "a frozen TensorFlow graph", "which is not read; use its checkpoint"
    SAVED_MODEL = "a TensorFlow SavedModel", "which is not read; use its training checkpoint"
    TENSORFLOW_STATE = "a list of TensorFlow checkpoints", "which names them; give one's prefix"
    TFLITE = "a TensorFlow Lite model", "whose weights are rounded; use what it was made of"
    HDF5 = "an HDF5 (Keras) file", "which is not read; save the weights as safetensors"
    KERAS = "a Keras model", "which is not read; save the weights as safetensors"
    CAFFE = "a Caffe model", "which is not read; convert it to a torch state dict"
    CAFFE_TEXT = "a network in protobuf text", "which has no weights"
    COREML = "a Core ML model", "which is not read; use what it was made of"
    NCNN = "an ncnn description", "which is not read; use what it was made of"
    OPENVINO = "an OpenVINO description", "which is not read; use what it was made of"
    GGUF = "a GGUF file", "which is not read; use what it was made of"
    ENGINE = "a TensorRT or RKNN engine", "which is compiled; use what it was made of"
    NUMPY = "a NumPy array", "which is no model file"
    NUMPY_ZIP = "a NumPy archive", "which is not read; save its arrays as safetensors"
    MATLAB = "a MATLAB file", "which is not read; save its arrays as safetensors"
    CFG = "a Darknet description", "which has no weights; they are in its .weights"
    LFS = "a Git-LFS pointer, not the file itself", "run git lfs pull to fetch it"
    HTML = "an HTML page", "what a server answers in place of a file; download it again"
    XML = "an XML document", "as a server may answer in place of a file; download it again"
    ZIP = "a zip archive", "unpack it"
    ZIP_PART = "part of a zip archive or torch file", "damaged or cut short; download it again"
    TAR = "a tar archive", "unpack it"
    GZIP = "gzip-compressed", "unpack it (gunzip)"
    BZIP2 = "bzip2-compressed", "unpack it (bunzip2)"
    XZ = "xz-compressed", "unpack it (unxz)"
    ZSTD = "zstd-compressed", "unpack it (unzstd)"
    LZ4 = "lz4-compressed", "unpack it (unlz4)"
    SEVEN_ZIP = "a 7z archive", "unpack it"
    RAR = "a RAR archive", "unpack it"
    PICTURE = "a picture", "no model or text file"
    PDF = "a PDF document", "no model or picture"
    VIDEO = "a video", "no model or picture"
    PROGRAM = "a program or library", "no model or picture"
    TEXT = "a text file", "no model or picture"
    EMPTY = "an empty file", "damaged on its way; download or write it again"
    FOLDER = "a folder", "not a file"
    SPECIAL = "no regular file but a pipe, socket or device", "which is not read"
    UNKNOWN = "not of a known kind, or damaged", ""

    @property
    def words(self) -> str:
        """What the file is."""
        return self.value[0]

    @property
    def advice(self) -> str:
        """What comes of it; empty where a reader of the project takes the kind."""
        return self.value[1]


READ: Final = (
    FileKind.TORCH,
    FileKind.SAFETENSORS,
    FileKind.TORCHSCRIPT,
    FileKind.PICKLE,
    FileKind.UNKNOWN,
)
"""What the reader of named tensors takes: it finds more words for what it cannot read."""
_STARTS: Final = (
    (b"\x89HDF\r\n\x1a\n", FileKind.HDF5),
    (b"\x93NUMPY", FileKind.NUMPY),
    (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", FileKind.TORCH),
    (b"version https://git-lfs.github.com/spec/", FileKind.LFS),
    (b"version https://hawser.github.com/spec/", FileKind.LFS),
    (b"/annex/objects/", FileKind.LFS),
    (b"MATLAB 5.0 MAT-file", FileKind.MATLAB),
    (b"7767517\n", FileKind.NCNN),
    (b"7767517\r\n", FileKind.NCNN),
    *((mark, FileKind.GGUF) for mark in (b"GGUF", b"ggml", b"lmgg", b"tjgg", b"fmgg")),
    *((mark, FileKind.ENGINE) for mark in (b"ftrt", b"RKNN")),
    (b"\x1f\x8b", FileKind.GZIP),
    (b"BZh", FileKind.BZIP2),
    (b"\xfd7zXZ\x00", FileKind.XZ),
    (b"\x28\xb5\x2f\xfd", FileKind.ZSTD),
    (b"\x04\x22\x4d\x18", FileKind.LZ4),
    (b"7z\xbc\xaf\x27\x1c", FileKind.SEVEN_ZIP),
    (b"Rar!\x1a\x07", FileKind.RAR),
    (b"%PDF-", FileKind.PDF),
    (b"\x89PNG\r\n\x1a\n", FileKind.PICTURE),
    *(
        (mark, FileKind.PICTURE)
        for mark in (b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
    ),
    *((mark, FileKind.PROGRAM) for mark in (b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe")),
)
"""Kinds that their first bytes alone tell."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_TABLE_MAGIC: Final = 0xDB4775248B80FB57.to_bytes(8, "little")
"""The last bytes of a LevelDB table, which the index of a checkpoint is."""
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]")
_SAFETENSORS: Final = re.compile(rb".{8}\{\s*[\"}]", re.DOTALL)
_TEXTS: Final = (
    (r"<!doctype html|<html|<head|<body|<title", FileKind.HTML),
    (r"<\?xml[^<]*?>\s*(<!--.*?-->\s*)?<html|<\?xml[^<]*?>\s*<!doctype html", FileKind.HTML),
    (r"(<\?xml[^<]*?>\s*)?<net\s[^<]*name=", FileKind.OPENVINO),
    (r"<(\?xml|[a-z_]\w*[\s>:/]|!--)", FileKind.XML),
    (r"[{\[]\s*([\"{}\[\]\d-]|true|false|null)", FileKind.JSON),
    (r"([#;][^\n]*\n\s*)*\[(net|network|convolutional)\]", FileKind.CFG),
    (r"model_checkpoint_path\s*:", FileKind.TENSORFLOW_STATE),
    (
        r"([#][^\n]*\n\s*)*(name\s*:\s*[\"']|(layers?|node|graph|input_param)\s*\{)",
        FileKind.CAFFE_TEXT,
    ),
    (r"ir_version\s*:", FileKind.CAFFE_TEXT),
)
"""Texts by how they begin, after a byte order mark and blanks."""
_TEXT_FILES: Final = (
    *(FileKind.TEXT, FileKind.CFG, FileKind.JSON, FileKind.CAFFE_TEXT, FileKind.EMPTY),
    FileKind.UNKNOWN,
)
"""What may be a list of names or a description; their readers look closer."""
_HEADER_LIMIT: Final = 1000
"""More than any number in a Darknet header."""


def file_kind(path: Path) -> FileKind:
    """Tell what a file is; its name is not looked at, and of its content only the beginning.

    Raises
    ------
    InputError
        If it does not exist or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return FileKind.SAVED_MODEL if (path / "saved_model.pb").is_file() else FileKind.FOLDER
        if not stat.S_ISREG(mode):
            return FileKind.SPECIAL
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = file.seek(0, 2)
            file.seek(max(0, size - len(_TABLE_MAGIC)))
            tail = file.read()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if head.startswith(_ZIP):
        return _zip_kind(path)
    return content_kind(head, tail)


def content_kind(head: bytes, tail: bytes = b"") -> FileKind:
    r"""Tell what content that begins and ends so is; a zip archive is only that.

    >>> content_kind(b"\x1c\0\0\0TFL3\x14\0").words
    'a TensorFlow Lite model'
    """
    if not head:
        return FileKind.EMPTY
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(_ZIP):
        return FileKind.ZIP
    if head[4:8] == b"TFL3":
        return FileKind.TFLITE
    if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3" or head[8:12] == b"AVI ":
        pictures = (b"avif", b"heic", b"mif1", b"heix")
        return FileKind.PICTURE if head[8:12] in pictures else FileKind.VIDEO
    if (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or (head[:2] == b"BM" and b"\0" in head[:9]):
        return FileKind.PICTURE
    if head[257:262] == b"ustar":
        return FileKind.TAR
    if head[512:520] == _STARTS[0][0]:
        return FileKind.HDF5
    if tail == _TABLE_MAGIC:
        return FileKind.TENSORFLOW_TABLE
    if _SAFETENSORS.match(head) and int.from_bytes(head[:8], "little") < 1 << 32:
        return FileKind.SAFETENSORS
    if _PICKLE.match(head):
        return FileKind.PICKLE
    return _darknet(head) or _protobuf_kind(head) or _text_kind(head) or FileKind.UNKNOWN


def refusal(path: Path, kind: FileKind, wanted: str) -> InputError:
    """Say in a line what a file is, and what to give in its place."""
    advice = f", {kind.advice}" if kind.advice else ""
    return InputError(f"{path}: this is {kind.words}{advice}; give {wanted}")


def check_text_file(path: Path, wanted: str) -> None:
    """Refuse a file that is to be a text of a user's and is a web page, a pointer or binary.

    Raises
    ------
    InputError
        Naming what it is.
    """
    kind = file_kind(path)
    if kind not in _TEXT_FILES:
        helps = kind in (FileKind.LFS, FileKind.HTML, FileKind.XML)
        advice = kind.advice if helps else "not a text file"
        raise InputError(f"{path}: this is {kind.words}, {advice}; give {wanted}")


def _zip_kind(path: Path) -> FileKind:
    """A zip archive by what is in it; a damaged one may be a torch file cut short."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        with path.open("rb") as file:
            return FileKind.TORCH if b"data.pkl" in file.read(512) else FileKind.ZIP_PART
    if "data.pkl" in names:
        return FileKind.TORCHSCRIPT if "constants.pkl" in names else FileKind.TORCH
    if "config.json" in names and "metadata.json" in names:
        return FileKind.KERAS
    return FileKind.NUMPY_ZIP if names and all(x.endswith(".npy") for x in names) else FileKind.ZIP


def _darknet(head: bytes) -> FileKind | None:
    numbers = [int.from_bytes(head[at : at + 4], "little", signed=True) for at in (0, 4, 8)]
    if len(head) >= 16 and all(0 <= x < _HEADER_LIMIT for x in numbers) and any(numbers[:2]):
        return FileKind.DARKNET
    return None


def _protobuf_kind(head: bytes) -> FileKind | None:
    """Tell messages of protobuf apart by the numbers and contents of their first fields."""
    fields = list(_fields(head))[:4]
    if not fields:
        return None
    (number, wire, content), following = fields[0], fields[1:]
    second = following[0] if following else (0, 0, b"")
    if (number, wire) == (1, 0):  # a version, as ONNX, SavedModel and Core ML begin
        if second[0] == 2 and second[2][:1] in (b"\x0a", b"\x12") and not _worded(second[2]):
            return FileKind.SAVED_MODEL if content == b"\x01" else FileKind.COREML
        return FileKind.ONNX if second[0] in (2, 3, 4, 5, 6, 7, 8, 14) else None
    if (number, wire) == (1, 2):
        inner = list(_fields(content))[:2]
        if inner and inner[0][:2] == (1, 2) and _worded(inner[0][2]):
            return FileKind.TENSORFLOW_GRAPH
        if _worded(content) and second[0] in (2, 3, 4, 5, 8, 100) and second[1] != 5:
            return FileKind.CAFFE
    if (number, wire) == (100, 2):
        return FileKind.CAFFE
    return FileKind.ONNX if number in (7, 8) and wire == 2 and _is_opset(content, number) else None


def _is_opset(content: bytes, number: int) -> bool:
    """Whether a message is ONNX's graph (nodes first) or its set of operators."""
    inner = list(_fields(content))[:1]
    return bool(inner) and (inner[0][0] in (1, 2) and (number == 7 or inner[0][1] in (0, 2)))


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield a protobuf message's fields: number, wire type, content as far as it is there."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0 or number > 536_870_911 or wire not in (0, 1, 2, 5):
            return
        start = at
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 2:
            length, start = _varint(data, at)
            at = start + length
        else:
            at += 8 if wire == 1 else 4
        yield number, wire, data[start:at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    return 0, len(data)


def _worded(content: bytes) -> bool:
    """Whether a field's content is a name."""
    return bool(re.fullmatch(rb"[\x20-\x7e]*", content)) and len(content) < _HEAD_BYTES // 2


def _text_kind(head: bytes) -> FileKind | None:
    text = decoded(head)
    if text is None and len(head) == _HEAD_BYTES:
        cuts = (decoded(head[:-cut]) for cut in (1, 2, 3))  # in the middle of a character
        text = next((cut for cut in cuts if cut is not None), None)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n\f\v")
    for pattern, kind in _TEXTS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return kind
    controls = sum(not (x.isprintable() or x.isspace()) for x in text)
    return FileKind.TEXT if 20 * controls <= len(text) else None
