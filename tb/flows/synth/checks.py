"""The checks of ``make synth-check`` on what yosys wrote.

Each returns its faults, one line each: what is wrong, and where.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tb.flows.synth.netlist import (
    ARRAY_MODULE,
    LATCH,
    RAM,
    REGISTER,
    Memory,
    Netlist,
    plain_name,
)

DEVICE: Final = "LFE5U-85"
CAPACITY: Final = {"LUT4": 83_640, "TRELLIS_FF": 83_640, "DP16KD": 208, "MULT18X18D": 156}
"""What the device has, by cell type."""
CONDITIONAL: Final = re.compile(r"`(?:ifdef|ifndef|elsif)\s+\w+|translate_off")
GUARD: Final = re.compile(r"`ifndef (\w+)\n`define \1\n")


def source_faults(netlist: Netlist, sources: Sequence[Path]) -> Iterator[str]:
    """Yield where synthesis and simulation would read different Verilog."""
    read = set(netlist.files().values())
    for path in sources:
        if path.suffix == ".v" and path.name not in read:
            yield f"{path.name}: the design holds no module of it"
        for number, line in enumerate(GUARD.sub("\n\n", path.read_text()).splitlines(), 1):
            if found := CONDITIONAL.search(line):
                yield f"{path.name}:{number}: {found[0]}: synthesis may read what is not simulated"
    for name in sorted(read - {path.name for path in sources}):
        yield f"{name}: in the design, but not simulated"


def latch_faults(netlist: Netlist) -> list[str]:
    """Every latch, once a module and signal."""
    return _each_once(
        f"{cell.module}: latch of {cell.width} bits on {cell.signal} ({cell.place})"
        for cell in netlist.cells()
        if LATCH.fullmatch(cell.kind)
    )


def _each_once(faults: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(faults))


def driver_faults(netlist: Netlist, outputs: Iterable[str]) -> Iterator[str]:
    """Yield what yosys's ``check`` found: two drivers, none, or a combinational loop.

    Parameters
    ----------
    netlist : Netlist
        Has the places of the cells that it names.
    outputs : iterable of str
        What it printed, each time it ran.
    """
    for output in outputs:
        module, counted, faults = "", None, list[str]()
        for line in re.sub(r"^\[[\d.]+\] ", "", output, flags=re.MULTILINE).splitlines():
            if match := re.fullmatch(r"Checking module (.*)\.\.\.", line):
                module = match[1]
            elif match := re.fullmatch(r"Found and reported (\d+) problems\.", line):
                counted = int(match[1])
            elif match := re.fullmatch(r"Warning: (.*)", line):
                text = match[1].replace(module, plain_name(module)).rstrip(":")
                faults.append(f"{plain_name(module)}: {text}")
            elif faults and line.startswith("    ") and not faults[-1].endswith(")"):
                cell = re.search(r"cell (\S+) ", line)
                spot = netlist.cell_place(module, cell[1]) if cell else ""
                faults[-1] += f": {line.strip()}" + (f" ({spot})" if spot else "")
        if counted is None:
            yield "yosys's check did not end"
        elif counted > 0 or faults:
            yield from faults or [f"yosys's check counts {counted} problems"]
            return  # the flat design repeats what its modules have


def register_faults(netlist: Netlist, largest: int) -> list[str]:
    """Registers that hold more than `largest` bits: memories in disguise."""
    return _each_once(
        f"{cell.module}: register {cell.signal} of {cell.width} bits ({cell.place}) exceeds "
        f"{largest}: make it a memory"
        for cell in netlist.cells()
        if REGISTER.fullmatch(cell.kind) and cell.width > largest
    )


def array_faults(warnings: Iterable[str]) -> Iterator[str]:
    """Yield Verilog arrays that yosys turned into registers as it read them."""
    for text in warnings:
        match = re.search(r"Replacing memory \\?(\S+) with list of registers\. See (\S+)", text)
        if match:
            spot = Path(match[2]).name
            yield f"{spot.split('.')[0]}: array {match[1]} ({spot}) becomes registers"
        else:
            yield f"yosys warns: {text}"


def ram_cells(memories: Iterable[Memory], cells: Mapping[str, str]) -> dict[str, Counter[str]]:
    """RAM cells that hold each memory, by its name.

    Parameters
    ----------
    cells : mapping
        Type of each RAM cell by its name; yosys names it for its memory.
    """
    held: dict[str, Counter[str]] = {memory.name: Counter() for memory in memories}
    for name, kind in cells.items():
        match = re.fullmatch(r"(.*?)(?:\.\d+)+", name)
        if match and match[1] in held and kind in RAM:
            held[match[1]][kind] += 1
    return held


def memory_faults(memories: Sequence[Memory], cells: Mapping[str, str]) -> Iterator[str]:
    """Yield memories that are not wholly in block RAM."""
    held = ram_cells(memories, cells)
    for memory in memories:
        what = f"{memory.name}: {memory.words} x {memory.bits} bits ({memory.place})"
        if "TRELLIS_DPR16X4" in held[memory.name]:
            yield f"{what} is in LUT RAM"
        elif not held[memory.name]:
            yield f"{what} is in no RAM cell: it would become registers"
    stray = Counter(kind for kind in cells.values() if kind in RAM)
    stray.subtract(sum(held.values(), Counter[str]()))
    for kind, count in stray.items():
        if count:
            yield f"{count} {kind} belong to no memory of the RTL"


def multiplier_faults(netlist: Netlist, products: int) -> Iterator[str]:
    """Yield too many or too few products of the array, and every other multiplier or divider."""
    cells = netlist.multipliers()
    in_array = sum(cell.in_array for cell in cells)
    if in_array != products:
        yield f"{ARRAY_MODULE}: {in_array} array multipliers, {products} expected"
    yield from _each_once(
        f"{cell.module}: {cell.kind[1:]} of {cell.signal} by {cell.factor} "
        f"({cell.place}) is outside the array"
        for cell in cells
        if not cell.in_array
    )


def mapped_faults(counts: Mapping[str, int], products: int) -> Iterator[str]:
    """Yield what the mapped design has too many of, or has unmapped.

    Parameters
    ----------
    counts : mapping
        Cells by type.
    products : int
        MULT18X18D that there must be.
    """
    for kind, count in sorted(counts.items()):
        if kind.startswith("$") and kind != "$scopeinfo":
            yield f"{count} cells of type {kind} are not mapped to the device"
    if counts.get("MULT18X18D", 0) != products:
        yield f"{counts.get('MULT18X18D', 0)} MULT18X18D, {products} expected"
    for kind, available in CAPACITY.items():
        if counts.get(kind, 0) > available:
            yield f"{counts[kind]} {kind}: {DEVICE} has {available}"
