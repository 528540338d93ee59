"""Lets yosys elaborate and map a design, and checks what it wrote on the way."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tb.flows.synth import checks
from tb.flows.synth.netlist import ARRAY_MODULE, Netlist
from tb.flows.synth.ports import port_faults
from tb.flows.synth.yosys import run_yosys
from tb.toolchain.build import design_sources

ELABORATE: Final = """\
read_verilog -defer -Irtl {files}
hierarchy -check -top {top} {parameters}
proc
log ELABORATED
write_json read.json
tee -q -o modules.txt check
opt_expr
opt_clean
write_json elaborated.json
flatten
tee -q -o flat.txt check
write_json flat.json
write_rtlil flat.il
"""

# From `opt_dff` to `opt_merge`: flip-flops that are equal, copies of a sign in the operands'
# slots of 32 bits, become one. synth_ecp5 alone keeps a register's bits together, does not
# see that some are equal, and builds products of 32 bits. A memory that no RAM can hold ends
# the mapping: as flip-flops it would take minutes.
MAP: Final = """\
read_rtlil flat.il
opt_dff
simplemap t:$*dff*
opt_merge
synth_ecp5 -top {top} -run begin:map_ffram
select t:$mem_v2 t:DP16KD t:TRELLIS_DPR16X4 %u
write_json -selected memories.json
select -clear
select -assert-none t:$mem_v2 r:WR_PORTS>0 %i
synth_ecp5 -top {top} -run map_ffram:
tee -q -o mapped.txt stat -json
"""

ENDED_EARLY: Final = "yosys ended early; see yosys.log"
CHECKS: Final = {
    "elaboration": "yosys reads and elaborates the design without a warning",
    "sources": "the files are those that are simulated, read the same way",
    "latches": "no latch",
    "drivers": "no second driver, no missing one, no combinational loop",
    "ports": "no path from an input port to an output port without a register",
    "multipliers": "the array's multipliers, and no others",
    "memories": "every memory is in block RAM, none in registers",
    "mapping": "all is mapped, in as many multiplier blocks as that takes, and fits",
}
"""Each check and what it demands."""


@dataclass(frozen=True, slots=True)
class Design:
    """Verilog to be examined."""

    folder: Path
    """Holds the files."""
    top: str
    parameters: Mapping[str, int]
    """Of the top."""
    products: int
    """Multipliers of the array; each takes one MULT18X18D."""
    register_bits: int
    """Bits of the largest register; a larger one is a memory in disguise."""


@dataclass(slots=True)
class Findings:
    """What yosys and the checks found."""

    sources: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file that was read."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """Of each check that was made; an empty list is a pass."""
    counts: dict[str, int] = field(default_factory=dict)
    """Cells of the mapped design, by type."""
    memories: list[dict[str, Any]] = field(default_factory=list)
    """Each memory with the RAM cells that hold it."""
    multipliers: list[dict[str, Any]] = field(default_factory=list)
    """Each kind of multiplier, how many, and its reason."""

    @property
    def passed(self) -> bool:
        """Whether every check was made and found nothing."""
        return self.faults.keys() == CHECKS.keys() and not any(self.faults.values())


def examine(
    design: Design, folder: Path, print_line: Callable[[str], None] = lambda _: None
) -> Findings:
    """Have yosys elaborate and map a design, and check what comes out.

    Parameters
    ----------
    folder : Path
        Empty; takes what yosys reads and writes.
    print_line : callable
        Takes what yosys is doing, some ten times a second.

    Raises
    ------
    ToolError
        There is no yosys.
    """
    rtl = folder / "rtl"
    rtl.mkdir()
    for path in (*design_sources(design.folder), *design.folder.glob("*.vh")):
        shutil.copy(path, rtl)
    read = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(rtl.iterdir())}
    found = Findings(read)
    _elaborate(design, folder, print_line, found)
    if not any(found.faults.values()):
        _map(design, folder, print_line, found)
    return found


def _elaborate(
    design: Design, folder: Path, print_line: Callable[[str], None], found: Findings
) -> None:
    sources = sorted((folder / "rtl").iterdir())
    script = ELABORATE.format(
        files=" ".join(f"rtl/{path.name}" for path in sources if path.suffix == ".v"),
        top=design.top,
        parameters=" ".join(f"-chparam {name} {n}" for name, n in design.parameters.items()),
    )
    # What `check` prints behind the mark it writes into its own files.
    log = run_yosys(script, folder, print_line).partition("\nELABORATED")[0]
    arrays, warnings = _warnings(log)
    found.faults["elaboration"] = warnings
    if not (folder / "flat.il").is_file():
        found.faults["elaboration"] = warnings or [ENDED_EARLY]
        return
    netlist = _netlist(design, folder)
    found.multipliers = _multipliers(netlist)
    outputs = [(folder / name).read_text() for name in ("modules.txt", "flat.txt")]
    whole = _netlist(design, folder, "read.json")
    found.faults["sources"] = list(checks.source_faults(netlist, sources))
    found.faults["latches"] = checks.latch_faults(netlist)
    found.faults["drivers"] = list(checks.driver_faults(whole, outputs))
    flat = json.loads((folder / "flat.json").read_text())["modules"][design.top]
    found.faults["ports"] = list(port_faults(flat))
    found.faults["multipliers"] = list(checks.multiplier_faults(netlist, design.products))
    registers = checks.register_faults(netlist, design.register_bits)
    if disguised := [*checks.array_faults(arrays), *registers]:
        found.faults["memories"] = disguised


def _map(design: Design, folder: Path, print_line: Callable[[str], None], found: Findings) -> None:
    _, warnings = _warnings(run_yosys(MAP.format(top=design.top), folder, print_line))
    if (folder / "memories.json").is_file():
        written = json.loads((folder / "memories.json").read_text())["modules"].get(design.top, {})
        cells = {name: cell["type"] for name, cell in written.get("cells", {}).items()}
        memories = list(_netlist(design, folder).memories())
        held = checks.ram_cells(memories, cells)
        for memory in memories:
            row = {"name": memory.name, "words": memory.words, "bits": memory.bits}
            found.memories.append({**row, "cells": dict(held[memory.name])})
        found.faults["memories"] = list(checks.memory_faults(memories, cells))
    if (folder / "mapped.txt").is_file():
        text = (folder / "mapped.txt").read_text()
        statistics = json.loads(text[text.index("{") :])["modules"]["\\" + design.top]
        found.counts = dict(statistics["num_cells_by_type"])
        mapped = checks.mapped_faults(found.counts, design.products)
        found.faults["mapping"] = [*warnings, *mapped]
    elif not found.faults.get("memories"):
        found.faults["mapping"] = warnings or [ENDED_EARLY]


def _warnings(log: str) -> tuple[list[str], list[str]]:
    """The warnings on arrays that become registers; the errors, then all other warnings."""
    errors = [f"{place}{text}" for place, text in re.findall(r"(\S+:\d+: )?ERROR: (.*)", log)]
    lines = dict.fromkeys([*errors, *re.findall(r"Warning: (.*)", log)])
    texts = [text for text in lines if "did not match any" not in text]
    arrays = [text for text in texts if text.startswith("Replacing memory")]
    return arrays, [text for text in texts if text not in arrays]


def _netlist(design: Design, folder: Path, name: str = "elaborated.json") -> Netlist:
    modules = json.loads((folder / name).read_text())["modules"]
    return Netlist(modules, design.top)


def _multipliers(netlist: Netlist) -> list[dict[str, Any]]:
    cells = netlist.multipliers()
    kinds = Counter((cell.module, cell.factor) for cell in cells if not cell.in_array)
    products = sum(cell.in_array for cell in cells)
    rows = [(ARRAY_MODULE, "variable", products, "the array's products")]
    rows += [(*kind, count, "outside the array") for kind, count in kinds.items()]
    return [dict(zip(("module", "factor", "count", "reason"), row, strict=True)) for row in rows]
