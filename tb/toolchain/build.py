"""Compiles the PE with its bench, once for each distinct content.

A build lives in ``build/cache/<simulator>-<array>-<hash>/``; the hash covers
every source, parameter, flag, tool version and the processor. It is made in a
scratch folder and moved into place when it is whole, under a lock, so that a
killed or a concurrent build disturbs nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from filelock import FileLock

from golden.config import PEConfig
from tb.toolchain import scratch_folder, wave_dump
from tb.toolchain.cocotb_runners import (
    VerilatorRunner,
    runner_environment,
    runner_for,
)
from tb.toolchain.logs import LOG, error_in, last_line, note_ending, relative
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator, ToolError, processor_key
from tb.toolchain.waves import Wave, bytes_a_cycle

ROOT: Final = Path(__file__).parents[2]
RTL: Final = ROOT / "rtl"
HDL: Final = ROOT / "tb" / "hdl"
TOP: Final = "sim_top"
CACHE: Final = ROOT / "build" / "cache"
TIMESCALE: Final = ("1ns", "1ps")

VERILATOR_ARGS: Final = (
    *("--timing", "--default-language", "1364-2005", "-Wno-fatal"),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("-CFLAGS", "-march=native"),
)
FAST_MODEL: Final = ("OPT_FAST=-O3", "OPT_SLOW=-O1", "OPT_GLOBAL=-O3")
"""For Verilator's makefile: how hard g++ tries at the model, at what runs once, at the library."""
QUICK_MODEL: Final = ("OPT_FAST=-O1", *FAST_MODEL[1:])
"""For designs that run a job or until a fault is seen: compiling takes longer than running."""


@dataclass(frozen=True, slots=True)
class Build:
    """A compiled design, ready to run."""

    simulator: Simulator
    config: PEConfig
    folder: Path
    top: str
    waves: bool

    @property
    def parameters(self) -> dict[str, int]:
        """The parameters that its top was compiled with."""
        probe = {"PROBE": 1} if self.waves and self.top == TOP else {}
        return {**self.config.verilog_parameters(), **probe}


def design_sources(folder: Path = RTL) -> list[Path]:
    """The Verilog files of the design, for simulators and for synthesis alike."""
    return sorted(folder.glob("*.v"))


def build(
    simulator: Simulator,
    config: PEConfig,
    *,
    top: str = TOP,
    waves: bool = False,
    patch: Patch | None = None,
    print_line: Callable[[str], None] = lambda text: None,
    cache: Path = CACHE,
) -> Build:
    """Return the compiled design, compiling it where the cache has none.

    Parameters
    ----------
    top : str
        Simulation top, a module of ``tb/hdl``.
    waves : bool
        Compile in what writes waveforms, and the probe that follows one value (`PROBE`).
    patch : Patch, optional
        Break the design with it.
    print_line : callable
        Takes a line when a compilation starts.

    Raises
    ------
    ToolError
        The compiler failed; the text says where its log is.
    """
    made = _described(simulator, config, cache, top, waves, patch)
    folder = made.folder
    if (folder / "build.json").is_file():
        return made
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f".{folder.name}.lock"):
        if not (folder / "build.json").is_file():
            print_line(
                f"compiling the {config.array} array for {simulator.name}, once for this design"
            )
            _compile(made, patch, cache)
    return made


def check(
    simulator: Simulator,
    config: PEConfig,
    *,
    patch: Patch | None = None,
    cache: Path = CACHE,
) -> None:
    """Have the simulator read and elaborate the design, as quickly as it does that.

    What has been found right once is not read again: a mark in the cache says so.

    Raises
    ------
    ToolError
        The design has an error, which the text quotes.
    """
    made = _described(simulator, config, cache, TOP, False, patch)
    mark = cache / "checked" / made.folder.name
    if mark.is_file() or (made.folder / "build.json").is_file():
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    log = cache / f"{made.folder.name}.check.log"
    with tempfile.TemporaryDirectory(prefix=f".making-{os.getpid()}-", dir=cache) as scratch:
        _run_compiler(made, patch, Path(scratch), log, check_only=True)
    log.unlink(missing_ok=True)
    mark.touch()


def _described(
    simulator: Simulator,
    config: PEConfig,
    cache: Path,
    top: str,
    waves: bool,
    patch: Patch | None,
) -> Build:
    """A build with the folder that it has, or would have: a hash of all that it depends on."""
    flags, variables = _flags(simulator, waves, patch)
    key = _hash(
        {
            "sources": {
                path.name: path.read_text()
                for path in (*sorted(RTL.glob("*.v*")), *sorted(HDL.glob("*.v*")))
            },
            "parameters": config.verilog_parameters(),
            "top": top,
            "flags": [*flags, *variables, *([wave_dump.text(simulator.name)] if waves else [])],
            "patch": None if patch is None else [patch.file, patch.old, patch.new],
            "simulator": [simulator.name, simulator.version, str(simulator.executable)],
            "cocotb": [metadata.version("cocotb"), str(cocotb_tools.config.libs_dir)],
            "processor": processor_key(),
        }
    )
    folder = cache / f"{simulator.name}-{config.array}-{config.mode.value}-{key}"
    return Build(simulator, config, folder, top, waves)


def _flags(simulator: Simulator, waves: bool, patch: Patch | None) -> tuple[list[str], list[str]]:
    """Of the compiler, and variables for the makefile that Verilator writes."""
    if simulator.name == "icarus":
        return ["-g2005"], []
    traced = ["--trace-fst"] if waves and fst_headers() else []
    if not waves and patch is None:
        return [*VERILATOR_ARGS], [*FAST_MODEL]
    # In one file the headers are read once.
    return [*VERILATOR_ARGS, *traced, "--output-split", "0"], [*QUICK_MODEL]


