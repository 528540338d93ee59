"""The results of jobs on disk, and what has failed first: its kind, place, expected value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results of the jobs that have ended, oldest first; none where no file is yet."""
    if not path.is_file():
        return []
    lines = path.read_text().split("\n")
    # Behind the last newline stands nothing, or a line that is still being written.
    return [json.loads(line) for line in lines[:-1]]


def first_failure(results: Sequence[dict[str, Any]]) -> Failure | None:
    """The first job's failure, if any has one."""
    for result in results:
        failure = result["verdict"]["failure"]
        if failure is not None:
            return Failure(**failure)
    return None
