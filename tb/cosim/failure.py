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

    folder: Annotated[Text, Meta(description="where all of it lies")]
    step: Annotated[
        _Step | None,
        Meta(
            description="the step of the data flow where the RTL left the reference model's path; "
            "null where none did"
        ),
    ]
    sentence: Annotated[
        str, Meta(description="what that step did, beside what it should have done")
    ]
    certain: Annotated[bool, Meta(description="whether the figures prove it")]
    cycle: Annotated[Count | None, Meta(description="clock of the replay in which it happened")]
    reproduced: Annotated[bool, Meta(description="whether the replay ended as the run did")]
    before: Annotated[Count, Meta(description="jobs that had to run ahead of it for that")]
    behind: Annotated[Count, Meta(description="jobs that had to run behind it for that")]
    first: Annotated[
        dict[str, Any] | None,
        Meta(
            description="the first wrong value, in the order of the data flow: `kind` "
            "(`mismatch`, `shortage`, `surplus`), `place` (`activation`: before a pool; "
            "`output`), `layer`, `node`, `job`, `tile`, `group`, `lane`, `channel`, `row`, "
            "`column`, `pixel`, `expected`, `actual`, `difference` (LSB), `wrong_bits`, "
            "`expected_bits`, `actual_bits`, `cycle`, `time_ns`, `left_cycle` (when the output "
            "left), `cycle_before`, `first_read`, `last_read`, `wrong`, `values`, `missing`, "
            "`surplus`"
        ),
    ]
    extent: Annotated[str, Meta(description="which values are wrong, in a sentence")]
    waves: Annotated[
        dict[str, Any] | None,
        Meta(
            description="`file`, `layout`, `first_cycle`, `last_cycle`, `bytes`, `choice` (why "
            "these cycles)"
        ),
    ]
    seconds: Annotated[
        dict[str, Seconds],
        Meta(description="wall time of `compile`, `replay`, `waves`, and of `all`"),
    ]


@dataclass(frozen=True)
class Failure:
    """The first thing that turned a run red.

    Raises
    ------
    ValueError
        `kind` is none of `FAILURE_KINDS`.
    """

    kind: Annotated[
        _Kind,
        Meta(
            description="`mismatch`: a value differs; `shortage`: values did not come or were not "
            "compared; `surplus`: more came than were expected; `unknown_value`: an X; `timeout`; "
            "`status`: the PE reported an error; `setup`: the run could not begin; `interrupted`"
        ),
    ]
    message: Annotated[Text, Meta(description="one line")]
    layer: Annotated[Name | None, Meta(description="where: its layer")] = None
    channel: Annotated[Count | None, Meta(description="where, in the layer's output tensor")] = None
    row: Annotated[Count | None, Meta(description="as `channel`")] = None
    column: Annotated[Count | None, Meta(description="as `channel`")] = None
    expected: Annotated[int | None, Meta(description="integer of the reference model")] = None
    actual: Annotated[int | None, Meta(description="integer of the hardware")] = None
    time_ns: Annotated[Seconds | None, Meta(description="simulation time")] = None
    replay: Annotated[
        Text | None,
        Meta(
            description="the command that repeats just that job, or the few that fail only "
            "together: layer, job, mode, array, simulator and seed are always in it"
        ),
    ] = None
    diagnosis: Annotated[
        DiagnosisSummary | None,
        Meta(description="what the diagnosis of the job has found; null where there was none"),
    ] = None

    def __post_init__(self) -> None:
        if self.kind not in FAILURE_KINDS:
            raise ValueError(f"failure kind {self.kind!r}: choose one of {FAILURE_KINDS}")
