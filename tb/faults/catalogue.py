"""Realistic bugs of the RTL as data: ``make sim BUG=<name>`` puts one into a copy.

Each names the step of the data flow that a diagnosis has to find, and the smallest run
of a real network that shows it. Bugs that no run of the network shows, since they need
stalls, strides or illegal descriptors, stand in ``tb/tests/faults`` alone.
"""

from __future__ import annotations

from typing import Final

from tb.choices import choose
from tb.faults.bug import Bug
from tb.faults.inputs import LOOP_NEST, STREAMS
from tb.faults.output_arithmetic import OUTPUT_ARITHMETIC
from tb.faults.readout import OUTPUT, READOUT
from tb.faults.sums import SUMS

BUGS: Final[tuple[Bug, ...]] = (
    *(*STREAMS, *LOOP_NEST, *SUMS, *OUTPUT_ARITHMETIC, *READOUT, *OUTPUT),
)
"""All, in the order of the data flow."""
LIST: Final = "docs/tables/diagnosis.md"
_BY_NAME: Final = {bug.name: bug for bug in BUGS}


def names() -> tuple[str, ...]:
    """The names of all bugs, in the order of the data flow."""
    return tuple(_BY_NAME)


def find(name: str) -> Bug:
    """The bug of that name.

    Raises
    ------
    ConfigError
        There is none; the text names those like it, and where all are listed.
    """
    return _BY_NAME[choose("BUG", name, names(), f"{LIST} lists all {len(BUGS)}")]


ROUNDING_PATCH: Final = find("rounding").patch
"""Adds a whole LSB before the shift where half of one belongs: what ``INJECT=rtl`` puts in."""
