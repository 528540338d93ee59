"""The main job: real tensors through the RTL, every value compared, one report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cocotb_tools.check_results import get_results
from rich.console import Console
from rich.live import Live

from golden.config import ConfigError
from golden.errors import InputError
from tb import build, cocotb_jobs, report, runs, waves
from tb.inject import ROUNDING_PATCH
from tb.jobs import JobRecord
from tb.options import SimOptions
from tb.prepare import OracleError, Prepared, prepare, write_jobs
from tb.results import first_failure, layer_progress, read_results
from tb.table import layer_table
from tb.toolchain import Simulator, find_simulator

BASE: Final = build.ROOT / "build" / "sim"
JOBS_MODULE: Final = cocotb_jobs.__name__
LOG_LINES: Final = 3
SPACE_NEEDED: Final = 1 << 16
"""Bytes; with less a failure is put down to the full disk."""
WARNING: Final = "warning: "
EXIT_RED: Final = 1
EXIT_INTERRUPTED: Final = 130


@dataclass(slots=True)
class _Run:
    """A run under way: what is known of it so far."""

    options: SimOptions
    folder: Path
    started: float
    simulator: Simulator | None = None
    prepared: Prepared | None = None
    records: Sequence[JobRecord] = ()

    def summary(self, failure: report.Failure | None) -> report.Report:
        """The report of what has happened up to now."""
        options, prepared = self.options, self.prepared
        results = read_results(self.folder / cocotb_jobs.RESULTS)
        config = None if prepared is None else prepared.config
        return report.Report(
            run=self.folder.name,
            command=options.command(),
            commit=runs.git_commit(build.ROOT),
            network="yolov3-tiny",
            scope="filtered" if options.layer else "tiles",
            image=None if prepared is None else str(prepared.image),
            weights_sha256=None if prepared is None else prepared.files.sha256,
            format=options.format,
            mode=options.mode,
            slope=options.slope,
            leaky_place=options.leaky_place,
            pool_pad=options.pool_pad,
            simulator=options.sim,
            simulator_version=None if self.simulator is None else self.simulator.version,
            array=None if config is None else (config.p_ic, config.p_oc),
            acc_w=None if config is None else config.acc_w,
            act_w=None if config is None else config.act_w,
            weight_w=None if config is None else config.weight_w,
            memories=None
            if config is None
            else report.Memories(config.tile_pixels, config.input_words),
            seed=options.seed,
            inject=options.inject or None,
            layers=[entry.report for entry in layer_progress(self.records, results)],
            wall_seconds=time.monotonic() - self.started,
            failure=failure or self._replayed(results),
        )

    def _replayed(self, results: list[dict[str, Any]]) -> report.Failure | None:
        """The first failure, with the command that repeats just its job."""
        failure = first_failure(results)
        if failure is None:
            return None
        number = next(r["number"] for r in results if r["verdict"]["failure"] is not None)
        record = next(record for record in self.records if record.number == number)
        command = self.options.command(layer=record.layer, job=str(record.tile_number))
        return replace(failure, replay=command)


def simulate(options: SimOptions, console: Console, base: Path = BASE) -> int:
    """Run the main job and write its report.

    Parameters
    ----------
    options : SimOptions
    console : Console
        Shows progress, the table and the verdict.
    base : Path
        Folder of the runs and of ``report.json``.

    Returns
    -------
    int
        Exit code: 0 only if every value of every tile was compared and equal.
    """
    try:
        runs.remove_stale(base / "report.json")
        folder = runs.new_run_folder(base)
    except OSError as error:
        return _unreported(f"{_shown(base)} cannot be written: {_one_line(error)}", console)
    run = _Run(options, folder, time.monotonic())
    failure: report.Failure | None = None
    code = EXIT_RED
    try:
        failure = _stages(run, console)
    except (InputError, ConfigError, OracleError, OSError) as error:
        failure = report.Failure("setup", _one_line(error))
    except KeyboardInterrupt:
        failure = report.Failure("interrupted", "interrupted by the user")
        code = EXIT_INTERRUPTED
    final = run.summary(failure)
    if not final.passed and code == EXIT_RED and _disk_is_full(folder):
        final = run.summary(report.Failure("setup", f"the disk of {_shown(base)} is full"))
        for path in folder.glob("job_*"):  # of no use any more, and the report needs the room
            path.unlink()
    try:
        final.publish(base)
    except OSError as error:
        known = f"{final.first_failure.message}; " if final.first_failure else ""
        return _unreported(f"{known}the report cannot be written: {_one_line(error)}", console)
    _verdict(final, base, console)
    return 0 if final.passed else code


def _unreported(message: str, console: Console) -> int:
    """Say in one line that the run is red, where no report can."""
    text = f"FAILED  setup: {message}; free some space or mend the folder"
    console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)
    return EXIT_RED


def _disk_is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < SPACE_NEEDED


def _stages(run: _Run, console: Console) -> report.Failure | None:
    options = run.options
    with console.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal or text.startswith(WARNING):
                console.print(text, markup=False, highlight=False, soft_wrap=True)

        run.simulator = find_simulator(options.sim, options.verilator)
        run.prepared = prepare(options, say)
        run.records = write_jobs(run.folder, run.prepared, options, status.update)
        patch = ROUNDING_PATCH if options.inject == "rtl" else None
        made = build.build(run.simulator, run.prepared.config, patch=patch, say=say)
    with Live(console=console, refresh_per_second=4) as live:

        def show() -> None:
            results = read_results(run.folder / cocotb_jobs.RESULTS)
            live.update(_table(run, results))

        results_file = build.run(made, JOBS_MODULE, run.folder, seed=options.seed, poll=show)
        show()
    if not console.is_terminal:
        console.line()
    failure = _unfinished(run, results_file)
    if options.waves and failure is None:
        _record_waves(run, patch, console)
    return failure


def _table(run: _Run, results: list[dict[str, Any]]) -> Any:
    assert run.prepared is not None and run.simulator is not None
    config, shapes = run.prepared.config, run.prepared.network.shapes()
    rows = [
        (
            "x".join(str(side) for side in shapes[entry.report.name]),
            entry.done,
            entry.jobs,
            entry.report if entry.done else None,
        )
        for entry in layer_progress(run.records, results)
    ]
    title = (
        f"YOLOv3-tiny on the {config.array} PE, {run.simulator.name} {run.simulator.version}, "
        f"{config.mode.value}, {run.options.format}, slope {run.options.slope}"
    )
    return layer_table(title, rows, (config.p_ic, config.p_oc))


def _unfinished(run: _Run, results_file: Path) -> report.Failure | None:
    """A failure of the simulation itself, where the jobs' own results do not tell one."""
    results = read_results(run.folder / cocotb_jobs.RESULTS)
    if first_failure(results) is not None:
        return None
    log = run.folder / "simulator.log"
    try:
        tests, failed = get_results(results_file)
    except RuntimeError:
        tests, failed = 0, 0
    if tests == 1 and failed == 0 and len(results) == len(run.records):
        return None
    tail = "; ".join(log.read_text().splitlines()[-LOG_LINES:]) if log.is_file() else "no log"
    text = f"the simulation ended after {len(results)} of {len(run.records)} jobs: {tail}"
    return report.Failure("status", f"{text} (see {log})")


