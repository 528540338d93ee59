"""What yosys wrote about a design, read into questions a check can ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

ARRAY_MODULE: Final = "mac_array"
"""Products of two variables inside it are the array's."""
LATCH: Final = re.compile(r"\$(a?dlatch|dlatchsr|sr|_(?:DLATCH|DLATCHSR|SR)_.*)")
REGISTER: Final = re.compile(r"\$\w*dff\w*")
ARITHMETIC: Final = re.compile(r"\$(mul|div|mod|divfloor|modfloor|pow|macc|macc_v2)")
RAM: Final = {"DP16KD": "block RAM", "TRELLIS_DPR16X4": "LUT RAM"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of one instance of a module."""

    module: str
    """Module of the RTL, without its parameters."""
    kind: str
    """yosys's cell type."""
    place: str
    """``file.v:line``."""
    signal: str
    """Net on its output."""
    width: int
    """Bits of its output."""
    factor: str
    """Of arithmetic: what it multiplies by, ``variable`` or ``constant 13``."""
    in_array: bool
    """Whether it is a product of two variables inside `ARRAY_MODULE`."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory of the elaborated design: name in the flat design, depth, width, place."""

    name: str
    words: int
    bits: int
    place: str


@dataclass(frozen=True, slots=True)
class Netlist:
    """An elaborated design, its hierarchy kept: ``modules`` of ``write_json`` after ``proc``."""

    modules: Mapping[str, Any]
    top: str

    def files(self) -> dict[str, str]:
        """The file of each module of the RTL that the design holds."""
        return {
            _plain(name, module): place(module).split(":")[0]
            for name, module in self.modules.items()
        }

    def cells(self) -> Iterator[Cell]:
        """Yield every cell of every instance, instances of modules left out."""
        for _, around, module in self._instances(self.top, (), ()):
            nets = _nets(module)
            for cell in module["cells"].values():
                kind = cell["type"]
                if kind in self.modules:
                    continue
                out = cell["connections"].get("Q") or cell["connections"].get("Y") or []
                factor = _factor(cell)
                yield Cell(
                    module=around[-1],
                    kind=kind,
                    place=place(cell),
                    signal=next((nets[bit] for bit in out if bit in nets), "?"),
                    width=len(out),
                    factor=factor,
                    in_array=kind == "$mul" and factor == "variable" and ARRAY_MODULE in around,
                )

    def multipliers(self) -> list[Cell]:
        """Every cell that multiplies or divides."""
        return [cell for cell in self.cells() if ARITHMETIC.fullmatch(cell.kind)]

    def memories(self) -> Iterator[Memory]:
        """Yield every memory of every instance."""
        for path, _, module in self._instances(self.top, (), ()):
            for name, memory in module.get("memories", {}).items():
                yield Memory(
                    ".".join((*path, name)), memory["size"], memory["width"], place(memory)
                )

    def cell_place(self, module: str, cell: str) -> str:
        """Where a cell stands that yosys names in its words; empty if it has no place."""
        return place(self.modules.get(module, {}).get("cells", {}).get(cell, {}))

    def _instances(
        self, name: str, path: tuple[str, ...], around: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Any]]:
        """Each instance: its path from the top down, the modules around it and its own."""
        module = self.modules[name]
        around = (*around, _plain(name, module))
        yield path, around, module
        for instance, cell in module["cells"].items():
            if cell["type"] in self.modules:
                yield from self._instances(cell["type"], (*path, instance), around)


def place(item: Any) -> str:
    """``file.v:line`` of an item with a ``src`` attribute; empty without one.

    Examples
    --------
    >>> place({"attributes": {"src": "rtl/drain.v:12.5-14.8|rtl/drain.v:20.1-20.9"}})
    'drain.v:12'
    """
    source = str(item.get("attributes", {}).get("src", "")).split("|")[0]
    file, _, position = source.rpartition(":")
    return f"{PurePosixPath(file).name}:{position.split('.')[0]}" if file else ""


def plain_name(text: str) -> str:
    r"""A module's name without yosys's decoration for its parameters.

    Examples
    --------
    >>> plain_name(r"$paramod$03889133\mac_lane")
    'mac_lane'
    >>> plain_name(r"$paramod\axis_skid\DATA_W=s32'00000000000000000000000010000001")
    'axis_skid'
    """
    match = re.match(r"\$paramod(?:\$[0-9a-f]+)?\\(\w+)", text)
    return match[1] if match else text.lstrip("\\")


def _plain(name: str, module: Any) -> str:
    return str(module["attributes"].get("hdlname") or plain_name(name)).split()[-1]


def _nets(module: Any) -> dict[int, str]:
    """The shortest name of a user's for each bit of a module."""
    names: dict[int, str] = {}
    for name, net in module["netnames"].items():
        if not net.get("hide_name"):
            for bit in net["bits"]:
                if isinstance(bit, int) and len(names.get(bit, name)) >= len(name):
                    names[bit] = name
    return names


def _factor(cell: Any) -> str:
    if not ARITHMETIC.fullmatch(cell["type"]):
        return ""
    for port in ("A", "B"):
        bits = cell["connections"].get(port, [])
        if bits and all(bit in ("0", "1") for bit in bits):
            value = int("".join(reversed(bits)), 2)
            signed = int(cell["parameters"].get(f"{port}_SIGNED", "0"), 2)
            return f"constant {value - (1 << len(bits)) if signed and bits[-1] == '1' else value}"
    return "variable"
