"""What the diagnosis of a job has found: as JSON for scripts, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from golden.files import write_whole
from tb.console import shown as shown_path
from tb.cosim.failure import DiagnosisSummary, Failure
from tb.debug.localization.localize import Localization
from tb.debug.mismatch.divergence import Divergence
from tb.debug.mismatch.extent import Extent
from tb.debug.replay_job import Neighbours

SCHEMA: Final = 1
SHOWN: Final = 9
"""Contributions that the terminal shows; ``diagnosis.txt`` has them all."""
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class WaveFile:
    """The waves of a diagnosis."""

    file: str
    layout: str
    """The wave file and what GTKWave opens."""
    first_cycle: int
    last_cycle: int
    """What they cover."""
    bytes: int
    """Size of the wave file."""
    choice: str
    """Why just these cycles."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of one job."""

    layer: str
    job: int
    """Counted within the layer."""
    simulator: str
    array: str
    mode: str
    reproduced: bool
    """Whether the replay ended as the run did."""
    neighbours: Neighbours
    """Jobs that had to run ahead of it and behind it for that."""
    run_failure: Failure | None
    """How the run failed."""
    failure: Failure | None
    """How the replay failed."""
    divergence: Divergence | None
    """The first wrong value, in the replay's cycles."""
    extent: Extent
    """Which other values are wrong."""
    map: str
    """Where they lie, in characters."""
    localization: Localization
    """Where the RTL left the reference model's path."""
    waves: WaveFile | None
    folder: str
    """Where all of it lies."""
    seconds: dict[str, float]
    """Wall time of ``compile``, ``replay`` and ``waves``, and of ``all``."""

    def summary(self) -> DiagnosisSummary:
        """What ``report.json`` holds of it."""
        culprit = self.localization.culprit
        return {
            "folder": self.folder,
            "step": None if culprit.step is None else culprit.step.value,
            "sentence": culprit.sentence,
            "certain": culprit.certain,
            "cycle": culprit.cycle,
            "reproduced": self.reproduced,
            "before": self.neighbours.before,
            "behind": self.neighbours.behind,
            "first": None if self.divergence is None else self.divergence.as_json(),
            "extent": self.extent.sentence,
            "waves": None if self.waves is None else asdict(self.waves),
            "seconds": self.seconds,
        }

    def document(self) -> dict[str, Any]:
        """The whole of it as JSON holds it."""
        return {
            "schema": SCHEMA,
            "layer": self.layer,
            "job": self.job,
            "simulator": self.simulator,
            "array": self.array,
            "mode": self.mode,
            "failure": None if self.failure is None else asdict(self.failure),
            **self.summary(),
            "extent": self.extent.as_json(),
            "inside": self.localization.as_json(),
        }

    def write(self, folder: Path) -> None:
        """Write ``diagnosis.json`` and ``diagnosis.txt``, each whole."""
        words = json.dumps(self.document(), indent=2, allow_nan=False) + "\n"
        write_whole(folder / "diagnosis.json", words)
        write_whole(folder / "diagnosis.txt", "\n".join(self.lines(None)) + "\n")

    def lines(self, shown: int | None = SHOWN) -> Iterator[str]:
        """Yield it for a person, with `shown` contributions around the first that differs."""
        if not self.reproduced:
            yield "The replay does not fail as the run did: what follows is the replay's."
        elif any(self.neighbours):
            yield f"It does not fail alone, but it does with {self._others()}."
        failures = self.run_failure, self.failure
        run, here = (None if failure is None else failure.actual for failure in failures)
        if self.reproduced and run != here:
            yield f"The run had {run} there, the replay {here}: it depends on what ran before."
        if self.divergence is not None:
            yield from self.divergence.lines()
            yield self.extent.sentence
            yield from self.map.splitlines()
        culprit = self.localization.culprit
        if culprit.step is not None:
            yield self.guilty
        elif self.divergence is None:
            yield f"the job's first value was followed: {culprit.sentence}"
        else:
            yield culprit.sentence
        yield from (f"    {explanation}" for explanation in culprit.explanations)
        yield from self.localization.text(shown).splitlines()
        if self.waves is not None:
            size = _size(self.waves.bytes)
            layout = shown_path(Path(self.waves.layout))
            yield f"waves: {size}, {self.waves.choice}: gtkwave {layout}"

    @property
    def guilty(self) -> str:
        """The guilty step in a line; or that none was found, and why."""
        culprit = self.localization.culprit
        if culprit.step is None:
            return f"guilty: no step was found: {culprit.sentence}"
        sure = "" if culprit.certain else " (not certain)"
        return f"guilty: {culprit.step.value}{sure}: {culprit.sentence}"

    def _others(self) -> str:
        """The jobs around it in words."""
        sides = ((self.neighbours.before, "ahead of"), (self.neighbours.behind, "behind"))
        words = [f"{count} job{'s' * (count > 1)} {side} it" for count, side in sides if count]
        return " and ".join(words)


def _size(count: int) -> str:
    """Bytes as a person counts them.

    >>> _size(45_300), _size(4_675_937)
    ('45 kB', '4.7 MB')
    """
    if count < MEGABYTE // 10:
        return f"{count / 1000:.0f} kB"
    return f"{count / MEGABYTE:.1f} MB"
