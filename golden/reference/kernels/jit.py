"""How the kernels are compiled, and when their machine code is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

SOURCES: Final = ("conv_sums.py", "jit.py", "lanes.py", "maps.py")
"""Files that the machine code is made of."""

_Function = TypeVar("_Function", bound=Callable[..., object])


def stamp(folder: Path) -> str:
    """Digest of the sources in `folder`."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


_STAMP: Final = stamp(Path(__file__).parent)


def compiled(function: _Function) -> _Function:
    """Compile on first call; keep the machine code where a cache folder can be written.

    numba keeps it until the function's own file changes. But it holds what the function calls
    too, so that here a change of any of the `SOURCES` counts.
    """
    try:
        made: Any = numba.njit(cache=True)(function)
    except RuntimeError:  # no folder can be written
        return cast(_Function, numba.njit(function))
    index: Any = getattr(made._cache, "_cache_file", None)
    if not hasattr(index, "_source_stamp"):  # another numba: better slow to start than stale
        return cast(_Function, numba.njit(function))
    index._source_stamp = _STAMP
    return cast(_Function, made)
