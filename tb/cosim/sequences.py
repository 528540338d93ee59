"""Where a sequencer's jobs come from: a folder of single jobs, or frames."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from tb.cosim.failure import Failure
from tb.cosim.frame_memory import FrameMemory, from_beats, from_reads
from tb.cosim.scoreboard import (
    Verdict,
    compare,
    compare_files,
    compare_tap,
    merge_verdicts,
    mismatch,
)
from tb.cosim.sequencer import JobEnd, JobOutcome, JobSequence
from tb.duts.conv_pe.frame_record import DONE, RESULTS, FrameJob, FrameSchedule, frame_folder
from tb.duts.conv_pe.job_record import NUMBERS, JobRecord
from tb.duts.conv_pe.packing import read_recording, read_tap
from tb.duts.conv_pe.registers import StatusCode

POLL_SECONDS: Final = 0.02


class FolderSequence(JobSequence):
    """Jobs that know nothing of each other, with their inputs and expected values in files."""

    def __init__(self, folder: Path, config: PEConfig, records: Sequence[JobRecord]) -> None:
        self._folder, self._config, self._records = folder, config, records
        (folder / RESULTS).write_text("")

    @property
    def count(self) -> int:
        """Jobs of the run."""
        return len(self._records)

    def prepare_input(self, index: int) -> JobRecord:
        """The job; its input is there."""
        return self._records[index]

    def check(self, index: int, end: JobEnd, failure: Failure | None) -> JobOutcome:
        """Compare with the expected values on disk."""
        record = self._records[index]
        return JobOutcome(
            compare_files(self._folder, record, end.status, self._config, failure), {}
        )

    def record_result(self, result: dict[str, Any], index: int) -> None:
        """Append to ``results.jsonl``."""
        with (self._folder / RESULTS).open("a") as file:
            file.write(json.dumps(result) + "\n")


class FrameSequence(JobSequence):
    """The jobs of one frame after another, each reading what the RTL made before it.

    Parameters
    ----------
    folder : Path
        The run's.
    """

    def __init__(self, folder: Path, frames: FrameSchedule) -> None:
        self._folder, self._frames = folder, frames
        self._open: dict[int, FrameMemory] = {}
        self._red: list[int] = []

    @property
    def count(self) -> int:
        """Jobs of all frames."""
        return len(self._frames.jobs) * self._frames.frames

    def _place(self, index: int) -> tuple[int, FrameJob]:
        """The frame and the job that a number of the run stands for."""
        frame, number = divmod(index, len(self._frames.jobs))
        return frame, self._frames.jobs[number]

    def _record(self, index: int) -> JobRecord:
        return replace(self._place(index)[1].record, number=index % NUMBERS)

    def jobs_needed(self, index: int) -> int:
        """Jobs up to the last one whose output this one reads."""
        frame, job = self._place(index)
        return frame * len(self._frames.jobs) + job.after if job.after else 0

    def is_ready(self, index: int) -> bool:
        """Whether the reference model has computed the job's frame."""
        frame, _ = self._place(index)
        return frame in self._open or frame_folder(self._folder, frame).is_dir()

    def prepare_input(self, index: int) -> JobRecord:
        """Put the input together from what the RTL made, and write it."""
        frame, job = self._place(index)
        while not self.is_ready(index):
            time.sleep(POLL_SECONDS)  # the simulation stands still meanwhile
        if frame not in self._open:
            folder = frame_folder(self._folder, frame)
            self._open[frame] = FrameMemory(self._frames, folder)
            (folder / RESULTS).write_text("")
        record = self._record(index)
        self._open[frame].beats(job).tofile(self._folder / f"{record.stem}.act")
        return record

    def check(self, index: int, end: JobEnd, failure: Failure | None) -> JobOutcome:
        """Compare with the reference model's tensors, and take the values in."""
        frame, job = self._place(index)
        tensors, record = self._open[frame], self._record(index)
        found: list[tuple[str, Verdict]] = []
        if failure is not None:
            found = [(name, Verdict(n, 0, 0, failure)) for name, n in job.expected.items()]
        else:
            if job.conv and record.tap:
                found.append((job.conv, self._compare_tap(index, tensors, job, record, end)))
            found.append((job.node, self._compare_out(index, tensors, job, record, end)))
            found += [
                (name, self._compare_join(tensors, name)) for name in tensors.complete_joins()
            ]
        verdict = merge_verdicts([verdict for _, verdict in found])
        self._tidy(index, record, verdict)
        nodes = {
            name: (verdict.values_expected, verdict.values_compared, verdict.mismatches)
            for name, verdict in found
        }
        return JobOutcome(verdict, nodes)

    def _expected_out(self, index: int, tensors: FrameMemory, job: FrameJob) -> Int16Array:
        """What the job is to make of its node, with the injected fault where it belongs there."""
        expected = job.record.out_tile.of(tensors.golden(job.node))
        return self._flipped(index, expected) if job.conv in ("", job.node) else expected

    def _expected_tap(self, index: int, tensors: FrameMemory, job: FrameJob) -> Int16Array:
        """The convolution's values that the tap is to show, with the injected fault."""
        expected = np.array(job.record.tile.of(tensors.golden(job.conv or job.source)))
        mine = np.s_[:, : job.own.height, : job.own.width]
        if job.conv:
            expected[mine] = self._flipped(index, expected[mine])
        return expected

    def _flipped(self, index: int, tensor: Int16Array) -> Int16Array:
        """The values with one bit flipped, of the first job where that was asked for."""
        seed = self._frames.flip_seed
        return tensor if index or seed is None else flip_bit(tensor, seed)

    def _compare_tap(
        self, index: int, tensors: FrameMemory, job: FrameJob, record: JobRecord, end: JobEnd
    ) -> Verdict:
        """The convolution's values before the pool, of which the halo is compared, not counted."""
        config, tile, own = self._frames.config, record.tile, job.own
        expected = self._expected_tap(index, tensors, job)
        mine = np.s_[:, : own.height, : own.width]
        tap = read_tap(self._folder / f"{record.stem}.tap", config)
        verdict = compare_tap(job.conv, tile, record.readout, expected, tap, config)
        whole = len(record.readout.order(tile.height, tile.width)) * -(
            -len(expected) // config.p_oc
        )
        if len(tap.values) != whole:
            return Verdict(own.values, 0, 0, _with_status(verdict.failure, end.status))
        values = from_reads(tap.values, record.readout, tile)
        wrong = int((values[mine] != expected[mine]).sum()) if verdict.failure else 0
        tensors.put(job.conv, tile, values, own.values)
        return Verdict(own.values, own.values, wrong, verdict.failure)

    def _compare_out(
        self, index: int, tensors: FrameMemory, job: FrameJob, record: JobRecord, end: JobEnd
    ) -> Verdict:
        """What left the PE."""
        config, tile = self._frames.config, record.out_tile
        expected = self._expected_out(index, tensors, job)
        recording = read_recording(self._folder / f"{record.stem}.out", config)
        verdict = compare(job.node, tile, expected, recording, end.status, config)
        if len(recording.values) == record.out_beats:
            values = from_beats(recording.values, len(expected), tile.height, tile.width)
            tensors.put(job.node, tile, values, tile.values)
        return verdict

    def _compare_join(self, tensors: FrameMemory, name: str) -> Verdict:
        """A concatenation as its readers get it, put together from what the RTL made."""
        expected, actual = tensors.golden(name), tensors.tensor(name)
        differs = actual != expected
        mismatches, failure = int(differs.sum()), None
        if mismatches:
            channel, row, column = (int(place[0]) for place in np.nonzero(differs))
            values = int(expected[channel, row, column]), int(actual[channel, row, column])
            more = f"; {mismatches} of {expected.size} differ"
            failure = mismatch(name, (channel, row, column), values, more)
        return Verdict(expected.size, expected.size, mismatches, failure)

    def _tidy(self, index: int, record: JobRecord, verdict: Verdict) -> None:
        """Remove a job's files, unless it is the first or has failed."""
        if verdict.failure is None and index:
            for ending in ("act", "out", "tap"):
                (self._folder / f"{record.stem}.{ending}").unlink(missing_ok=True)
            return
        frame, job = self._place(index)
        tensors, stem = self._open[frame], self._folder / record.stem
        np.save(f"{stem}.expected.npy", self._expected_out(index, tensors, job))
        if record.tap:
            np.save(f"{stem}.activated.npy", self._expected_tap(index, tensors, job))

    def record_result(self, result: dict[str, Any], index: int) -> None:
        """Append to the frame's ``results.jsonl``; a frame that is whole is saved."""
        frame, _ = self._place(index)
        folder = frame_folder(self._folder, frame)
        with (folder / RESULTS).open("a") as file:
            file.write(json.dumps(result) + "\n")
        if (index + 1) % len(self._frames.jobs) == 0:
            self._open.pop(frame).save()
            (folder / DONE).touch()

    def continues_after(self, index: int, failed: int) -> bool:
        """After a failure its layer is finished; what follows would read wrong values."""
        if self._frames.golden_inputs:
            return True
        frame, job = self._place(index)
        red, first = self._place(failed)
        return frame == red and job.record.layer == first.record.layer


def _with_status(failure: Failure | None, status: StatusCode) -> Failure | None:
    """A failure with what the PE says of it."""
    if failure is None or status is StatusCode.NONE:
        return failure
    return replace(failure, message=f"{failure.message}; the PE ended the job with {status.name}")


def flip_bit(expected: Int16Array, seed: int) -> Int16Array:
    """A copy of `expected` with one bit of one value flipped."""
    draw = random.Random(seed)
    flipped: Int16Array = expected.copy()
    place = draw.randrange(flipped.size)
    flipped.reshape(-1).view(np.uint16)[place] ^= np.uint16(1 << draw.randrange(16))
    return flipped
