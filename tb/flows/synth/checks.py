"""The checks of ``make synth-check`` on what yosys wrote.

Each returns its faults, one line each: what is wrong, and where. An
exception that nothing in the design needs any more is a fault too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tb.flows.synth.netlist import (
    ARITHMETIC,
    LATCH,
    RAM,
    REGISTER,
    Cell,
    Memory,
    Netlist,
    plain_name,
)
from tb.flows.synth.rules import ARRAY_MODULE, CAPACITY, DEVICE, Exempt, Rules

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


def latch_faults(netlist: Netlist) -> Iterator[str]:
    """Yield every latch, once a module and signal."""
    found = {
        f"{cell.module}: latch of {cell.width} bits on {cell.signal} ({cell.place})": None
        for cell in netlist.cells()
        if LATCH.fullmatch(cell.kind)
    }
    yield from found


def driver_faults(netlist: Netlist, said: Iterable[str]) -> Iterator[str]:
    """Yield what yosys's ``check`` found: two drivers, none, or a combinational loop.

    Parameters
    ----------
    netlist : Netlist
        To tell the places of the cells that it names.
    said : iterable of str
        Its words, each time it ran.
    """
    for words in said:
        module, counted, faults = "", None, list[str]()
        for line in re.sub(r"^\[[\d.]+\] ", "", words, flags=re.MULTILINE).splitlines():
            if match := re.fullmatch(r"Checking module (.*)\.\.\.", line):
                module = match[1]
            elif match := re.fullmatch(r"Found and reported (\d+) problems\.", line):
                counted = int(match[1])
            elif match := re.fullmatch(r"Warning: (.*)", line):
                text = match[1].replace(module, plain_name(module)).rstrip(":")
                faults.append(f"{plain_name(module)}: {text}")
            elif faults and line.startswith("    ") and not faults[-1].endswith(")"):
                faults[-1] += f": {_with_place(netlist, module, line.strip())}"
        if counted is None:
            yield "yosys's check did not end"
        elif counted > 0 or faults:
            yield from faults or [f"yosys's check counts {counted} problems"]
            return  # the flat design repeats what its modules have


def _with_place(netlist: Netlist, module: str, text: str) -> str:
    match = re.search(r"cell (\S+) ", text)
    spot = netlist.cell_place(module, match[1]) if match else ""
    return f"{text} ({spot})" if spot else text


def register_faults(netlist: Netlist, largest: int) -> Iterator[str]:
    """Yield registers that hold more than `largest` bits: memories in disguise."""
    found = {
        f"{cell.module}: register {cell.signal} of {cell.width} bits ({cell.place}) exceeds "
        f"{largest}: make it a memory": None
        for cell in netlist.cells()
        if REGISTER.fullmatch(cell.kind) and cell.width > largest
    }
    yield from found


def array_faults(warnings: Sequence[str], allowed: Sequence[Exempt]) -> Iterator[str]:
    """Yield Verilog arrays that yosys turned into registers as it read them."""
    found = dict[tuple[str, str], str]()
    for text in warnings:
        match = re.search(r"Replacing memory \\?(\S+) with list of registers\. See (\S+)", text)
        if match:
            spot = Path(match[2]).name
            found[spot.split(".")[0], match[1]] = spot
        else:
            yield f"yosys warns: {text}"
    known = {(entry.module, entry.name) for entry in allowed}
    for (module, name), spot in found.items():
        if (module, name) not in known:
            yield f"{module}: array {name} ({spot}) becomes registers"
    for entry in allowed:
        if (entry.module, entry.name) not in found:
            yield f"{entry.module}: array {entry.name} is listed as registers, but is none"


def ram_cells(memories: Sequence[Memory], cells: Mapping[str, str]) -> dict[str, Counter[str]]:
    """RAM cells that hold each memory, by its full name.

    Parameters
    ----------
    memories : sequence of Memory
    cells : mapping
        Type of each RAM cell by its name; yosys names it for its memory.
    """
    held: dict[str, Counter[str]] = {memory.full_name: Counter() for memory in memories}
    for name, kind in cells.items():
        match = re.fullmatch(r"(.*?)(?:\.\d+)+", name)
        if match and match[1] in held and kind in RAM:
            held[match[1]][kind] += 1
    return held


def memory_faults(
    memories: Sequence[Memory], cells: Mapping[str, str], allowed: Sequence[Exempt]
) -> Iterator[str]:
    """Yield memories that are not wholly in block RAM, or in LUT RAM where that is listed."""
    held = ram_cells(memories, cells)
    known = {(entry.module, entry.name) for entry in allowed}
    used = set[tuple[str, str]]()
    for memory in memories:
        kinds = held[memory.full_name]
        what = f"{memory.full_name}: {memory.words} x {memory.bits} bits ({memory.place})"
        if "TRELLIS_DPR16X4" in kinds:
            used.add((memory.module, memory.name))
            if (memory.module, memory.name) not in known:
                yield f"{what} is in LUT RAM, and no reason is listed"
        elif not kinds:
            yield f"{what} is in no RAM cell: it would become registers"
    for entry in allowed:
        if (entry.module, entry.name) not in used:
            yield f"{entry.module}: memory {entry.name} is listed as LUT RAM, but is not in it"
    stray = Counter(kind for kind in cells.values() if kind in RAM)
    stray.subtract(sum(held.values(), Counter[str]()))
    for kind, count in stray.items():
        if count:
            yield f"{count} {kind} belong to no memory of the RTL"


def array_multipliers(netlist: Netlist) -> tuple[list[Cell], list[Cell]]:
    """The array's multipliers, and all other cells that multiply or divide."""
    found = [cell for cell in netlist.cells() if ARITHMETIC.fullmatch(cell.kind)]
    mine = [cell for cell in found if _in_array(cell)]
    return mine, [cell for cell in found if not _in_array(cell)]


