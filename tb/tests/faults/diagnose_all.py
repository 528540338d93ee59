"""Runs every bug on file through the main job, and says whether its diagnosis names the step.

``make broken`` runs all of it behind `tb.tests.faults.detect_all`; a named few run with every
``make test``. Names given to this module choose among them:
``python -m tb.tests.faults.diagnose_all stale-weights rounding``.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from golden.config import ConfigError
from golden.files import write_whole
from tb.console import new_console, print_failure
from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import Bug
from tb.faults.catalogue import BUGS, find
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.tests.faults.diagnosis_table import refresh
from tb.toolchain.build import ROOT
from tb.toolchain.simulators import ToolError, find_icarus

FOLDER: Final = ROOT / "build" / "broken"
RECORD: Final = FOLDER / "diagnosis.json"
TABLE: Final = ROOT / "docs" / "tables" / "diagnosis.md"
RIGHT: Final = "right"
NEAR: Final = "near"
VAGUE: Final = "vague"
WRONG: Final = "wrong"
NONE: Final = "none"
GREEN: Final = "green"
VERDICTS: Final = (RIGHT, NEAR, VAGUE, WRONG, NONE, GREEN)
FAILED: Final = (WRONG, NONE, GREEN)
STYLES: Final = {RIGHT: "green", NEAR: "yellow", VAGUE: "yellow"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run with a bug has said of it.

    Parameters
    ----------
    bug, simulator : str
    step : str
        The right answer.
    said : str or None
        The step that the diagnosis names.
    verdict : str
        ``right``; ``near``, the step that the bug's wires lead to, or one whose modules are
        the bug's or the right step's; ``vague``, another step, said to be a guess; ``wrong``;
        ``none``, no step named; ``green``, not even a failure.
    certain : bool
        Whether the diagnosis holds its step for proved.
    kind, first : str
        How the run failed, and the first wrong value.
    sentence, extent : str
        What the diagnosis says.
    values : int
        Values that the run compared.
    cycle : int or None
        Clock at which the first wrong value stood, in the replay.
    red_seconds, diagnosis_seconds : float
        Wall time from the start to the failure, and from there to the diagnosis,
        compilations included.
    wave_bytes : int
        Size of the wave file.
    command : str
        What repeats the run.
    """

    bug: str
    simulator: str
    step: str
    said: str | None
    verdict: str
    certain: bool
    kind: str
    first: str
    sentence: str
    extent: str
    values: int
    cycle: int | None
    red_seconds: float
    diagnosis_seconds: float
    wave_bytes: int
    command: str


def verdict(bug: Bug, said: Step | None, certain: bool) -> str:
    """How good an answer is.

    >>> verdict(find("stale-weights"), Step.ARRAY, certain=True)
    'near'
    """
    if said is None:
        return NONE
    if said is bug.step:
        return RIGHT
    modules = {bug.patch.file, *bug.step.modules}
    adjacent = said is bug.adjacent or modules & set(said.modules)
    if adjacent:
        return NEAR
    return WRONG if certain else VAGUE


