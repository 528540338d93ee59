"""``make fuzz``: random jobs on a small design, and the smallest job that still fails."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import Progress, TaskID

from golden.config import ConfigError, InputError, PEConfig, ProductMode
from golden.stimulus.random_jobs import mode_of
from tb.console import EXIT_INTERRUPTED, EXIT_RED, progress, shown
from tb.cosim.failure import Failure
from tb.debug.diagnose import Diagnoser
from tb.debug.replay_job import SingleReplayJob
from tb.duts.conv_pe.job_record import read_jobs
from tb.flows.fuzz.cases import (
    Case,
    Outcome,
    describe,
    finished_jobs,
    random_case,
    run_cases,
    write_cases,
)
from tb.flows.fuzz.options import FuzzOptions
from tb.flows.fuzz.report import FuzzReport, show
from tb.flows.fuzz.shrink import SECONDS, shrink
from tb.flows.fuzz.trials import IN_FLIGHT, Trials
from tb.flows.sim.oracles import OracleError
from tb.toolchain import build, run_folder
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator, find_simulator

BASE: Final = build.ROOT / "build" / "fuzz"
DESCRIBED: Final = 3
"""Jobs that need one another are described each up to so many."""


@dataclass(slots=True)
class _Session:
    """A run under way."""

    options: FuzzOptions
    folder: Path
    report: FuzzReport
    simulator: Simulator
    patch: Patch | None
    shrink_seconds: float
    print_line: Callable[[str], None]

    def build(self, config: PEConfig) -> build.Build:
        """The compiled design."""
        return build.build(self.simulator, config, patch=self.patch, print_line=self.print_line)


def fuzz(
    options: FuzzOptions,
    console: Console,
    *,
    base: Path = BASE,
    patch: Patch | None = None,
    shrink_seconds: float = SECONDS,
) -> int:
    """Run random jobs and shrink the first that fails (``make fuzz``).

    Returns 0 only if every value of every job was compared and equal.

    Parameters
    ----------
    console : Console
        Shows progress and the verdict.
    base : Path
        Folder of the runs.
    patch : Patch, optional
        Break the design with it.
    shrink_seconds : float
        Time for making a failing job smaller.
    """
    started = time.monotonic()
    folder = run_folder.new_run_folder(base)
    seed = None if options.replay else options.seed
    final = FuzzReport(
        folder.name,
        options.command(),
        run_folder.git_commit(build.ROOT),
        options.sim,
        options.array,
        seed=seed,
    )
    code = EXIT_RED
    try:
        with progress(console, elapsed=True) as bars:

            def print_line(text: str) -> None:
                bars.console.print(text, highlight=False)

            found = find_simulator(options.sim, options.verilator)
            final.simulator_version = found.version
            run = _Session(options, folder, final, found, patch, shrink_seconds, print_line)
            if options.replay is not None:
                _replay(run, options.replay, bars)
            else:
                _random(run, bars)
    except (InputError, ConfigError, OracleError, OSError) as error:
        final.failure = Failure("setup", " ".join(str(error).split()))
    except KeyboardInterrupt:
        final.failure = Failure("interrupted", "interrupted by the user")
        code = EXIT_INTERRUPTED
    final.seconds = round(time.monotonic() - started, 2)
    final.write(folder / "fuzz.json")
    show(final, folder / "fuzz.json", console)
    return 0 if final.passed else code


def _follow(bars: Progress, bar: TaskID, folder: Path, before: int) -> Callable[[], None]:
    """What keeps a bar at the jobs that have ended, those before this simulation included."""
    return lambda: bars.update(bar, completed=before + finished_jobs(folder))


def _random(run: _Session, bars: Progress) -> None:
    """Run the jobs of all seeds, one simulation a mode, up to the first that has a failure."""
    options = run.options
    seeds = range(options.seed, options.seed + options.jobs)
    bar = bars.add_task("random jobs", total=len(seeds))
    for mode in ProductMode:
        mine = [seed for seed in seeds if mode_of(seed) is mode]
        if not mine:
            continue
        config = options.config(mode)
        made = run.build(config)
        bars.update(bar, description=f"drawing {mode.value} jobs")
        cases = [random_case(seed, config) for seed in mine]
        folder = run.folder / mode.value
        write_cases(folder, config, cases)
        bars.update(bar, description=f"running {mode.value} jobs")
        outcome = run_cases(made, folder, len(cases), _follow(bars, bar, folder, run.report.jobs))
        run.report.count(outcome)
        if outcome.first is not None:
            bars.update(bar, description="making the failing job smaller", total=None)
            _failed(run, made, cases, mine, outcome)
            return
        shutil.rmtree(folder)


def _failed(
    run: _Session, made: build.Build, cases: Sequence[Case], seeds: Sequence[int], outcome: Outcome
) -> None:
    """Fill the report: the failing job, the smallest one, and how to repeat both."""
    first, final = outcome.first, run.report
    assert first is not None
    final.failure, final.job = outcome.failures[first], describe(cases[first])
    bench = Trials(made, run.folder / "trial")
    smallest = run.folder / "smallest"
    final.folder = str(shown(smallest))
    # Where the simulation broke off, it may be a job behind the first that is wrong.
    for index in range(first, min(first + IN_FLIGHT, len(cases))):
        how = bench.alone(cases[index])
        if how is not None:
            final.replay.append(run.options.command(jobs=1, seed=seeds[index]))
            last, how = shrink(cases[index], how, made.config, bench.each, run.shrink_seconds)[-1]
            write_cases(smallest, made.config, [last])
            final.smallest, final.smallest_failure = describe(last), how
            break
    else:
        span, how = bench.shortest(cases, first)
        together = cases[span.start : span.stop]
        write_cases(smallest, made.config, together)
        final.smallest, final.smallest_failure = _among(together, how), how
    final.replay.append(run.options.replay_command(shown(smallest)))
    if run.options.diagnose:
        _diagnose(run, smallest, run_cases(made, smallest, len(read_jobs(smallest)[1])))


def _diagnose(run: _Session, folder: Path, outcome: Outcome) -> None:
    """Diagnose the first job that failed of a folder that has been run."""
    place = outcome.first
    if not run.options.diagnose or place is None:
        return
    config, records = read_jobs(folder)
    diagnoser = Diagnoser(
        SingleReplayJob(folder, config, records, place),
        outcome.failures[place],
        run.simulator,
        run.folder / "debug",
        patch=run.patch,
        print_line=run.print_line,
    )
    try:
        run.report.add_diagnosis(diagnoser.run())
    except (InputError, ConfigError, OSError) as error:
        run.print_line(f"no diagnosis: {' '.join(str(error).split())}")


def _among(cases: Sequence[Case], how: Failure | None) -> str:
    """Jobs of which none fails alone, in words."""
    if how is None:
        return f"{len(cases)} jobs, of which none failed again, neither alone nor together"
    text = f"no job alone, but these {len(cases)}, each started as soon as the PE takes it"
    return text if len(cases) > DESCRIBED else f"{text}: {'; '.join(map(describe, cases))}"


def _replay(run: _Session, source: Path, bars: Progress) -> None:
    """Run the jobs of a folder again, in a folder of this run."""
    try:
        config, records = read_jobs(source)
    except msgspec.DecodeError as error:
        raise InputError(f"REPLAY={source}: jobs.json is damaged ({error})") from None
    folder = run.folder / "replay"
    folder.mkdir()
    for path in source.iterdir():
        if path.name == "jobs.json" or path.suffix in (".act", ".wgt", ".npy"):
            shutil.copy(path, folder)
    bar = bars.add_task("replay", total=len(records))
    made = run.build(config)
    run.report.array = config.array
    outcome = run_cases(made, folder, len(records), _follow(bars, bar, folder, 0))
    run.report.count(outcome)
    if outcome.first is not None:
        run.report.failure = outcome.failures[outcome.first]
        run.report.replay.append(run.options.replay_command(source))
        _diagnose(run, folder, outcome)