def _in_array(cell: Cell) -> bool:
    return cell.kind == "$mul" and cell.factor == "variable" and ARRAY_MODULE in cell.within


def multiplier_faults(netlist: Netlist, wanted: Rules) -> Iterator[str]:
    """Yield what is too many, too few, or not listed among the multipliers."""
    mine, others = array_multipliers(netlist)
    if len(mine) != wanted.products:
        yield f"{ARRAY_MODULE}: {len(mine)} array multipliers, {wanted.products} expected"
    counts = Counter((cell.module, cell.path, cell.factor) for cell in others)
    known = {(entry.module, entry.factor): entry for entry in wanted.multipliers}
    told = set[tuple[str, str]]()
    for cell in others:
        key = (cell.module, cell.factor)
        if key in told:
            continue
        entry = known.get(key)
        count = counts[cell.module, cell.path, cell.factor]
        if entry is None:
            yield (
                f"{cell.module}: {cell.kind[1:]} of {cell.signal} by {cell.factor} "
                f"({cell.place}) is not listed"
            )
        elif count != entry.count:
            yield f"{cell.module}: {count} multipliers by {cell.factor}, {entry.count} listed"
        told.add(key)
    for key, entry in known.items():
        if key not in told:
            yield f"{entry.module}: a multiplier by {entry.factor} is listed, but there is none"


def expected_blocks(netlist: Netlist, wanted: Rules) -> int:
    """MULT18X18D that the array and the listed multipliers take."""
    _, others = array_multipliers(netlist)
    instances = {(cell.module, cell.factor, cell.path) for cell in others}
    each = {(entry.module, entry.factor): entry.blocks for entry in wanted.multipliers}
    return wanted.products + sum(each.get((module, factor), 0) for module, factor, _ in instances)


def mapped_faults(counts: Mapping[str, int], blocks: int) -> Iterator[str]:
    """Yield what the mapped design has too many of, or has unmapped.

    Parameters
    ----------
    counts : mapping
        Cells by type.
    blocks : int
        MULT18X18D that there must be.
    """
    for kind, count in sorted(counts.items()):
        if kind.startswith("$") and kind != "$scopeinfo":
            yield f"{count} cells of type {kind} are not mapped to the device"
    if counts.get("MULT18X18D", 0) != blocks:
        yield f"{counts.get('MULT18X18D', 0)} MULT18X18D, {blocks} expected"
    for kind, there in CAPACITY.items():
        if counts.get(kind, 0) > there:
            yield f"{counts[kind]} {kind}: {DEVICE} has {there}"
