"""Random jobs with their stalls: drawn, described, and run many in one simulation."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import Activation, PEConfig
from golden.dataflow.tile import Job, input_words
from golden.reference import kernels, spec, torch_oracle
from golden.reference.readout import Readout
from golden.stimulus.random_jobs import random_job
from tb.cosim import cocotb_test
from tb.cosim.failure import Failure, read_results
from tb.duts.conv_pe.job_record import JobRecord, Stalls, write_job, write_jobs
from tb.flows.sim.oracles import OracleError
from tb.toolchain import build, logs

STALLS: Final = (0, 32, 128, 192)
"""How often a stream of a random job holds back, in 256ths."""
FEW: Final = 16
"""A tensor of at most so many numbers is described by them."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A job, how its streams stall, and where in the tile memory its input lies."""

    job: Job
    stalls: Stalls
    in_base: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation of several cases showed."""

    failures: list[Failure | None]
    """One a case; None for one that passed or was not reached."""
    done: int
    """Cases that ended."""
    values_compared: int
    mismatches: int

    @property
    def first(self) -> int | None:
        """Index of the first case that failed."""
        return next((i for i, failure in enumerate(self.failures) if failure is not None), None)


def random_case(seed: int, config: PEConfig) -> Case:
    """The job of a seed; half of all jobs run without stalls.

    Its input lies at the memory's beginning, at its end or anywhere, so that it shares
    words with the input of the job before or does not.
    """
    draw = random.Random(f"stalls {seed}")
    calm = draw.random() < 0.5
    stalls = Stalls() if calm else Stalls(*(draw.choice(STALLS) for _ in range(3)))
    job = random_job(seed, config).job
    spare = config.input_words - input_words(job.layer, job.input_shape, config)
    return Case(job, stalls, draw.choice((0, spare, draw.randint(0, spare))))


def describe(case: Case) -> str:
    """A case in one line, with its numbers where they are few."""
    layer, job = case.job.layer, case.job
    pad, stalls = layer.padding, case.stalls
    shapes = ("x".join(map(str, shape)) for shape in (job.input_shape, _output_shape(job)))
    words = [
        f"{layer.kernel[0]}x{layer.kernel[1]}/{layer.stride} from {' to '.join(shapes)}",
        f"padding {pad.top} {pad.bottom} {pad.left} {pad.right}",
        f"{layer.mode.value} >> {layer.shift} {layer.rounding.value} {layer.overflow.value}",
        layer.activation.value,
    ]
    if layer.activation is not Activation.LINEAR:
        words[-1] += f" {layer.place.value}"
    if layer.activation is Activation.LEAKY:
        words[-1] += f" {layer.slope.value}"
    if not job.readout.plain:
        words.append(_readout(job.readout))
    if job.own_channels:
        words.append("own channels")
    if case.in_base:
        words.append(f"from word {case.in_base}")
    if stalls != Stalls():
        words.append(f"stalls act {stalls.act} wgt {stalls.wgt} out {stalls.out} of 256")
    for name, tensor in (("input", job.input), ("weights", layer.weight), ("bias", layer.bias)):
        if tensor.size <= FEW:
            words.append(f"{name} {' '.join(str(int(value)) for value in tensor.ravel())}")
    return ", ".join(words)


def _readout(readout: Readout) -> str:
    if readout.upsample:
        return "upsampled"
    sides = ((readout.pad_bottom, "bottom"), (readout.pad_right, "right"))
    padded = [side for is_padded, side in sides if is_padded]
    text = f"pool {readout.size}x{readout.size}/{readout.stride}"
    return f"{text} padded {' '.join(padded)} {readout.pad.value}" if padded else text


def _output_shape(job: Job) -> tuple[int, int, int]:
    channels, rows, columns = job.layer.output_shape(job.input_shape)
    return channels, *job.readout.shape(rows, columns)


def expected_values(job: Job) -> tuple[Int16Array, Int16Array]:
    """What the golden models say of a job: (C, H, W) before its readout, and what leaves.

    Raises
    ------
    OracleError
        The specification, the compiled kernels and torch are not equal to the bit.
    """
    activated = spec.conv(job.input, job.layer)
    for name, model in (("compiled kernel", kernels.conv), ("torch", torch_oracle.conv)):
        if not np.array_equal(model(job.input, job.layer), activated):
            raise OracleError(f"{job.layer.name}: the specification and the {name} disagree")
    expected = job.readout.apply(activated, job.layer.act_w)
    if not np.array_equal(torch_oracle.readout(activated, job.readout), expected):
        raise OracleError(f"{job.layer.name}: {_readout(job.readout)}: torch disagrees")
    return activated, expected


def write_cases(folder: Path, config: PEConfig, cases: Sequence[Case]) -> list[JobRecord]:
    """Write a run folder."""
    folder.mkdir(parents=True)
    records = []
    for number, case in enumerate(cases):
        activated, expected = expected_values(case.job)
        record = write_job(
            folder,
            number,
            case.job,
            expected,
            config,
            stalls=case.stalls,
            in_base=case.in_base,
            activated=activated,
        )
        records.append(record)
    write_jobs(folder, config, records)
    return records


def run_cases(
    made: build.Build, folder: Path, jobs: int, poll: Callable[[], None] | None = None
) -> Outcome:
    """Simulate a run folder of so many jobs.

    Raises
    ------
    ToolError
        A signal from outside has ended the simulator.
    """
    results_file = build.run(made, cocotb_test.__name__, folder, poll=poll)
    logs.check_not_ended(folder)
    results = read_results(folder / cocotb_test.RESULTS)
    found = [result["verdict"]["failure"] for result in results]
    failures = [None if failure is None else Failure(**failure) for failure in found]
    failures += [None] * (jobs - len(failures))
    if not any(failures) and (len(results) < jobs or not build.has_passed(results_file)):
        text = logs.ended_early(folder, len(results), jobs)
        failures[min(len(results), jobs - 1)] = Failure("status", text)
    verdicts = [result["verdict"] for result in results]
    return Outcome(
        failures,
        len(results),
        sum(verdict["values_compared"] for verdict in verdicts),
        sum(verdict["mismatches"] for verdict in verdicts),
    )


def finished_jobs(folder: Path) -> int:
    """How many jobs of a running simulation have ended."""
    results = folder / cocotb_test.RESULTS
    return results.read_bytes().count(b"\n") if results.is_file() else 0
