"""Runs a command so that nothing of it outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

POLL_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 3.0


def run(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    log: IO[str] | None = None,
    poll: Callable[[], None] | None = None,
) -> int:
    """Run a command in a process group of its own.

    Whatever ends the wait early, Ctrl-C or an exception of `poll`, ends the whole
    group first.

    Parameters
    ----------
    command : sequence of str
    cwd : Path
    env : mapping
        The whole environment.
    log : text file, optional
        Takes standard output and error; inherited where None.
    poll : callable, optional
        Called some ten times a second while the command runs.

    Returns
    -------
    int
        Exit code; negative where a signal ended it.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while True:
            try:
                return process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if poll is not None:
                    poll()
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            return
