"""A run under way: its progress so far, its failure, and the report of both."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tb.cosim.failure import Failure, first_failure, read_results
from tb.debug.diagnosis import Diagnosis
from tb.debug.replay_job import FrameReplayJob, Neighbours
from tb.duts.conv_pe.frame_record import DONE, RESULTS, FrameSchedule, frame_folder
from tb.duts.conv_pe.job_record import NUMBERS
from tb.flows.sim import report
from tb.flows.sim.frames import Checkpoint, FrameResult, Prefetch
from tb.flows.sim.layer_results import (
    Edge,
    LayerProgress,
    frame_edge,
    in_blocks,
    layer_progress,
    summed,
)
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import Prepared
from tb.networks.registry import DecodedOutput, Outputs
from tb.toolchain import build, run_folder
from tb.toolchain.simulators import Simulator


@dataclass(slots=True)
class RunState:
    """What a run consists of; None or empty where it has not got that far."""

    options: SimOptions
    folder: Path
    started: float
    """On the monotonic clock."""
    simulator: Simulator | None = None
    prepared: Prepared | None = None
    schedule: FrameSchedule | None = None
    prefetch: Prefetch | None = None
    checkpoint: Checkpoint | None = None
    pictures: Sequence[Path] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    resumed: dict[Path, FrameResult] = field(default_factory=dict)
    finished: list[FrameResult] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    output_failure: Failure | None = None
    diagnosis: Diagnosis | None = None

    @property
    def paths(self) -> list[Path]:
        """The pictures to simulate: those without a frame from a checkpoint."""
        return [path for path in self.pictures if path not in self.resumed]

    @property
    def array(self) -> tuple[int, int]:
        """``(P_IC, P_OC)``."""
        assert self.prepared is not None
        return self.prepared.config.p_ic, self.prepared.config.p_oc

    @property
    def decodes_output(self) -> bool:
        """Whether the network's outputs were simulated, so that they can be decoded."""
        heads = set(self.options.network.heads)
        return self.schedule is not None and heads <= set(self.schedule.save)

    def resume(self, print_line: Callable[[str], None]) -> None:
        """Take over the frames that an interrupted run has left."""
        assert self.checkpoint is not None
        for path in self.pictures:
            if (frame := self.checkpoint.load(path)) is not None:
                self.resumed[path] = frame
        if self.resumed:
            count = f"{len(self.resumed)} of {len(self.pictures)}"
            print_line(f"going on: {count} frames were simulated before the interruption")

    def results(self, frame: int) -> list[dict[str, Any]]:
        """What the simulator has written of a frame."""
        return read_results(frame_folder(self.folder, frame) / RESULTS)

    def _current(self) -> int:
        """The frame that is being simulated, or the last."""
        last = max(len(self.paths) - 1, 0)
        reached = frame_folder(self.folder, len(self.finished)) / RESULTS
        at = len(self.finished) if reached.is_file() else len(self.finished) - 1
        return min(max(at, 0), last)

    def _layers(self, frame: int, results: list[dict[str, Any]]) -> list[LayerProgress]:
        assert self.prepared is not None and self.schedule is not None
        net = self.options.network
        kinds = {node.name: net.kind(node) for node in self.prepared.network.nodes}
        return layer_progress(self.schedule, kinds, results, self._edge(frame))

    def _edge(self, frame: int) -> Edge | None:
        """Where the frame before has ended."""
        return self.edges[frame - 1] if 0 < frame <= len(self.edges) else None

    def progress(self) -> list[LayerProgress]:
        """The layers of the frame that is being simulated; its blocks where they are many."""
        frame = self._current()
        return in_blocks(self._layers(frame, self.results(frame)), self.options.network.block)

    def where(self) -> str:
        """Which picture of how many is being simulated, and how fast they go."""
        number = min(len(self.resumed) + self._current() + 1, len(self.pictures))
        name = self.paths[self._current()].name if self.paths else ""
        text = f"picture {number} of {len(self.pictures)}: {name}"
        if self.finished:
            each = sum(frame.report.seconds for frame in self.finished) / len(self.finished)
            text += f", {each:.1f} s a frame"
        return text

    def follow(self) -> None:
        """Take in what has been finished since the last call.

        Raises
        ------
        Exception
            Whatever has stopped the prefetch.
        """
        assert self.prefetch is not None
        if self.prefetch.error is not None:
            raise self.prefetch.error
        while (
            len(self.finished) < len(self.paths)
            and (frame_folder(self.folder, len(self.finished)) / DONE).is_file()
        ):
            self._finish(len(self.finished))
            self.prefetch.done = len(self.finished)

    def _finish(self, number: int) -> None:
        """Decode a finished frame's outputs, checkpoint it, and clear its folder."""
        assert self.prefetch and self.prepared and self.schedule
        folder, path = frame_folder(self.folder, number), self.paths[number]
        results = self.results(number)
        layers = [entry.report for entry in self._layers(number, results)]
        self.edges.append(frame_edge(self.schedule, results, self._edge(number)))
        seconds = sum(layer.sim_seconds for layer in layers)
        decoded, net = DecodedOutput(), self.options.network
        picture = self.prefetch.outputs.pop(number)
        if all((folder / f"{head}.npy").is_file() for head in net.heads):
            heads = {head: np.load(folder / f"{head}.npy") for head in net.heads}
            outputs = Outputs(heads, picture.tensors, picture.pixels, folder)
            decoded = net.decode(outputs, self.prepared.quantized, self.options)
            self.output_failure = self.output_failure or decoded.failure
        frame_report = report.FrameReport(str(path), seconds, decoded.boxes)
        frame = FrameResult(frame_report, layers, decoded.text, decoded.cosine)
        right = self.output_failure is None and first_failure(results) is None
        if self.checkpoint is not None and right:
            self.checkpoint.save(path, frame, folder / net.drawing)
        self.finished.append(frame)
        if right and not (self.options.waves and number == 0):
            shutil.rmtree(folder / "golden", ignore_errors=True)
            (folder / "input.npy").unlink(missing_ok=True)

    @property
    def frames(self) -> list[FrameResult]:
        """All frames that are whole, in the order of the pictures."""
        found = {**self.resumed, **dict(zip(self.paths, self.finished, strict=False))}
        return [found[path] for path in self.pictures if path in found]

    def failed_job(self) -> tuple[int, Failure] | None:
        """The first job that failed: its number, counted through the run, and how it failed."""
        for frame in range(len(self.paths)):
            for result in self.results(frame):
                if result["verdict"]["failure"] is not None:
                    return int(result["index"]), Failure(**result["verdict"]["failure"])
        return None

    def replay_job(self, number: int) -> FrameReplayJob:
        """The job of that number, to be diagnosed."""
        assert self.schedule is not None and self.prepared is not None
        frame, place = divmod(number, len(self.schedule.jobs))
        job = self.schedule.jobs[place]
        layer = next(s.conv for s in self.prepared.fused_layers if s.conv.name == job.record.layer)
        fracs = {
            "input": layer.in_frac,
            "weight": layer.weight_frac,
            "sum": layer.sum_frac,
            "output": layer.out_frac,
        }
        return FrameReplayJob(
            *(self.folder, self.schedule.config, [one.record for one in self.schedule.jobs], place),
            *(self.schedule, frame, number % NUMBERS),
            fracs=fracs,
            region={"row": job.region.row, "column": job.region.column},
            conv=job.conv,
            node=job.node,
        )

    def jobs_done(self) -> int:
        """Jobs that have ended."""
        return sum(len(self.results(frame)) for frame in range(len(self.paths)))

    def jobs_wanted(self) -> int:
        """Jobs that the run has."""
        return 0 if self.schedule is None else len(self.schedule.jobs) * len(self.paths)

    def layers(self) -> list[report.LayerReport]:
        """Every layer's sums over all frames, those not reached included."""
        if self.prepared is None or self.schedule is None:
            return []
        frames = [frame.layers for frame in self.frames]
        for number in range(len(self.finished), len(self.paths)):
            entries = self._layers(number, self.results(number))
            frames.append([entry.report for entry in entries])
        return summed(frames)

    def failure(self) -> Failure | None:
        """The first failure of a job, with the command that repeats just it; or the outputs'."""
        failed = self.failed_job()
        if failed is None:
            return self.output_failure
        number, failure = failed
        diagnosis = None if self.diagnosis is None else self.diagnosis.summary()
        return replace(failure, replay=self.replay(number), diagnosis=diagnosis)

    def replay(self, number: int) -> str:
        """The command that repeats a job, with those ahead that its failure is known to need."""
        assert self.schedule is not None
        frame, place = divmod(number, len(self.schedule.jobs))
        record, diagnosis = self.schedule.jobs[place].record, self.diagnosis
        changes: dict[str, Any] = {}
        if self.options.images is not None:
            changes |= {"images": None, "image": self.paths[frame]}
        if diagnosis is not None and not diagnosis.reproduced:
            return self.options.replay(**changes)
        around = Neighbours() if diagnosis is None else diagnosis.neighbours
        span = self.schedule.jobs[place - around.before : place + around.behind + 1]
        first, last = span[0].record, span[-1].record
        if first.layer != last.layer:
            return self.options.replay(**changes)
        jobs = dict.fromkeys(str(end.tile_number) for end in (first, last))
        return self.options.replay(**changes, layer=record.layer, job="-".join(jobs), from_layer="")

    def summary(self, failure: Failure | None) -> report.Report:
        """The report of what has happened up to now."""
        options = self.options
        leaky = ("slope", "leaky_place", "pool_pad")
        known: dict[str, Any] = {name: getattr(options, name) for name in leaky}
        known |= dict.fromkeys(options.network.without.intersection(leaky))
        known |= {"image_size": str(options.size), "size_source": options.size_source}
        if self.simulator is not None:
            known["simulator_version"] = self.simulator.version
        if self.prepared is not None:
            config, quantized = self.prepared.config, self.prepared.quantized
            known |= {name: getattr(config, name) for name in ("acc_w", "act_w", "weight_w")}
            known["array"] = self.array
            known["memories"] = report.Memories(config.tile_pixels, config.input_words)
            known["weights_sha256"] = quantized.sha256
            known["retune_sha256"] = quantized.retune_sha256
        frames = [frame.report for frame in self.frames if self.decodes_output]
        cosines = [frame.cosine for frame in self.frames if frame.cosine is not None]
        return report.Report(
            run=self.folder.name,
            command=options.command(),
            commit=run_folder.git_commit(build.ROOT),
            network=options.net,
            scope=options.scope,
            image=str(self.pictures[0]) if self.pictures and options.images is None else None,
            frames=frames or None,
            unreadable=self.unreadable,
            embedding_cosine=min(cosines, default=None),
            format=options.format,
            mode=options.mode,
            simulator=options.sim,
            seed=options.seed,
            inject=options.injected or None,
            bug=options.bug or None,
            layers=self.layers(),
            wall_seconds=time.monotonic() - self.started,
            failure=failure or self.failure(),
            **known,
        )

    def interruption(self) -> str:
        """The message for whoever has interrupted the run."""
        text = "interrupted by the user"
        if self.checkpoint is None:
            return text
        whole = f"{len(self.frames)} of {len(self.pictures)} frames"
        return f"{text} after {whole}; the same command goes on from there"

    def clear(self) -> None:
        """Remove what a run that has ended well needs no more: checkpoints, weights' streams."""
        if self.checkpoint is not None:
            self.checkpoint.clear(self.pictures)
        for path in self.folder.glob("job_*.wgt"):
            if path.name != "job_00000.wgt":
                path.unlink()

    def free_disk(self) -> None:
        """Remove what is of no use any more where the report needs the room."""
        for path in self.folder.glob("job_*"):
            path.unlink()
        for path in self.folder.glob("frame_*"):
            shutil.rmtree(path, ignore_errors=True)
