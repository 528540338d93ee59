"""A run's folder, the report it must not leave behind, and the commit it ran on.

Used by the set-up too, before anything is installed: the standard library alone.
"""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path

from tb.toolchain.environment import child_environment


def remove_stale(path: Path) -> None:
    """Remove the last run's report, if there is one: none is to be mistaken for this run's."""
    path.unlink(missing_ok=True)


def new_run_folder(base: Path) -> Path:
    """Make a folder ``<YYYYmmdd-HHMMSS-pid>`` in `base`, with a counter where that is taken."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    folder, attempt = base / name, 1
    while True:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            attempt += 1
            folder = base / f"{name}-{attempt}"
        else:
            return folder


def git_commit(root: Path) -> str:
    """Return the commit that a working tree is at: 40 hexadecimal digits.

    ``-dirty`` follows them where the tree differs; outside git it is ``unknown``.
    """
    return _read_commit(root)[0]


def why_unknown(root: Path) -> str:
    """Return why `git_commit` does not know the commit; nothing where it does."""
    return _read_commit(root)[1]


def _read_commit(root: Path) -> tuple[str, str]:
    # Optional locks are left alone: to read a tree must not write to it. A checkout that belongs
    # to another user is read too: this is its own code that runs.
    env = child_environment({"GIT_OPTIONAL_LOCKS": "0"})
    try:
        head, status = (
            subprocess.run(
                ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *arguments],
                cwd=root,
                env=env,
                check=True,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except FileNotFoundError:
        return "unknown", "git is not installed" if root.is_dir() else f"there is no {root}"
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("fatal: ")]
        return "unknown", lines[0][len("fatal: ") :] if lines else "git gives no reason"
    except (OSError, subprocess.SubprocessError) as error:
        return "unknown", str(error)
    return (f"{head}-dirty" if status else head), ""
