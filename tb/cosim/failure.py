"""A failure: its kind, its place, and what was expected there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

FAILURE_KINDS: Final = (
    "mismatch",
    "shortage",
    "surplus",
    "unknown_value",
    "timeout",
    "status",
    "setup",
    "interrupted",
)


@dataclass(frozen=True)
class Failure:
    """The first thing that turned a run red.

    Parameters
    ----------
    kind : str
        One of `FAILURE_KINDS`.
    message : str
        One line for a person.
    layer : str, optional
        Layer in which it was seen.
    channel, row, column : int, optional
        Place in the layer's output tensor.
    expected, actual : int, optional
        Integers of the golden model and of the hardware.
    time_ns : float, optional
        Simulation time.
    replay : str, optional
        Command that repeats just the job that failed.
    diagnosis : dict, optional
        What the look into that job has found.

    Raises
    ------
    ValueError
        `kind` is none of `FAILURE_KINDS`.
    """

    kind: str
    message: str
    layer: str | None = None
    channel: int | None = None
    row: int | None = None
    column: int | None = None
    expected: int | None = None
    actual: int | None = None
    time_ns: float | None = None
    replay: str | None = None
    diagnosis: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAILURE_KINDS:
            raise ValueError(f"failure kind {self.kind!r}: choose one of {FAILURE_KINDS}")
