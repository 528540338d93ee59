"""Trees of modules and of tensors, drawn as tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from golden.study.parameters.modules import Module
from tb.console import plain_table


@dataclass(slots=True)
class Branch:
    """A node of a tree: what lies in it, and the leaf that it is, if it is one."""

    name: str
    leaf: Any = None
    inside: dict[str, Branch] = field(default_factory=dict)
    root: bool = False

    def put(self, path: Sequence[str], leaf: object) -> None:
        """Add a leaf; what lies in a leaf of the same name stands beside it."""
        at = self
        for word in path:
            at = at.inside.setdefault(word, Branch(word))
        at.leaf = leaf

    def leaves(self) -> list[Any]:
        """All leaves in it, in order."""
        own = [] if self.leaf is None else [self.leaf]
        return own + [leaf for branch in self.inside.values() for leaf in branch.leaves()]


def module_table(title: str, root: str, modules: Sequence[Module], depth: int | None) -> Table:
    """A network's modules as a tree of `depth` levels, or all, with sums for each block."""
    tree = Branch(root, root=True)
    for module in modules:
        tree.put(module.name.split("."), module)
    table = plain_table(title, "module", "operation", "output", "parameters", "MMAC")
    table.columns[1].justify = "left"
    _draw(table, tree, depth, _module_cells)
    return table


def _module_cells(branch: Branch) -> tuple[str, ...]:
    modules: list[Module] = branch.leaves()
    shape = "" if branch.root else "x".join(map(str, modules[-1].output))
    parameters, macs = (sum(getattr(m, key) for m in modules) for key in ("parameters", "macs"))
    words = modules[0].words if branch.leaf else ""
    counts = (f"{parameters:,}", f"{macs / 1e6:,.2f}") if parameters else ("", "")
    return words, shape, *counts


def tensor_table(
    title: str, root: str, tensors: Mapping[str, npt.NDArray[Any]], depth: int | None
) -> Table:
    """A file's tensors as a tree by their names, parted by slashes or dots, with sums of sizes."""
    tree = Branch(root, root=True)
    for name, tensor in tensors.items():
        tree.put(re.split("/" if "/" in name else r"\.", name), tensor)
    table = plain_table(title, "tensor", "shape", "type", "values", "bytes")
    _draw(table, tree, depth, _tensor_cells)
    return table


def _tensor_cells(branch: Branch) -> tuple[str, ...]:
    tensors: list[npt.NDArray[np.generic]] = branch.leaves()
    shape = kind = ""
    if branch.leaf is not None:
        shape = "x".join(map(str, branch.leaf.shape)) or "scalar"
        kind = branch.leaf.dtype.name
    values, size = (sum(getattr(x, key) for x in tensors) for key in ("size", "nbytes"))
    return shape, kind, f"{values:,}", f"{size:,}"


def _draw(
    table: Table,
    branch: Branch,
    depth: int | None,
    cells: Callable[[Branch], tuple[str, ...]],
    ahead: tuple[str, str] = ("", ""),
) -> None:
    """Add a row for a branch, after `ahead[0]`; below it rows after `ahead[1]`."""
    table.add_row(f"{ahead[0]}{branch.name}", *cells(branch), style="" if ahead[0] else "bold")
    if depth == 0:
        return
    last = len(branch.inside) - 1
    for number, child in enumerate(branch.inside.values()):
        lines = ("└─ ", "   ") if number == last else ("├─ ", "│  ")
        below = None if depth is None else depth - 1
        _draw(table, child, below, cells, (ahead[1] + lines[0], ahead[1] + lines[1]))
