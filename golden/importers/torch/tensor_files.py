"""Files of named tensors: torch ``.pth`` and ``.pt``, and ``.safetensors``."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open

from golden.config import InputError
from golden.importers.file_kinds import READ, FileKind, file_kind, refusal
from golden.importers.text import printable

SAFETENSORS: Final = ".safetensors"
SUFFIXES: Final = (".pth", ".pt", SAFETENSORS)
"""Endings of a checkpoint."""
WANTED: Final = "a torch state dict (.pth, .pt) or a .safetensors"
_WORDS: Final = ("module", "model", "backbone", "_orig_mod", "net", "network", "ema", "student")
"""What wrappers of a network put ahead of every name."""
_WRAPPERS: Final = (
    *("state_dict", "model_state_dict", "model", "net", "network", "weights", "params"),
    *("ema", "model_ema", "ema_state_dict"),
)
"""Where training scripts keep the state dict in a larger dictionary."""
_CODES: Final = {
    **{torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"},
    **{torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8"},
    **{torch.uint8: "U8", torch.bool: "BOOL"},
}
"""The names of types in a ``.safetensors`` header."""
_SAFETENSORS_ALIGNMENT: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class TensorFile:
    """Named tensors, and what stands around them in their file."""

    tensors: dict[str, torch.Tensor]
    """In the file's order."""
    document: Any = None
    """All that a torch file holds; the metadata of a ``.safetensors``."""
    key: str = ""
    """Where in `document` the tensors are; empty where it is the tensors."""


def read_tensors(path: Path) -> TensorFile:
    """Read the named tensors of a torch or safetensors file; no code in it is run.

    Its first bytes say which it is, whatever its ending.

    Raises
    ------
    InputError
        If it cannot be read, is damaged, or holds anything but named tensors.
    """
    try:
        kind = file_kind(path)
        if kind is FileKind.SAFETENSORS:
            return _read_safetensors(path)
        if kind not in READ:
            raise refusal(path, kind, WANTED)
        if kind is FileKind.UNKNOWN and path.suffix.lower() == SAFETENSORS:
            return _read_safetensors(path)  # a damaged one
        return _read_torch(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def without_prefix(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors by the names that they have without `prefix_of`."""
    prefix = prefix_of(tensors)
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def prefix_of(tensors: Iterable[str]) -> str:
    """Return what wrappers put ahead of every name: ``module.``, ``model.backbone.``, or nothing.

    >>> prefix_of(["module.net.a.weight", "module.net.b.weight"]), prefix_of(["a.weight"])
    ('module.net.', '')
    """
    names, prefix = list(tensors), ""
    while names:
        word = names[0].removeprefix(prefix).partition(".")[0]
        longer = f"{prefix}{word}."
        if word not in _WORDS or not all(name.startswith(longer) for name in names):
            break
        prefix = longer
    return prefix


def tensor_bytes(path: Path, like: TensorFile, tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return the content of a file of tensors, in the format that the ending of `path` says.

    Parameters
    ----------
    like : TensorFile
        What to keep around the tensors: a torch file's other entries, metadata.
    tensors : mapping of str to torch.Tensor
        In the order to write.
    """
    if path.suffix.lower() == SAFETENSORS:
        return _safetensors_bytes(tensors, like.document if not like.key else None)
    document = copy.copy(like.document) if isinstance(like.document, dict) else {}
    inner = copy.copy(document[like.key]) if like.key else document
    for name in [name for name, value in inner.items() if name not in tensors]:
        del inner[name]
    inner.update(tensors)
    if like.key:
        document[like.key] = inner
    buffer = io.BytesIO()
    torch.save(document, buffer)
    return buffer.getvalue()


def _read_torch(path: Path) -> TensorFile:
    document = _load(path)
    key = ""
    if isinstance(document, dict) and not _is_state_dict(document):
        keys = [name for name in _WRAPPERS if _is_state_dict(document.get(name))]
        if len(keys) > 1:
            raise InputError(
                f"{path}: holds {len(keys)} state dicts ({', '.join(keys)}); save the one that is "
                "meant alone"
            )
        key = keys[0] if keys else ""
    inner = document[key] if key else document
    if not _is_state_dict(inner):
        if deep := _deeper(document):
            raise InputError(
                f"{path}: its named tensors are two keys deep, in {' and '.join(deep)}; save that "
                "state dict alone"
            )
        found = type(inner).__name__
        raise InputError(f"{path}: holds a {found}, not named tensors; save model.state_dict()")
    return TensorFile(dict(inner), document, key)


def _deeper(document: object) -> list[str]:
    """Where a dictionary in a dictionary is a state dict, as Python has it: ``['a']['b']``."""
    if not isinstance(document, dict):
        return []
    return [
        printable(f"[{outer!r}][{name!r}]")
        for outer, inner in document.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
        if _is_state_dict(value)
    ]


def _load(path: Path) -> Any:
    """Let torch read a file without running code from it."""
    damaged = InputError(f"{path}: not a torch file, or a damaged or truncated one")
    if zipfile.is_zipfile(path):
        _check_zip(path)  # torch does not compare its checksums
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code is None:
            raise damaged from None
        raise InputError(
            f"{path}: holds code ({code[1]}), which is not run; where that code is, save "
            "model.state_dict() alone: torch.save(model.state_dict(), 'weights.pth')"
        ) from None
    except RuntimeError as error:
        if "TorchScript" in str(error):
            raise InputError(
                f"{path}: holds a TorchScript program, which is not run; save model.state_dict()"
            ) from None
        raise damaged from None
    except OSError:
        raise
    except Exception:  # whatever damaged bytes lead the unpickler to
        raise damaged from None


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            member = file.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        member = "an entry"
    if member is not None:
        raise InputError(
            f"{path}: damaged: {printable(member)} has another checksum; fetch it again"
        )


def _is_state_dict(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(name, str) and torch.is_tensor(x) for name, x in value.items())
    )


def _read_safetensors(path: Path) -> TensorFile:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a safetensors file, or a damaged one: {reason}") from None
    with path.open("rb") as raw:
        length = int.from_bytes(raw.read(8), "little")
        header = json.loads(raw.read(length))
    return TensorFile({name: found[name] for name in header if name in found}, metadata)


def _safetensors_bytes(tensors: Mapping[str, torch.Tensor], metadata: Any) -> bytes:
    """Lay out header and data in the order given; the library's own writer sorts by name."""
    header: dict[str, Any] = {}
    if isinstance(metadata, dict) and all(isinstance(x, str) for x in metadata.values()):
        header["__metadata__"] = metadata
    data: list[bytes] = []
    start = 0
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        data.append(flat.numpy().tobytes())
        stop = start + len(data[-1])
        header[name] = {
            "dtype": _CODES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _SAFETENSORS_ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *data])