def diagnosed(bug: Bug, simulator: str, folder: Path) -> Outcome:
    """Run the main job with a bug where it shows, and judge the diagnosis.

    Parameters
    ----------
    bug : Bug
    simulator : str
    folder : Path
        Takes the run and what the look into it has left; emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    options = SimOptions(**bug.run.options(simulator), bug=bug.name)
    started = time.monotonic()
    simulate(options, Console(file=io.StringIO(), width=120), folder)
    seconds = time.monotonic() - started
    report = json.loads((folder / "report.json").read_text())
    return outcome(bug, simulator, report, seconds)


def outcome(bug: Bug, simulator: str, report: dict[str, Any], seconds: float) -> Outcome:
    """Judge a run by its report."""
    failure = report["failure"] or {}
    seen = failure.get("diagnosis") or {}
    said = Step(seen["step"]) if seen.get("step") else None
    certain = bool(seen.get("certain"))
    failed = bool(failure) and failure["kind"] != "setup"
    diagnosis_seconds = float(seen.get("seconds", {}).get("all", 0.0))
    return Outcome(
        bug=bug.name,
        simulator=simulator,
        step=bug.step.value,
        said=None if said is None else said.value,
        verdict=verdict(bug, said, certain) if failed else GREEN,
        certain=certain,
        kind=failure.get("kind", ""),
        first=failure.get("message", ""),
        sentence=seen.get("sentence", ""),
        extent=seen.get("extent", ""),
        values=sum(layer["values_compared"] for layer in report["layers"]),
        cycle=(seen.get("first") or {}).get("cycle"),
        red_seconds=round(seconds - diagnosis_seconds, 1),
        diagnosis_seconds=round(diagnosis_seconds, 1),
        wave_bytes=(seen.get("waves") or {}).get("bytes", 0),
        command=report["command"],
    )


def chosen(names: Sequence[str]) -> tuple[Bug, ...]:
    """The bugs of these names, or all.

    Raises
    ------
    ConfigError
        A name that is on no bug.
    """
    return tuple(find(name) for name in names) if names else BUGS


def show(found: Outcome, console: Console) -> None:
    """One bug's outcome in two lines."""
    answer = found.said or "no step"
    console.print(
        f"{found.bug:32} {found.simulator:10} {found.step:12} diagnosis: {answer:12} "
        f"{found.verdict:6} red in {found.red_seconds} s, told in {found.diagnosis_seconds} s\n"
        f"    {found.sentence or found.first or 'stayed green'}",
        style=STYLES.get(found.verdict, "bold red"),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def keep(found: Iterable[Outcome], record: Path = RECORD) -> list[dict[str, Any]]:
    """Write outcomes beside those of other bugs that the record has; all of them in order."""
    known = json.loads(record.read_text()) if record.is_file() else []
    entries = {(entry["bug"], entry["simulator"]): entry for entry in known}
    entries.update({(one.bug, one.simulator): asdict(one) for one in found})
    places = {bug.name: place for place, bug in enumerate(BUGS)}
    kept = [entry for key, entry in entries.items() if key[0] in places]
    kept.sort(key=lambda entry: (places[entry["bug"]], entry["simulator"] == "icarus"))
    record.parent.mkdir(parents=True, exist_ok=True)
    write_whole(record, json.dumps(kept, indent=2) + "\n")
    return kept


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Bugs; all where none is named.")
    ] = None,
    markdown: Annotated[bool, typer.Option(help="Refresh docs/tables/diagnosis.md.")] = False,
    run: Annotated[bool, typer.Option(help="--no-run takes what was recorded before.")] = True,
) -> None:
    """Run the named bugs, or all; 1 if one stays green or its diagnosis is wrong."""
    console = new_console()
    try:
        bugs = chosen(names or [])
    except ConfigError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    found = _run(bugs, console) if run else []
    if markdown:
        refresh(TABLE, keep([]))
    if run:
        console.print(summary(found))
    raise typer.Exit(1 if any(one.verdict in FAILED for one in found) else 0)


def _run(bugs: Sequence[Bug], console: Console) -> list[Outcome]:
    simulators = {"verilator"}
    try:
        find_icarus()
        simulators.add("icarus")
    except ToolError as error:
        print_failure(console, f"Verilator alone: {error}")
    found = []
    for bug in bugs:
        for simulator in (name for name in bug.run.simulators if name in simulators):
            folder = FOLDER / f"{bug.name}-{simulator}"
            found.append(diagnosed(bug, simulator, folder))
            keep(found[-1:])
            show(found[-1], console)
            if found[-1].verdict == RIGHT:
                shutil.rmtree(folder, ignore_errors=True)
    return found


def summary(found: Sequence[Outcome]) -> str:
    """How many of each verdict there are."""
    counts = {kind: sum(one.verdict == kind for one in found) for kind in VERDICTS}
    return f"{len(found)} runs: " + ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)


if __name__ == "__main__":
    typer.run(main)