def fst_headers() -> bool:
    """Whether the headers that Verilator's FST writer includes are installed."""
    return all(Path("/usr/include", name).is_file() for name in ("zlib.h", "lz4.h"))


def _hash(described: Any) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


def _compile(made: Build, patch: Patch | None, cache: Path) -> None:
    scratch_folder.remove_dead(cache)
    scratch = Path(tempfile.mkdtemp(prefix=f".making-{os.getpid()}-", dir=cache))
    log = cache / f"{made.folder.name}.log"
    try:
        if made.simulator.name == "verilator":
            runtime = _runtime(made, cache)
            with scratch_folder.first_alone(runtime, made.waves and fst_headers()):
                _run_compiler(made, patch, scratch, log, runtime)
                scratch_folder.keep_runtime(scratch / "out", runtime)
            scratch_folder.remove_leftovers(scratch / "out")
        else:
            _run_compiler(made, patch, scratch, log)
        flags, variables = _flags(made.simulator, made.waves, patch)
        facts = {"parameters": made.parameters, "flags": [*flags, *variables]}
        (scratch / "out" / "build.json").write_text(json.dumps(facts, indent=2) + "\n")
        shutil.rmtree(made.folder, ignore_errors=True)
        (scratch / "out").rename(made.folder)
        log.unlink(missing_ok=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _runtime(made: Build, cache: Path) -> Path:
    """The folder of the run-time library, the same for designs with waves and without."""
    simulator = made.simulator
    described = [simulator.version, str(simulator.executable), *VERILATOR_ARGS, *FAST_MODEL[2:]]
    return cache / f"runtime-{_hash([*described, processor_key()])}"


def _run_compiler(
    made: Build,
    patch: Patch | None,
    scratch: Path,
    log: Path,
    runtime: Path | None = None,
    *,
    check_only: bool = False,
) -> None:
    """Compile into ``out`` of a scratch folder, or only read and elaborate."""
    rtl, bench = scratch_folder.patched(RTL, HDL, scratch, patch)
    runner = runner_for(made.simulator)
    runner.check_only = check_only
    flags, variables = _flags(made.simulator, made.waves, patch)
    endings = [".v"]
    if isinstance(runner, VerilatorRunner):
        runner.runtime, runner.variables = runtime, variables
        endings.append(".vlt")
    hdl = [path for path in sorted(bench.glob("*.v*")) if path.suffix in endings]
    try:
        with runner_environment(made.simulator):
            runner.build(
                sources=[*hdl, *design_sources(rtl)],
                includes=[rtl],
                parameters=made.parameters,
                build_args=flags,
                hdl_toplevel=made.top,
                build_dir=scratch / "out",
                timescale=TIMESCALE,
                waves=made.waves,
                always=True,
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:
        raise ToolError(
            f"compiling the design with {made.simulator.name} failed: "
            f"{_reason(error, log)}; see {relative(str(log))}"
        ) from None


def _reason(error: BaseException, log: Path) -> str:
    """Why a compilation failed: the signal that ended it, its log's first error or last line."""
    if getattr(error, "signal", ""):
        return str(error)
    return error_in(log) or "; ".join(filter(None, (str(error), last_line(log))))


def run(
    made: Build,
    module: str,
    folder: Path,
    *,
    seed: int = 1,
    testcase: str | None = None,
    poll: Callable[[], None] | None = None,
    plusargs: Sequence[str] = (),
    wave: Wave | None = None,
) -> Path:
    """Run a cocotb test module on a compiled design; return the file that says what passed.

    Parameters
    ----------
    module : str
        Python module with the cocotb tests.
    folder : Path
        Working folder: results, logs and the streams' files.
    seed : int
        cocotb's random seed.
    testcase : str, optional
        Run this test alone.
    poll : callable, optional
        Called some ten times a second.
    plusargs : sequence of str, optional
        For the simulation: ``+name=value``.
    wave : Wave, optional
        File for the waves, where `made` can write them, and the cycles to write. Its
        folder is there; an old file in its place is removed.
    """
    runner = runner_for(made.simulator)
    runner.poll = poll
    options: list[str] = []
    if wave is not None:
        path = wave.path.absolute()
        path.unlink(missing_ok=True)
        growth = bytes_a_cycle(made.config, made.simulator.name, path.suffix[1:])
        plusargs = [*wave.plusargs(growth), *plusargs]
        options = ["--trace-file", str(path)] if made.simulator.name == "verilator" else []
    with runner_environment(made.simulator):
        try:
            return Path(
                runner.test(
                    test_module=module,
                    hdl_toplevel=made.top,
                    hdl_toplevel_lang="verilog",
                    build_dir=made.folder,
                    test_dir=folder,
                    results_xml=str(folder.absolute() / "results.xml"),
                    seed=seed,
                    testcase=testcase,
                    waves=wave is not None,
                    test_args=options,
                    plusargs=list(plusargs),
                    timescale=TIMESCALE,
                    log_file=folder / LOG,
                )
            )
        except RuntimeError as error:
            note_ending(folder, error)
            return folder / "results.xml"


def has_passed(results_file: Path) -> bool:
    """Whether the results file of a run says that its one test passed."""
    try:
        return get_results(results_file) == (1, 0)
    except RuntimeError:
        return False
