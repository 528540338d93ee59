"""What ``make fuzz`` says of a run: ``fuzz.json`` and the verdict."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from golden.files import write_whole
from tb.console import echo, last_lines, shown
from tb.cosim.failure import DiagnosisSummary, Failure
from tb.debug.diagnosis import Diagnosis
from tb.flows.documents import VERSION, Schema, fields, schema
from tb.flows.fuzz.cases import Outcome

IN_WORDS: Final = ("explanation", "guilty")
"""Fields for a person alone."""


@dataclass(slots=True)
class FuzzReport:
    """What ``fuzz.json`` says of a run; `explanation` and `guilty` are the diagnosis in words."""

    run: str
    command: str
    commit: str
    simulator: str
    array: str
    simulator_version: str | None = None
    seed: int | None = None
    jobs: int = 0
    values_compared: int = 0
    mismatches: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    job: str | None = None
    smallest: str | None = None
    smallest_failure: Failure | None = None
    folder: str | None = None
    replay: list[str] = field(default_factory=list)
    diagnosis: DiagnosisSummary | None = None
    explanation: list[str] = field(default_factory=list)
    guilty: str = ""

    def add_diagnosis(self, found: Diagnosis) -> None:
        """Take in the diagnosis of the smallest job."""
        self.diagnosis, self.explanation = found.summary(), list(found.lines())
        self.guilty = found.guilty

    @property
    def passed(self) -> bool:
        """Whether values were compared and nothing failed."""
        return self.failure is None and self.values_compared > 0

    def write(self, path: Path) -> None:
        """Write it whole."""
        fields = {name: value for name, value in asdict(self).items() if name not in IN_WORDS}
        document: dict[str, Any] = {"schema": VERSION, **fields, "passed": self.passed}
        write_whole(path, json.dumps(document, indent=2) + "\n")

    def count(self, outcome: Outcome) -> None:
        """Add a simulation's figures."""
        self.jobs += outcome.done
        self.values_compared += outcome.values_compared
        self.mismatches += outcome.mismatches


def fuzz_schema() -> dict[str, Any]:
    """The JSON schema of ``fuzz.json``."""
    known = fields(FuzzReport, **dict.fromkeys(IN_WORDS), passed=bool)
    return schema("ConvPE fuzz.json, schema 1", {"schema": Schema, **known})


def show(final: FuzzReport, path: Path, console: Console) -> None:
    """The verdict for a person; a failure ends with the command that repeats it."""
    figures = (
        f"{final.jobs:,} job{'s' * (final.jobs != 1)}, {final.values_compared:,} values compared, "
        f"{final.mismatches:,} mismatches, {final.array} on {final.simulator} "
        f"{final.simulator_version or ''}, {final.seconds:.0f} s  ({shown(path)})"
    )
    if final.passed:
        console.print("PASSED  ", style="bold green", end="")
        echo(console, figures)
        return
    if final.failure is None:
        last_lines(console, f"not one value was compared; {figures}")
        return
    echo(console, figures)
    for title, text in (
        ("job", final.job),
        ("smallest", final.smallest),
        ("its failure", final.smallest_failure and final.smallest_failure.message),
    ):
        if text:
            echo(console, f"{title}: {text}")
    *others, last = final.replay or [""]
    for text in (*final.explanation, *(f"replay: {command}" for command in others)):
        echo(console, text)
    last_lines(console, f"{final.failure.kind}: {final.failure.message}", final.guilty, last)
