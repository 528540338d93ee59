"""cocotb's runners, changed where this bench needs it: documented subclasses."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from cocotb_tools.runner import Icarus, Verilator

from tb.toolchain import process, wave_dump
from tb.toolchain.environment import child_environment
from tb.toolchain.simulators import Simulator

RUNTIME_SOURCES: Final = "verilated*.o"
"""Verilator's run-time library in a build folder: the same for every design."""
MAIN: Final = "verilator.cpp"
"""cocotb's main program."""


class CommandError(RuntimeError):
    """A command that failed: its name and its exit code, negative after a signal."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} {process.ending(code)}")
        self.ending = process.ending(code)
        self.signal = process.ended_by(code)
        """The signal that ended it, by name; empty where none did."""


class Grouped:
    """Runs the runner's commands through `tb.toolchain.process`, so that Ctrl-C leaves nothing."""

    env: dict[str, str]
    log: logging.Logger
    poll: Callable[[], None] | None = None
    check_only = False
    """Whether a build reads and elaborates the design, and makes nothing."""

    def _set_env_build(self) -> None:
        """Keep this Python's modules from another Python that the compilers start."""
        super()._set_env_build()  # type: ignore[misc]
        del self.env["PYTHONPATH"]

    def _execute_cmds(
        self, cmds: Sequence[list[str]], cwd: str, stdout: IO[str] | None = None
    ) -> None:
        self.log.setLevel(logging.WARNING)
        for command in cmds:
            code = process.run(command, Path(cwd), self.env, stdout, self.poll)
            if code != 0:
                raise CommandError(Path(command[0]).name, code)


class VerilatorRunner(Grouped, Verilator):  # type: ignore[misc]
    """cocotb's runner, less ``--public-flat-rw``, plus a shared run-time library.

    The stock runner makes every signal public, which costs some four fifths of the
    simulation speed; ``tb/hdl/public.vlt`` names the few that Python needs.
    """

    runtime: Path | None = None
    variables: Sequence[str] = ()
    """For the makefile that compiles the model."""

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        verilate.remove("--public-flat-rw")
        if self.waves:
            self._take_window(verilate)
        if self.check_only:
            return [[*verilate, "--lint-only"]]
        commands = [verilate]
        if self.runtime is not None and self.runtime.is_dir():
            objects = sorted(str(path) for path in self.runtime.glob(RUNTIME_SOURCES))
            commands.append(["cp", *objects, str(self.build_dir)])
        return [*commands, [*make, *self.variables]]

    def _take_window(self, verilate: list[str]) -> None:
        """Put the main program that writes a window of the waves in the place of cocotb's."""
        place = next(index for index, word in enumerate(verilate) if word.endswith(MAIN))
        own = Path(self.build_dir) / MAIN
        own.write_text(wave_dump.verilator_main(Path(verilate[place]), str(self.hdl_toplevel)))
        verilate[place : place + 1] = [*wave_dump.FLAGS, str(own)]


class IcarusRunner(Grouped, Icarus):  # type: ignore[misc]
    """cocotb's runner for Icarus, in a process group of its own."""

    def _build_command(self) -> list[list[str]]:
        commands: list[list[str]] = super()._build_command()
        return [[*command, "-tnull"] for command in commands] if self.check_only else commands

    def _create_iverilog_dump_file(self) -> None:
        """Write our own: cocotb's knows no window and is SystemVerilog, which we refuse."""
        self.iverilog_dump_file.write_text(wave_dump.icarus_module(str(self.hdl_toplevel)))


def runner_for(simulator: Simulator) -> VerilatorRunner | IcarusRunner:
    """Return a fresh runner for this simulator."""
    return VerilatorRunner() if simulator.name == "verilator" else IcarusRunner()


@contextmanager
def runner_environment(simulator: Simulator) -> Iterator[None]:
    """Give this process a simulator's whole environment, since cocotb's runner hands on its own.

    What steers the runner but is for others is away too: under pytest's variable it would
    end the process where a cocotb test fails.
    """
    before = dict(os.environ)
    _set_variables(child_environment(simulator.env))
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(values):
        del os.environ[name]
    os.environ.update(values)
