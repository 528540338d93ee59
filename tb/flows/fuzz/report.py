"""What ``make fuzz`` says of a run: ``fuzz.json`` and the verdict."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from tb.cosim.failure import Failure
from tb.debug.diagnosis import Diagnosis
from tb.flows.fuzz.cases import Outcome

SCHEMA: Final = 1


@dataclass(slots=True)
class FuzzReport:
    """What ``fuzz.json`` says of a run.

    Parameters
    ----------
    run, command, commit : str
        Name of the run's folder, what repeats the run, and the tree's commit.
    simulator, simulator_version, array : str
    seed : int or None
        Of the first job; None for a replay.
    jobs : int
        Jobs that were compared, of those asked for.
    values_compared, mismatches : int
    seconds : float
        Wall time, builds included.
    failure : Failure or None
        The first job's that failed.
    job : str or None
        That job in words.
    smallest : str or None
        The smallest job that still fails, in words.
    smallest_failure : Failure or None
    folder : str or None
        Run folder of the smallest job.
    replay : list of str
        Commands that repeat the failure: the smallest job last.
    diagnosis : dict or None
        What the look into the smallest job has found, as in ``report.json``.
    told : list of str
        The same for a person.
    """

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
    diagnosis: dict[str, Any] | None = None
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
        document: dict[str, Any] = {"schema": SCHEMA, **fields, "passed": self.passed}
        scratch = path.with_name(f".{path.name}")
        scratch.write_text(json.dumps(document, indent=2) + "\n")
        scratch.replace(path)

    def count(self, outcome: Outcome) -> None:
        """Add a simulation's figures."""
        self.jobs += outcome.done
        self.values_compared += outcome.values_compared
        self.mismatches += outcome.mismatches


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
