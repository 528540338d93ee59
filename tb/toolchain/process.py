"""Runs a command so that nothing of it outlives us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

POLL_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 3.0
PR_SET_PDEATHSIG: Final = 1
OUTSIDE: Final = frozenset({"SIGHUP", "SIGINT", "SIGKILL", "SIGTERM", "SIGXCPU", "SIGXFSZ"})
"""Signals that come from outside, whatever the program was at."""
MEANINGS: Final = {
    "SIGKILL": "out of memory?",
    "SIGXCPU": "its time limit, see ulimit -t",
    "SIGXFSZ": "its limit on file sizes, see ulimit -f",
    "SIGILL": "compiled for another processor?",
    "SIGSEGV": "it crashed",
    "SIGABRT": "it crashed",
    "SIGBUS": "it crashed, or the disk is full",
}
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def ended_by(code: int) -> str:
    """The signal that an exit code tells of, by name; empty where the program ended by itself.

    A shell, or a program that started the one that was ended, adds 128.

    Examples
    --------
    >>> ended_by(-9), ended_by(139), ended_by(1)
    ('SIGKILL', 'SIGSEGV', '')
    """
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def ending(code: int) -> str:
    """How a program ended, in words that follow its name.

    Examples
    --------
    >>> ending(2), ending(-15), ending(-9)
    ('ended with code 2', 'was ended by SIGTERM', 'was ended by SIGKILL (out of memory?)')
    """
    name = ended_by(code)
    if not name:
        return f"ended with code {code}"
    return f"was ended by {name}" + (f" ({MEANINGS[name]})" if name in MEANINGS else "")


def run(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    log: IO[str] | None = None,
    poll: Callable[[], None] | None = None,
) -> int:
    """Run a command in a process group of its own; return its exit code, negative after a signal.

    Whatever ends the wait early, Ctrl-C or an exception of `poll`, ends the whole
    group first.

    Parameters
    ----------
    env : mapping
        The whole environment, from `tb.toolchain.environment.child_environment`.
    log : text file, optional
        Takes standard output and error; inherited where None.
    poll : callable, optional
        Called some ten times a second while the command runs.
    """
    with running(command, cwd, env, log) as process:
        while True:
            try:
                return process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if poll is not None:
                    poll()


@contextmanager
def running(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    log: IO[str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own, and end the group with the block.

    If this process is killed, Linux ends the command.

    Parameters
    ----------
    command, cwd, env, log
        As for `run`.
    pass_fds : sequence of int
        Open files that it inherits.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_end_with_parent,
        pass_fds=tuple(pass_fds),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)


def _end_with_parent() -> None:
    """Ask the kernel, in the new process, for a SIGTERM when its parent is gone."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            return
