"""Finds the first step that went wrong for one value, from what the probe recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.config import PEConfig
from tb.debug.localization.array import array_culprits
from tb.debug.localization.comparison import (
    ComparedPass,
    OutputStep,
    compared_passes,
    comparison_text,
    output_steps,
)
from tb.debug.localization.contributions import read_streams
from tb.debug.localization.control import control_culprits
from tb.debug.localization.flow import flow_culprits
from tb.debug.localization.output import output_culprits
from tb.debug.localization.stage_counts import StageCount, stage_counts
from tb.debug.localization.watched import Culprit, WatchedValue
from tb.debug.probe.events import Probe
from tb.debug.probe.watch import Watch
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.pipeline_steps import Step

NOTHING: Final = "nothing differs on this value's way, nor in the counts"


@dataclass(frozen=True, slots=True)
class Localization:
    """Where a value left the reference model's path."""

    culprit: Culprit
    """The step whose inputs were right and whose output is not."""
    passes: tuple[ComparedPass, ...]
    """Every contribution."""
    output_steps: tuple[OutputStep, ...]
    flow: tuple[StageCount, ...]

    @property
    def step(self) -> Step | None:
        """The culprit's."""
        return self.culprit.step

    @property
    def first_wrong(self) -> int | None:
        """The first contribution in which a figure differs."""
        return next((row.term.number for row in self.passes if row.wrong), None)

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of it."""
        culprit = self.culprit
        return {
            "step": None if culprit.step is None else culprit.step.value,
            "cycle": culprit.cycle,
            "sentence": culprit.sentence,
            "certain": culprit.certain,
            "suspects": culprit.explanations,
            "rows": [row.as_json() for row in self.passes],
            "output_steps": [step.as_json() for step in self.output_steps],
            "flow": [entry.as_json() for entry in self.flow],
        }

    def text(self, limit: int | None = None) -> str:
        """The comparison as tables: at most so many contributions, around the first wrong one."""
        return comparison_text(self.passes, self.output_steps, self.flow, limit)


def localize(
    record: JobRecord,
    config: PEConfig,
    folder: Path,
    probe: Probe,
    watch: Watch,
    *,
    before: int = 0,
    first_group: int = 0,
) -> Localization:
    """Find the first step that went wrong for the watched value.

    Parameters
    ----------
    record : JobRecord
        As it ran.
    folder : Path
        Holds the job's streams.
    before : int
        Jobs that ran ahead of it in the same simulation; others may have run behind it.
    first_group : int
        Their output groups.

    Raises
    ------
    InputError
        The streams do not fit the descriptor.
    """
    watched = WatchedValue(
        streams=read_streams(folder, record, config),
        probe=probe,
        group=watch.group - first_group,
        lane=watch.lane,
        pixel=watch.pixel,
        reads=(watch.first_read, watch.last_read),
        first_group=first_group,
        before=before,
    )
    flow = stage_counts(watched, record)
    culprits = chain(
        control_culprits(watched, record),
        array_culprits(watched),
        output_culprits(watched),
        flow_culprits(watched, flow, folder),
    )
    culprit = next(culprits, None)
    if culprit is None:
        culprit = Culprit(None, None, _on_disk(watched, folder, record) or NOTHING)
    passes, steps = tuple(compared_passes(watched)), tuple(output_steps(watched))
    return Localization(culprit, passes, steps, flow)


def _on_disk(watched: WatchedValue, folder: Path, record: JobRecord) -> str | None:
    """What the bench expected, where it is not what the job's own streams give."""
    job, channel = watched.job, watched.channel
    for window in watched.windows if watched.live else ():
        wanted = [("expected", window.beat % len(job.windows()), window.highest)]
        wanted += [
            ("activated", value.row * job.out_width + value.column, value.value)
            for value in window.values
        ]
        for name, index, value in wanted:
            path = folder / f"{record.stem}.{name}.npy"
            if path.is_file() and (held := int(np.load(path)[channel].flat[index])) != value:
                return (
                    f"the RTL makes what the job's streams give, {value}: "
                    f"the bench's file holds {held}, which nothing in the streams explains"
                )
    return None
