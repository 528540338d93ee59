"""Paths through a flat design from an input port to an output port, without a register on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tb.flows.synth.netlist import place

REGISTER: Final = re.compile(r"\$s?dff(?:e|ce)?")
"""Changes with its clock alone; one with an asynchronous set or reset lets that through."""


def port_faults(module: Any) -> Iterator[str]:
    """Yield the output ports that follow an input port within a cycle.

    Every input of a cell counts for every bit of its outputs, so that a path may be found where
    only another bit has one; none is overlooked.

    Parameters
    ----------
    module : mapping
        Of ``write_json`` after ``flatten``: ports and cells.
    """
    cells, ports = module["cells"], module["ports"]
    drivers: dict[int, tuple[Any, list[int]]] = {}
    for cell in cells.values():
        if not REGISTER.fullmatch(cell["type"]):
            sources = [*_bits(cell, "input"), *_bits(cell, "inout")]
            drivers.update(dict.fromkeys(_bits(cell, "output"), (cell, sources)))
    inputs = {
        bit: name
        for name, port in ports.items()
        if port["direction"] != "output"
        for bit in port["bits"]
    }
    for name, port in ports.items():
        if port["direction"] != "input":
            first = [drivers[bit][0] for bit in port["bits"] if bit in drivers]
            spot = place(first[0]) if first else ""
            for source in sorted(_reached(port["bits"], drivers, inputs) - {name}):
                where = f" ({spot})" if spot else ""
                yield f"output {name} follows input {source} without a register{where}"


def _bits(cell: Any, direction: str) -> Iterator[int]:
    """Nets on a cell's ports of one direction; constants are none."""
    for port, toward in cell["port_directions"].items():
        if toward == direction:
            yield from (bit for bit in cell["connections"][port] if isinstance(bit, int))


def _reached(
    bits: Iterable[int], drivers: dict[int, tuple[Any, list[int]]], inputs: dict[int, str]
) -> set[str]:
    """Input ports from which some net is reached through `drivers`."""
    waiting, seen = list(bits), set[int]()
    while waiting:
        bit = waiting.pop()
        if bit not in seen:
            seen.add(bit)
            waiting += drivers[bit][1] if bit in drivers else []
    return {inputs[bit] for bit in seen if bit in inputs}
