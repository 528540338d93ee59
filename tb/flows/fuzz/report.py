"""What ``make fuzz`` says of a run: ``fuzz.json`` and the verdict."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from rich.console import Console

from golden.files import write_whole
from tb.cosim.failure import DiagnosisSummary, Failure
from tb.debug.diagnosis import Diagnosis
from tb.flows.documents import VERSION, Schema, fields, schema
from tb.flows.fuzz.cases import Outcome


@dataclass(slots=True)
class FuzzReport:
    """What ``fuzz.json`` says of a run; `told` has the diagnosis for a person."""

    run: Annotated[str, Meta(description="as in `report.json`")]
    command: Annotated[str, Meta(description="as in `report.json`")]
    commit: Annotated[str, Meta(description="as in `report.json`")]
    simulator: Annotated[str, Meta(description="`verilator` or `icarus`")]
    array: Annotated[str, Meta(description="lanes, as `4x4`")]
    simulator_version: Annotated[
        str | None, Meta(description="null where the simulator was not found")
    ] = None
    seed: Annotated[int | None, Meta(description="of the first job; null for a replay")] = None
    jobs: Annotated[int, Meta(description="jobs that were compared, of those asked for")] = 0
    values_compared: Annotated[int, Meta(description="output values")] = 0
    mismatches: Annotated[int, Meta(description="those of them that differ")] = 0
    seconds: Annotated[float, Meta(description="wall time, builds included")] = 0.0
    failure: Annotated[
        Failure | None,
        Meta(
            description="of the first job that failed: the fields of a failure above, the last "
            "one null"
        ),
    ] = None
    job: Annotated[str | None, Meta(description="that job in words")] = None
    smallest: Annotated[
        str | None,
        Meta(description="the smallest job that still fails, or the few that fail only together"),
    ] = None
    smallest_failure: Annotated[Failure | None, Meta(description="how they fail")] = None
    folder: Annotated[str | None, Meta(description="folder of the smallest job")] = None
    replay: Annotated[
        list[str],
        Meta(description="commands that repeat the failure, the smallest job last"),
    ] = field(default_factory=list)
    diagnosis: Annotated[
        DiagnosisSummary | None, Meta(description="of the smallest job, as in `report.json`")
    ] = None
    told: list[str] = field(default_factory=list)

    def take(self, found: Diagnosis) -> None:
        """Take in a look into the smallest job."""
        self.diagnosis, self.told = found.summary(), list(found.lines())

    @property
    def passed(self) -> bool:
        """Whether values were compared and nothing failed."""
        return self.failure is None and self.values_compared > 0

    def write(self, path: Path) -> None:
        """Write it whole."""
        fields = {name: value for name, value in asdict(self).items() if name != "told"}
        document: dict[str, Any] = {"schema": VERSION, **fields, "passed": self.passed}
        write_whole(path, json.dumps(document, indent=2) + "\n")

    def count(self, outcome: Outcome) -> None:
        """Add a simulation's figures."""
        self.jobs += outcome.done
        self.values_compared += outcome.values_compared
        self.mismatches += outcome.mismatches


def fuzz_schema() -> dict[str, Any]:
    """The JSON schema of ``fuzz.json``."""
    passed = Meta(description="true only if values were compared and nothing failed")
    known = fields(FuzzReport, told=None, passed=Annotated[bool, passed])
    return schema("ConvPE fuzz.json, schema 1", {"schema": Schema, **known})


def show(final: FuzzReport, path: Path, console: Console) -> None:
    """The verdict for a person; a failure ends with the command that repeats it."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    figures = (
        f"{final.jobs:,} job{'s' * (final.jobs != 1)}, {final.values_compared:,} values compared, "
        f"{final.mismatches:,} mismatches, {final.array} on {final.simulator} "
        f"{final.simulator_version or ''}, {final.seconds:.0f} s  ({shown(path)})"
    )
    if final.passed:
        console.print("[bold green]PASSED[/]  ", end="")
        line(figures)
        return
    console.print("[bold red]FAILED[/]  ", end="")
    if final.failure is None:
        line(f"not one value was compared; {figures}")
        return
    line(f"{final.failure.kind}: {final.failure.message}")
    line(figures)
    for title, text in (
        ("job", final.job),
        ("smallest", final.smallest),
        ("its failure", final.smallest_failure and final.smallest_failure.message),
    ):
        if text:
            line(f"{title}: {text}")
    for text in (*final.told, *(f"replay: {command}" for command in final.replay)):
        line(text)


def shown(path: Path) -> Path:
    """A path as the user would type it."""
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path
