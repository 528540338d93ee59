"""A failure: its kind, its place, and what was expected there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypedDict

from msgspec import Meta

from tb.duts.conv_pe.pipeline_steps import Step

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

Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern="^[^/]+$")]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
_Kind = Annotated[str, Meta(extra_json_schema={"enum": FAILURE_KINDS})]
_Step = Annotated[str, Meta(extra_json_schema={"enum": [step.value for step in Step]})]


class DiagnosisSummary(TypedDict):
    """What a diagnosis has found, as ``report.json`` has it."""

    folder: Text
    step: _Step | None
    sentence: str
    certain: bool
    cycle: Count | None
    reproduced: bool
    before: Count
    behind: Count
    first: dict[str, Any] | None
    extent: str
    waves: dict[str, Any] | None
    seconds: dict[str, Seconds]


@dataclass(frozen=True)
class Failure:
    """The first thing that turned a run red.

    Raises
    ------
    ValueError
        `kind` is none of `FAILURE_KINDS`.
    """

    kind: _Kind
    message: Text
    layer: Name | None = None
    channel: Count | None = None
    row: Count | None = None
    column: Count | None = None
    expected: int | None = None
    actual: int | None = None
    time_ns: Seconds | None = None
    replay: Text | None = None
    diagnosis: DiagnosisSummary | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAILURE_KINDS:
            raise ValueError(f"failure kind {self.kind!r}: choose one of {FAILURE_KINDS}")
