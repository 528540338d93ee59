"""``make sim``: real tensors through the RTL, every value compared, one report."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live

from golden.config import ConfigError, InputError
from tb.console import EXIT_INTERRUPTED, EXIT_RED, echo, one_line, print_failure, shown
from tb.cosim import cocotb_test
from tb.cosim.failure import Failure
from tb.debug.diagnose import Diagnoser
from tb.flows.sim.display import cycles_table, live_table, show_verdict
from tb.flows.sim.frame_writer import write_run_files
from tb.flows.sim.frames import Checkpoint, Prefetch, pictures
from tb.flows.sim.options import SimOptions
from tb.flows.sim.oracles import OracleError
from tb.flows.sim.prepare import prepare
from tb.flows.sim.run_state import RunState
from tb.toolchain import build, logs, run_folder
from tb.toolchain.simulators import find_simulator

BASE: Final = build.ROOT / "build" / "sim"
JOBS_MODULE: Final = cocotb_test.__name__
SPACE_NEEDED: Final = 1 << 16
"""Bytes; with less a failure is put down to the full disk."""
PRINTED_ALWAYS: Final = ("warning: ", "unreadable: ")


def simulate(options: SimOptions, console: Console, base: Path = BASE) -> int:
    """Run real tensors through the RTL and compare every value (``make sim``).

    The runs, ``report.json`` and ``detections.png`` lie in `base`. Returns 0 only if every expected
    value was compared and equal.
    """
    try:
        run_folder.remove_stale(base / "report.json")
        if options.draws:
            run_folder.remove_stale(base / options.network.drawing)
        folder = run_folder.new_run_folder(base)
    except OSError as error:
        return _unreported(f"{shown(base)} cannot be written: {one_line(error)}", console)
    run = RunState(options, folder, time.monotonic())
    failure: Failure | None = None
    code = EXIT_RED
    try:
        failure = _run_steps(run, console)
    except (InputError, ConfigError, OracleError, OSError) as error:
        failure = Failure("setup", one_line(error))
    except KeyboardInterrupt:
        failure = Failure("interrupted", run.interruption())
        code = EXIT_INTERRUPTED
    final = run.summary(failure)
    if not final.passed and code == EXIT_RED and _disk_is_full(folder):
        final = run.summary(Failure("setup", f"the disk of {shown(base)} is full"))
        run.free_disk()
    try:
        final.publish(base)
    except OSError as error:
        known = f"{final.first_failure.message}; " if final.first_failure else ""
        return _unreported(f"{known}the report cannot be written: {one_line(error)}", console)
    if final.passed:
        run.clear()
    show_verdict(final, run, base, console)
    return 0 if final.passed else code


def _unreported(message: str, console: Console) -> int:
    """Say in one line that the run is red, where no report can."""
    print_failure(console, f"FAILED  setup: {message}; free some space or mend the folder")
    return EXIT_RED


def _disk_is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < SPACE_NEEDED


def _run_steps(run: RunState, console: Console) -> Failure | None:
    options = run.options
    with console.status("starting") as status:

        def print_line(text: str) -> None:
            status.update(text)
            if not console.is_terminal or text.startswith(PRINTED_ALWAYS):
                echo(console, text)

        if reason := run_folder.why_unknown(build.ROOT):
            echo(console, f"the report's commit is unknown: {reason}")
        run.pictures, run.unreadable = pictures(options, print_line)
        run.simulator = find_simulator(options.sim, options.verilator)
        prepared = run.prepared = prepare(options, print_line)
        made = build.build(
            run.simulator, prepared.config, patch=options.patch, print_line=print_line
        )
        if options.images is not None:
            run.checkpoint = Checkpoint(run.folder.parent / "kept", prepared, options, made)
            run.resume(print_line)
        schedule = run.schedule = write_run_files(run.folder, prepared, options, len(run.paths))
        run.prefetch = Prefetch(run.folder, prepared, options, schedule, run.paths)
        if run.paths:
            print_line("running the reference model on the picture")
            run.prefetch.fetch(0, status.update)
    if not run.paths:
        return None
    results_file = _simulate(run, made, console)
    failure = _unfinished(run, results_file)
    if failure is None:
        _diagnose(run, console)
    return failure


def _simulate(run: RunState, made: build.Build, console: Console) -> Path:
    """Run the simulator to its end, the table kept up to date."""
    assert run.prefetch is not None
    run.prefetch.start()
    try:
        with Live(console=console, refresh_per_second=4) as live:

            def show() -> None:
                run.follow()
                live.update(live_table(run))

            results = build.run(made, JOBS_MODULE, run.folder, seed=run.options.seed, poll=show)
            show()
    finally:
        run.prefetch.stop()
    if not console.is_terminal:
        console.line()
    rows = [entry.report for entry in run.progress() if entry.report.cycles]
    if rows:
        console.print(cycles_table(rows, run.array))
    return results


def _unfinished(run: RunState, results_file: Path) -> Failure | None:
    """A failure of the simulation itself, where the jobs' own results do not show one."""
    done, wanted = run.jobs_done(), run.jobs_wanted()
    if run.failed_job() is not None or (build.has_passed(results_file) and done == wanted):
        return None
    return Failure("status", logs.ended_early(run.folder, done, wanted))


def _diagnose(run: RunState, console: Console) -> None:
    """Diagnose the first job that failed; or the first, where waves of it are asked for."""
    failed, options = run.failed_job(), run.options
    number, failure = failed or (0, None)
    wanted = options.waves if failed is None else options.diagnose
    if not wanted or run.schedule is None or run.simulator is None:
        return
    with console.status("diagnosing the job") as status:

        def print_line(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                echo(console, text)

        job = run.replay_job(number)
        name = f"{job.record.layer}-{job.record.tile_number}"
        diagnoser = Diagnoser(
            job,
            failure,
            run.simulator,
            debug_folder(run.folder.parent) / name,
            patch=options.patch,
            seed=options.seed,
            window=options.window,
            print_line=print_line,
        )
        try:
            run.diagnosis = diagnoser.run()
        except (InputError, ConfigError, OSError) as error:
            if failed is None:
                raise
            console.print(f"no diagnosis: {one_line(error)}", markup=False, soft_wrap=True)
        except KeyboardInterrupt:
            if failed is None:
                raise
            console.print("no diagnosis: interrupted by the user")  # red it is all the same


def debug_folder(base: Path) -> Path:
    """Where the diagnoses of the runs in `base` lie: ``build/debug`` next to ``build/sim``."""
    return base.parent / "debug" if base == BASE else base / "debug"
