"""A change to a copy of the design's text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """A replacement in one Verilog file, applied to a copy: broken on purpose."""

    name: str
    file: str
    old: str
    new: str