def _record_waves(run: _Run, patch: build.Patch | None, console: Console) -> None:
    """Record the waves of the first job that failed, or else of the first."""
    assert run.prepared is not None and run.simulator is not None

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    results = read_results(run.folder / cocotb_jobs.RESULTS)
    failed = [result["number"] for result in results if result["verdict"]["failure"]]
    job = run.records[failed[0] if failed else 0]
    if waves.suffix(run.simulator.name) == "vcd":
        say(waves.HEADERS_MISSING)
    try:
        made = build.build(run.simulator, run.prepared.config, waves=True, patch=patch, say=say)
        layout = waves.record(made, job, run.folder, JOBS_MODULE, run.options.seed)
    except InputError as error:
        if not failed:
            raise
        say(f"no waves: {_one_line(error)}")  # the failed job is the greater news
        return
    say(f"waves of job {job.number} ({job.layer}); open them with: gtkwave {_shown(layout)}")


def _verdict(final: report.Report, base: Path, console: Console) -> None:
    total, failure = final.total, final.first_failure
    where = _shown(base / final.run / "report.json")
    if failure is None:
        speed = total.macs_per_second or 0.0
        console.print(
            f"[bold green]PASSED[/]  {len(final.layers)} layers, {total.macs / 1e6:.1f} MMAC, "
            f"{total.values_compared:,} values compared, 0 mismatches, "
            f"{speed / 1e6:.3g} million MAC/s, {total.wall_seconds:.0f} s  ({where})",
            highlight=False,
            soft_wrap=True,
        )
        return
    console.print(f"[bold red]FAILED[/]  {failure.kind}: ", end="", highlight=False, soft_wrap=True)
    console.print(f"{failure.message}  ({where})", markup=False, highlight=False, soft_wrap=True)
    if failure.replay:
        console.print(f"replay: {failure.replay}", markup=False, highlight=False, soft_wrap=True)


def _shown(path: Path) -> str:
    """A path as the user would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{_shown(Path(str(error.filename)))}: {error.strerror}"
    return " ".join(str(error).split())
