"""A model's parameters as files: floats, 8-bit codes for Verilog, and manifests."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.config import InputError
from golden.export.memory_files import code_lines
from golden.files import sha256_of, whole_folder
from golden.study.parameters.coding import Choice, Coded, coded
from golden.study.parameters.model_parameters import Parameter, ParameterFile, by_layer
from golden.study.parameters.sm8_errors import Sm8Errors, together

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
KIND: Final = "convpe extract"
"""What the manifest of an extraction calls itself."""
OTHERS: Final = "_others"
"""Folder of the tensors that are no layer's parameter."""
ORDER: Final = "the last axis is fastest"


def extract(
    source: ParameterFile,
    parameters: Iterable[Parameter],
    out: Path,
    choice: Choice,
    about: Mapping[str, Any] | None = None,
    force: bool = False,
    others: bool = True,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write a folder a layer and a manifest, which is returned; the folder is whole or not there.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those of `source` that are wanted, folded or not.
    out : Path
        A folder that is empty or not there.
    about : mapping of str, optional
        Further fields of the manifest, as JSON holds them.
    force : bool
        Replace an earlier extraction, and what has the name of something new. All else in the
        folder stays.
    others : bool
        Whether tensors that are no layer's parameter are kept too, as they are.
    step : callable
        Called after each tensor.

    Raises
    ------
    InputError
        If `out` is not empty and `force` was not given, or is no folder, or two names would
        become one.
    """
    layers = by_layer(parameters)
    folders = {layer: folder_name(layer) for layer in layers}
    _check_unique(folders)
    for several in layers.values():
        _check_unique({one.name: folder_name(one.part) for one in several})
    kept = source.others if others else {}
    _check_unique({name: folder_name(name) for name in kept})
    earlier = check_target(out, force)
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "source": {
            "kind": source.kind,
            "facenet": source.facenet,
            "files": [{"file": x.name, "sha256": sha256_of(x)} for x in source.files],
        },
        "mode": choice.mode.value,
        "order": ORDER,
        **(about or {}),
    }
    entries, errors, before = [], [], 0
    with whole_folder(out, earlier) as scratch:
        for layer, several in layers.items():
            tensors = []
            for parameter in several:
                one = coded(parameter, choice)
                tensors.append(_write(scratch / folders[layer], one))
                errors.append(one.errors)
                before += parameter.values.nbytes
                step()
            own = {"layer": layer, "order": ORDER, "tensors": tensors}
            _write_json(scratch / folders[layer] / MANIFEST, own)
            entries.append({"layer": layer, "folder": folders[layer], "tensors": tensors})
        manifest["totals"] = totals(errors, before)
        manifest["layers"] = entries
        manifest["others"] = [_keep(scratch, name, values) for name, values in kept.items()]
        _write_json(scratch / MANIFEST, manifest)
    return manifest


def totals(errors: list[Sm8Errors], before: int) -> dict[str, Any]:
    """Sum up tensors: counts, bytes before and after, errors."""
    joined = together(errors)
    return {
        "tensors": len(errors),
        "bytes_before": before,
        "bytes_after": joined.count,
        "compression": before / max(joined.count, 1),
        **joined.to_dict(),
    }


def check_target(out: Path, force: bool) -> tuple[str, ...]:
    """Refuse a folder that holds anything, unless forced.

    Returns what an earlier extraction left there, by the manifest's word: it may be replaced.

    Raises
    ------
    InputError
        If the folder is not empty, or is no folder.
    """
    if not out.exists():
        return ()
    if not out.is_dir():
        raise InputError(f"{out} is a file: give a folder")
    found = sorted(path.name for path in out.iterdir())
    if not found:
        return ()
    if not force:
        raise InputError(
            f"{out} is not empty (it holds {found[0]}): give another folder, or --force to replace "
            "an earlier extraction"
        )
    try:
        old = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if old["kind"] != KIND:
            return ()
        return (MANIFEST, OTHERS, *(str(layer["folder"]) for layer in old["layers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def folder_name(layer: str) -> str:
    """Turn a name into that of a file: slashes into dots.

    >>> folder_name("InceptionResnetV1/Block8/Branch_0"), folder_name(".."), folder_name("a b:0")
    ('InceptionResnetV1.Block8.Branch_0', '_..', 'a_b_0')
    """
    name = re.sub(r"[^\w.+-]", "_", layer.replace("/", "."), flags=re.ASCII)
    return f"_{name}" if name.startswith((".", "_")) or name == MANIFEST else name


def _check_unique(folders: Mapping[str, str]) -> None:
    owners: dict[str, str] = {}
    for layer, folder in folders.items():
        if folder in owners:
            raise InputError(f"{owners[folder]} and {layer} would both be written to {folder}")
        owners[folder] = layer


def _write(folder: Path, one: Coded) -> dict[str, Any]:
    """Write a tensor's three files; return its entry in the manifest."""
    parameter = one.parameter
    stem = folder_name(parameter.part)
    written = {
        "values": _save(folder / f"{stem}.npy", _npy(parameter.values)),
        "bits": _save(folder / f"{stem}.bits", code_lines(one.codes, "bits")),
        "hex": _save(folder / f"{stem}.hex", code_lines(one.codes, "hex")),
    }
    return {
        "name": parameter.name,
        "sources": list(parameter.sources or [parameter.name]),
        "role": parameter.role,
        "shape": list(parameter.values.shape),
        "axes": parameter.axes,
        "type": str(parameter.values.dtype),
        "format": f"SM8({one.n})",
        "fraction_bits": one.n,
        "scale": 2.0**-one.n,
        "mode": one.mode.value,
        **one.errors.to_dict(),
        "files": written,
    }


def _keep(scratch: Path, name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    """Write a tensor that is no layer's parameter; return its entry in the manifest."""
    file = f"{OTHERS}/{folder_name(name)}.npy"
    saved = _save(scratch / file, _npy(values))
    shape, kind = list(values.shape), str(values.dtype)
    return {"name": name, "shape": shape, "type": kind, **saved, "file": file}


def _npy(values: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _save(path: Path, content: bytes) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"file": path.name, "sha256": _sha256(content)}


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
