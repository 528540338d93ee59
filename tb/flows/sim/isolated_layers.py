"""The network on the RTL, each layer on the reference model's inputs, whichever are wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import InputError
from golden.graph.fusion import fused
from golden.graph.network import Network
from golden.vision.images import default_image
from tb.cosim import cocotb_test
from tb.cosim.failure import Failure, read_results
from tb.duts.conv_pe.frame_record import RESULTS, FrameSchedule, frame_folder, write_schedule
from tb.flows.early import check_design
from tb.flows.sim.frame_writer import write_frame, write_run_files
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import prepare, run_reference
from tb.toolchain import build, logs, run_folder
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import find_simulator

BASE: Final = build.ROOT / "build" / "bisect"


@dataclass(frozen=True, slots=True, eq=False)
class RtlLayers:
    """What the RTL made of each layer's own input from the reference model."""

    options: SimOptions
    folder: Path
    """The run's; the RTL's tensors lie in its first frame's."""
    network: Network
    schedule: FrameSchedule
    golden: Mapping[str, Int16Array]
    actual: Mapping[str, Int16Array]
    """int16 (C, H, W). The reference model's tensors of ``image`` and every node; the RTL's of
    whole nodes."""
    results: list[dict[str, Any]]
    """One a job that has ended."""

    @property
    def makers(self) -> dict[str, str]:
        """Nodes that are made in another one's jobs, and whose."""
        return fused(self.network.nodes)

    @property
    def tensors(self) -> Path:
        """Folder of the RTL's tensors."""
        return frame_folder(self.folder, 0)

    @property
    def made(self) -> list[str]:
        """Nodes that the jobs make, in data-flow order."""
        return [node.name for node in self.network.nodes if node.name in self.schedule.made]

    def compared(self, node: str) -> tuple[int, int]:
        """Values of a node that were compared, and of them wrong."""
        parts = [result["nodes"][node] for result in self.results if node in result["nodes"]]
        return sum(part[1] for part in parts), sum(part[2] for part in parts)

    def failures(self, node: str) -> list[tuple[int, Failure]]:
        """Jobs that made a node and failed: number within the layer, and how."""
        found = []
        for result in self.results:
            failure = result["verdict"]["failure"]
            if node in result["nodes"] and failure is not None:
                found.append((int(result["tile_number"]), Failure(**failure)))
        return found

    def replay(self, node: str) -> str | None:
        """The ``make sim`` that repeats the first job of a node that failed."""
        maker = self.makers.get(node, node)
        for number, _ in self.failures(node):
            return self.options.replay(layer=maker, job=str(number))
        return None

    def tidy(self) -> None:
        """Remove all that the run has written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def run_layers(
    options: SimOptions,
    print_line: Callable[[str], None],
    poll: Callable[[int, int], None] = lambda done, jobs: None,
    patch: Patch | None = None,
    base: Path | None = None,
) -> RtlLayers:
    """Simulate the layers that are asked for, each on the reference model's input.

    Parameters
    ----------
    print_line : callable
        Takes what is being done.
    poll : callable
        Called some ten times a second with how many jobs of how many have ended.
    patch : Patch, optional
        Break the design with it; else with the bug that `options` names, if any.
    base : Path, optional
        Folder of the runs; `BASE` unless given.

    Raises
    ------
    InputError
        A file is damaged or missing, or the simulation ended without a result.
    ConfigError
        Options that the network cannot honour.
    ToolError
        There is no simulator, or it does not compile the design.
    """
    simulator = find_simulator(options.sim, options.verilator)
    check_design(options, patch)
    prepared = prepare(options, print_line)
    made = build.build(
        simulator, prepared.config, patch=patch or options.patch, print_line=print_line
    )
    print_line("running the reference model on the picture")
    picture = run_reference(prepared, options, options.image or default_image())
    folder = run_folder.new_run_folder(base or BASE)
    schedule = write_run_files(folder, prepared, options, frames=1)
    jobs = tuple(replace(job, after=0) for job in schedule.jobs)  # none waits for another
    schedule = replace(schedule, jobs=jobs, golden_inputs=True)
    write_frame(folder, 0, prepared, schedule, picture)
    print_line(f"simulating {len(schedule.jobs)} jobs")
    results = _simulate(made, folder, schedule, options.seed, poll)
    if not results:
        raise InputError(logs.ended_early(folder, 0, len(schedule.jobs)))
    for path in folder.glob("job_*.wgt"):
        path.unlink()
    tensors = frame_folder(folder, 0)
    actual = {
        path.stem: np.load(path) for path in tensors.glob("*.npy") if path.stem in schedule.save
    }
    return RtlLayers(options, folder, prepared.network, schedule, picture.tensors, actual, results)


def _simulate(
    made: build.Build,
    folder: Path,
    schedule: FrameSchedule,
    seed: int,
    poll: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Run all jobs; where one ends the simulation, go on with the layers behind its own."""
    results: list[dict[str, Any]] = []
    rest, path = schedule.jobs, frame_folder(folder, 0) / RESULTS

    def report_progress() -> None:
        poll(len(results) + len(read_results(path)), len(schedule.jobs))

    while rest:
        write_schedule(folder, replace(schedule, jobs=rest))
        path.unlink(missing_ok=True)
        build.run(
            made,
            cocotb_test.__name__,
            folder,
            seed=seed,
            poll=report_progress,
        )
        logs.check_not_ended(folder)
        found = read_results(path)
        results += found
        if not found or len(found) == len(rest):
            break
        stopped = found[-1]["layer"]
        behind = [job.record.layer for job in rest[len(found) :]]
        rest = tuple(job for job in rest if job.record.layer in set(behind) - {stopped})
    return results
