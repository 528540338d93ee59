"""``make bench``: every measurement in turn, a line each, then ``sim.json``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from golden.config import ConfigError, InputError
from golden.reference.layer_sums import layer_sums
from tb.console import EXIT_INTERRUPTED, EXIT_RED, echo, one_line, print_failure, progress, shown
from tb.flows.benchmark.beats import beat_costs
from tb.flows.benchmark.options import BenchOptions
from tb.flows.benchmark.python_driven.jobs import time_tiles
from tb.flows.benchmark.record import Beat, MeasureError, Record, SimRun
from tb.flows.benchmark.scalar import compile_scalar, scalar_speed
from tb.flows.benchmark.sim_runs import (
    Measurement,
    Way,
    compile_all,
    designs,
    measurements,
    time_sim,
)
from tb.flows.early import check_design
from tb.flows.sim.frames import pictures
from tb.flows.sim.options import SimOptions
from tb.flows.sim.oracles import OracleError
from tb.flows.sim.prepare import prepare, run_reference
from tb.toolchain import build, run_folder
from tb.toolchain.simulators import find_icarus

BASE: Final = build.ROOT / "build" / "bench"


def bench_parts(options: BenchOptions, console: Console) -> int:
    """Measure how fast the simulation and the reference model are (``make bench``)."""
    code = 0
    if options.part != "golden":
        code = bench(console, measurements(options.verilator), options.verilator)
    if options.part != "sim" and code != EXIT_INTERRUPTED:
        from tb.flows.benchmark import golden_speed

        code = golden_speed.bench_golden(console) or code
    return code


def bench(
    console: Console, planned: Sequence[Measurement], verilator: str = "", base: Path = BASE
) -> int:
    """Measure everything and write ``sim.json``; return 0 only if all was measured and written.

    Parameters
    ----------
    console : Console
        Shows progress, and each figure as it comes.
    planned : sequence of Measurement
        The simulations.
    verilator : str
        A Verilator of the user's, for the beats.
    base : Path
        Folder of ``sim.json``; after a failure also of the failed measurement.
    """
    target, session = base / "sim.json", None
    failure, code = "", EXIT_RED
    try:
        run_folder.remove_stale(target)
        base.mkdir(parents=True, exist_ok=True)
        session = _Session(console, base, planned, verilator)
        record = session.measure()
        record.write(target)
    except (MeasureError, InputError, ConfigError, OracleError, OSError) as error:
        failure = one_line(error)
    except KeyboardInterrupt:
        failure, code = "interrupted by the user", EXIT_INTERRUPTED
    where = session.at if session is not None else ""
    if failure:
        text = f"FAILED  {where}{': ' if where else ''}{failure}"
        print_failure(console, text)
        return code
    echo(console, f"{len(record.runs)} runs and {len(record.scaling)} sizes in {shown(target)}")
    return 0


class _Session:
    """One run of the command."""

    def __init__(
        self, console: Console, base: Path, planned: Sequence[Measurement], verilator: str
    ) -> None:
        self.at = ""
        self._base = base
        self._planned = planned
        self._verilator = verilator
        self._bar = progress(console, elapsed=True)

    def measure(self) -> Record:
        """Measure everything."""
        if any(entry.way is Way.ICARUS for entry in self._planned):
            find_icarus()  # before minutes have gone into the rest
        check_design(SimOptions(verilator=self._verilator))
        commit = run_folder.git_commit(build.ROOT)
        with self._bar, self._folder() as folder:
            self._task = self._bar.add_task("", total=len(self._planned) + 3)
            with self._step("compiling the designs"):
                self._compile()
            with self._step("scalar C loop"):
                scalar = self._scalar(folder)
            with self._step("beats"):
                beat = self._beats(folder)
            runs, scaling = [], []
            for entry in self._planned:
                with self._step(entry.title):
                    run = self._run(entry, folder, scalar)
                if entry.listed:
                    runs.append(run)
                if entry.scaling:
                    scaling.append(run)
        scaling.sort(key=lambda run: run.image_size)
        return Record(commit, scalar, runs, beat, scaling)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder for the simulations, which stays where one of them failed."""
        folder = run_folder.new_run_folder(self._base)
        try:
            yield folder
        except (MeasureError, InputError, OracleError):
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Show what is measured; a failure finds it in `at`."""
        self.at = title
        self._bar.update(self._task, description=title)
        yield
        self._bar.advance(self._task)
        self.at = ""

    def _print_line(self, text: str) -> None:
        echo(self._bar.console, text)

    def _compile(self) -> None:
        wanted = designs(self._planned)
        begun = time.monotonic()
        compile_all(wanted, lambda text: self._bar.update(self._task, description=text))
        self._print_line(f"{len(wanted)} designs compiled, in {time.monotonic() - begun:.0f} s")

    def _scalar(self, folder: Path) -> float:
        options = SimOptions()
        prepared = prepare(options, lambda text: None)
        path = pictures(options, lambda text: None).paths[0]
        picture = run_reference(prepared, options, path)
        loop = compile_scalar(folder)
        macs, seconds = scalar_speed(loop, layer_sums(prepared.network, picture.tensors))
        speed = macs / seconds
        self._print_line(
            f"scalar C loop: {speed / 1e6:,.0f} million MAC/s over {macs / 1e6:,.1f} MMAC, "
            "every sum as the reference model's"
        )
        return speed

    def _beats(self, folder: Path) -> Beat:
        beat = beat_costs(folder / "beats", self._print_line, self._verilator)
        models = beat.cocotbext_axi_us
        between = "" if models is None else f"{models:.1f} us by cocotbext-axi, "
        self._print_line(
            f"beats: {beat.python_driver_us:.1f} us by a Python driver, {between}"
            f"{beat.player_us:.2f} us by a player"
        )
        return beat

    def _run(self, entry: Measurement, folder: Path, scalar: float) -> SimRun:
        time_it = time_tiles if entry.way is Way.PYTHON else time_sim
        run = time_it(entry.options, folder / entry.name)
        # A frame's files are large, and the next one's come on top.
        shutil.rmtree(folder / entry.name, ignore_errors=True)
        timing = run.timing
        self._print_line(
            f"{entry.title}: {timing.macs_per_second / 1e6:,.3g} million MAC/s, "
            f"{timing.macs_per_second / scalar:.2g} of the C loop; {timing.macs / 1e6:,.1f} MMAC "
            f"and {timing.cycles:,} cycles in {timing.cpu_seconds:.1f} s of CPU time"
        )
        return run
