"""Realistic bugs of the RTL as data: ``make sim BUG=<name>`` puts one into a copy.

Each names the step of the data flow that a diagnosis has to find, and the smallest run
of a real network that shows it. Faults that no run of the network shows, since they need
stalls, strides or illegal descriptors, stand in ``tb/tests/faults_*.py`` alone.
"""

from __future__ import annotations

from typing import Final

from golden.config import ConfigError
from tb.faults.bug import Bug, Where
from tb.faults.output import OUTPUT
from tb.faults.post import POST
from tb.faults.readout import READOUT
from tb.faults.streams import STREAMS
from tb.faults.sums import SUMS
from tb.faults.walk import WALK

__all__ = ["BUGS", "Bug", "Where", "find", "names"]

BUGS: Final[tuple[Bug, ...]] = (*STREAMS, *WALK, *SUMS, *POST, *READOUT, *OUTPUT)
"""All, in the order of the data flow."""
_BY_NAME: Final = {bug.name: bug for bug in BUGS}


def names() -> tuple[str, ...]:
    """The names of all bugs, in the order of the data flow."""
    return tuple(_BY_NAME)


def find(name: str) -> Bug:
    """The bug of that name.

    Raises
    ------
    ConfigError
        There is none; the text names all.
    """
    if name not in _BY_NAME:
        raise ConfigError(f"BUG={name}: choose {', '.join(names()[:-1])} or {names()[-1]}")
    return _BY_NAME[name]
