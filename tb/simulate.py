"""The main job: real tensors through the RTL, every value compared, one report."""

from __future__ import annotations

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
from tb import build, cocotb_jobs, report
from tb.inject import ROUNDING_PATCH
from tb.jobs import JobRecord, write_list
from tb.options import SimOptions
from tb.prepare import OracleError, Prepared, prepare, write_jobs
from tb.results import first_failure, layer_progress, read_results
from tb.table import layer_table
from tb.toolchain import Simulator, find_icarus, find_verilator

BASE: Final = build.ROOT / "build" / "sim"
JOBS_MODULE: Final = cocotb_jobs.__name__
LOG_LINES: Final = 3
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
            commit=report.git_commit(build.ROOT),
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
            failure=failure or self._replayed(first_failure(results)),
        )

    def _replayed(self, failure: report.Failure | None) -> report.Failure | None:
        if failure is None or failure.layer is None:
            return failure
        return replace(failure, replay=self.options.command(layer=failure.layer))


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
    report.remove_stale(base / "report.json")
    run = _Run(options, report.new_run_folder(base), time.monotonic())
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
    final.publish(base)
    _verdict(final, base, console)
    return 0 if final.passed else code


def report_refusal(message: str, command: str, base: Path = BASE) -> None:
    """Leave a red report of a run that was refused before it began."""
    report.remove_stale(base / "report.json")
    folder = report.new_run_folder(base)
    failure = report.Failure("setup", message)
    commit = report.git_commit(build.ROOT)
    report.Report(folder.name, command, commit, failure=failure).publish(base)


def _stages(run: _Run, console: Console) -> report.Failure | None:
    options = run.options
    with console.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text)

        run.simulator = (
            find_icarus() if options.sim == "icarus" else find_verilator(options.verilator or None)
        )
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
    if failure is None and options.waves:
        with console.status("recording the waves of the first job"):
            wave = _record_waves(run, patch)
        console.print(f"waves of job 0 ({run.records[0].layer}): {wave}")
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


def _record_waves(run: _Run, patch: build.Patch | None) -> Path:
    """Run job 0 once more, on a build that writes waves, and return the wave file."""
    assert run.prepared is not None and run.simulator is not None
    folder = run.folder / "waves"
    folder.mkdir()
    record = run.records[0]
    for path in run.folder.glob(f"{record.stem}.*"):
        (folder / path.name).hardlink_to(path)
    write_list(folder, run.prepared.config, [record])
    made = build.build(run.simulator, run.prepared.config, waves=True, patch=patch)
    build.run(made, JOBS_MODULE, folder, seed=run.options.seed)
    found = [path for end in ("fst", "vcd") for path in folder.glob(f"*.{end}")]
    if not found:
        raise InputError(f"the simulator wrote no waves; see {folder / 'simulator.log'}")
    return found[0].rename(run.folder / f"wave{found[0].suffix}")


def _verdict(final: report.Report, base: Path, console: Console) -> None:
    total, failure = final.total, final.first_failure
    where = _shown(base / final.run / "report.json")
    if failure is None:
        speed = total.macs_per_second or 0.0
        console.print(
            f"[bold green]PASSED[/]  {len(final.layers)} layers, {total.macs / 1e6:.1f} MMAC, "
            f"{total.values_compared:,} values compared, 0 mismatches, "
            f"{speed / 1e6:.0f} million MAC/s, {total.wall_seconds:.0f} s  ({where})",
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
    return " ".join(str(error).split())
