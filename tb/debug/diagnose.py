"""From a job of a run to its diagnosis: replay it, follow the wrong value, record its waves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from golden.files import write_whole
from tb.cosim.failure import Failure
from tb.debug.diagnosis import Diagnosis, WaveFile
from tb.debug.gtkwave.layout import HEADERS_MISSING, suffix, write_layout
from tb.debug.localization.localize import Localization, localize
from tb.debug.mismatch.divergence import Comparison, Divergence, compare
from tb.debug.mismatch.error_map import text_map, write_map
from tb.debug.mismatch.extent import extent
from tb.debug.probe.watch import Watch, watch_output
from tb.debug.replay import SURROUNDINGS, Replay, replay, same
from tb.debug.replay_job import Neighbours, ReplayJob, remove
from tb.duts.conv_pe.job_record import JobRecord
from tb.toolchain import build, logs
from tb.toolchain.build import Build
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator
from tb.toolchain.waves import Wave, choose_window, stopped_in

SCHEMA: Final = 1


@dataclass(slots=True)
class Diagnoser:
    """Diagnoses one job: replays it, follows the wrong value, and records its waves."""

    job: ReplayJob
    failure: Failure | None
    """How the job failed in its run; None where it did not."""
    simulator: Simulator
    folder: Path
    """Where all that is found is left; what is there is removed."""
    patch: Patch | None = None
    """What the design was broken with."""
    seed: int = 1
    window: int | None = None
    """Cycles that the waves are to cover."""
    print_line: Callable[[str], None] = lambda text: None
    """Prints what is being done, in a line."""
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> Diagnosis:
        """Diagnose the job, and leave all that was found in `folder`.

        Raises
        ------
        InputError
            The replay could not be run.
        ConfigError
            The waves asked for are larger than their limit.
        OSError
            The folder cannot be written.
        """
        remove(self.folder)
        self.folder.mkdir(parents=True)
        started = time.monotonic()
        made = self._build()
        ran = self._reproduce(made)
        compared, where = self._examine(ran)
        first = compared.divergence
        if first is not None and ran.watch != watch_of(self.job, ran.neighbours, first):
            ran = self._replay(made, ran.neighbours, first)
            compared, where = self._examine(ran)
        wave = self._record_waves(made, ran, first, where)
        self.seconds["all"] = time.monotonic() - started
        found = self._diagnosis(ran, compared, where, wave)
        write_map(compared.values, self.folder / "map.png")
        self._write_job(ran)
        found.write(self.folder)
        return found

    def _build(self) -> Build:
        with self._timed("compile"):
            return build.build(
                self.simulator,
                self.job.config,
                waves=True,
                patch=self.patch,
                print_line=self.print_line,
            )

    def _reproduce(self, made: Build) -> Replay:
        """Run the job alone, then among those around it, until it fails as in its run.

        Where it never does, the last replay that failed at all is taken, or else the last.
        """
        first = None
        if self.failure is not None:
            first = self._compare(self.job.folder, self.job.record, self.failure)
        place = None if first is None else first.divergence
        tried: list[Replay] = []
        for neighbours in dict.fromkeys(self.job.neighbours(wanted) for wanted in SURROUNDINGS):
            tried.append(self._replay(made, neighbours, place))
            if same(self.failure, tried[-1].failure):
                return tried[-1]
        red = [ran for ran in tried if ran.failure is not None]
        if not red or red[-1] is tried[-1]:
            return tried[-1]
        return self._replay(made, red[-1].neighbours, place)

    def _replay(
        self,
        made: Build,
        neighbours: Neighbours,
        place: Divergence | None,
        wave: Wave | None = None,
    ) -> Replay:
        record, count = self.job.record, sum(neighbours)
        others = f" with {count} around it" if count else ""
        self.print_line(f"running job {record.tile_number} of {record.layer} again{others}")
        with self._timed("replay" if wave is None else "waves"):
            watch = watch_of(self.job, neighbours, place)
            folder = self.folder / "replay"
            return replay(self.job, made, folder, neighbours, watch, self.seed, wave)

    def _examine(self, ran: Replay) -> tuple[Comparison, Localization]:
        """What is wrong with the replay's values, and where it came from."""
        compared = self._compare(ran.folder, ran.record, ran.failure)
        where = localize(
            ran.record,
            self.job.config,
            ran.folder,
            ran.probe,
            ran.watch,
            before=ran.neighbours.before,
            first_group=self.job.first_group(ran.neighbours.before),
        )
        return compared, where

    def _compare(self, folder: Path, record: JobRecord, failure: Failure | None) -> Comparison:
        job, unknown = self.job, failure is not None and failure.kind == "unknown_value"
        return compare(folder, record, job.config, conv=job.conv, node=job.node, unknown=unknown)

    def _record_waves(
        self, made: Build, ran: Replay, first: Divergence | None, where: Localization
    ) -> WaveFile | None:
        """Replay once more, and write the waves with their layout."""
        config, name = self.job.config, self.simulator.name
        ending = suffix(name)
        if ending == "vcd":
            self.print_line(HEADERS_MISSING)
        guilty = _cycle_of_interest(first, where)
        window = choose_window(ran.cycles, guilty, config, name, ending, wanted=self.window)
        path = self.folder / f"wave.{ending}"
        self._replay(made, ran.neighbours, first, window.wave(path.absolute()))
        if not path.is_file():
            self.print_line(f"the simulator wrote no waves; {logs.see(ran.folder)}")
            return None
        cut = stopped_in(ran.folder / logs.LOG)
        layout = path.with_suffix(".gtkw")
        write_layout(
            layout,
            path,
            config,
            lane=0 if first is None else first.lane,
            marker_cycle=guilty,
            out_cycle=None if first is None else first.left_cycle,
            fracs=self.job.fracs,
            step=where.step,
        )
        last = window.last if cut is None else cut
        size = path.stat().st_size
        return WaveFile(str(path), str(layout), window.first, last, size, window.choice)

    def _write_job(self, ran: Replay) -> None:
        """Write ``job.json``: what gives the waves' transactions their coordinates."""
        document = {
            "schema": SCHEMA,
            "layer": ran.record.layer,
            "job": ran.record.tile_number,
            "simulator": self.simulator.name,
            "config": asdict(self.job.config),
            "record": asdict(ran.record),
            "before": ran.neighbours.before,
            "first_group": self.job.first_group(ran.neighbours.before),
            "launch_cycle": ran.cycles[0],
            "fracs": self.job.fracs,
            "region": self.job.region,
        }
        write_whole(self.folder / "job.json", json.dumps(document, indent=2) + "\n")

    def _diagnosis(
        self, ran: Replay, compared: Comparison, where: Localization, wave: WaveFile | None
    ) -> Diagnosis:
        return Diagnosis(
            layer=ran.record.layer,
            job=ran.record.tile_number,
            simulator=self.simulator.name,
            array=self.job.config.array,
            mode=self.job.config.mode.value,
            reproduced=same(self.failure, ran.failure),
            neighbours=ran.neighbours,
            run_failure=self.failure,
            failure=ran.failure,
            divergence=compared.divergence,
            extent=extent(compared.values),
            map=text_map(compared.values),
            localization=where,
            waves=wave,
            folder=str(self.folder),
            seconds={name: round(spent, 3) for name, spent in self.seconds.items()},
        )

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


def _cycle_of_interest(first: Divergence | None, where: Localization) -> int | None:
    """Where to look: at the guilty step, the wrong value, or the output of the followed one."""
    if where.culprit.cycle is not None:
        return where.culprit.cycle
    if first is not None and first.cycle is not None:
        return first.cycle
    return max((step.cycle for step in where.output_steps), default=None)


def watch_of(job: ReplayJob, neighbours: Neighbours, first: Divergence | None) -> Watch:
    """What to follow: a wrong value, or the job's first where none is known."""
    record, config, base = job.record, job.config, job.first_group(neighbours.before)
    if first is None or first.group is None or first.pixel is None:
        tile = record.out_tile
        return watch_output(record, config, tile.first_channel, tile.row, tile.column, base)
    assert first.first_read is not None and first.last_read is not None
    reads = first.first_read, first.last_read
    return Watch(base + first.group, first.lane, first.pixel, *reads)
