"""The file of the network that is drawn from a seed, made once and kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save_file

import golden
from golden.facenet.seeded import SEED, seeded
from golden.facenet.table import facenet
from golden.files import whole_file
from golden.models.facenet_names import tensors_of

_SOURCES: Final = ("facenet/seeded.py", "facenet/table.py", "graph/floats.py", "models/fold.py")
"""What the numbers depend on, in the package `golden`."""


def seeded_file(folder: Path) -> Path:
    """Return the file of the network that `SEED` gives, drawn in some seconds where it is not.

    Parameters
    ----------
    folder : Path
        Keeps the file, 94 MB.

    Returns
    -------
    Path
        A ``.safetensors`` file in the torch model's names.
    """
    path = folder / f"facenet-seed{SEED}-{_key()}.safetensors"
    if not path.is_file():
        structure = facenet()
        found = tensors_of(structure, seeded(structure).convs, "torch")
        tensors = {name: np.ascontiguousarray(x, np.float32) for name, x in found.items()}
        with whole_file(path) as scratch:
            save_file(tensors, scratch)
    return path


def _key() -> str:
    """Hash of the sources that draw the network."""
    folder = Path(golden.__file__).parent
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]
