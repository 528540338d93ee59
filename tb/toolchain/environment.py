"""The environment of a process: the variables that it needs, not what happens to be there.

`child_environment` is what everything gets that we start; `settle` leaves ``convpe`` itself with
no more. The set-up uses it too: the standard library alone.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final, Mapping  # noqa: UP035 - read by older Pythons

ROOT: Final = Path(__file__).resolve().parents[2]

_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
FOR_CHILDREN: Final = {
    "where programs and their libraries lie": (
        *("PATH", "LD_LIBRARY_PATH", "LIBPYTHON_LOC", "PYENV_ROOT", "PYENV_VERSION"),
    ),
    "who runs it, and where files go": (
        *("HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME"),
        *("XDG_DATA_DIRS", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"),
        *("NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"),
    ),
    "how packages are fetched": (
        *(case for name in _PROXIES for case in (name, name.upper())),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY"),
        *("PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_KEYRING_PROVIDER"),
        *("PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CACHE_DIR"),
        *("PIP_NO_CACHE_DIR", "PIP_CONFIG_FILE", "PIP_CONSTRAINT", "PIP_ONLY_BINARY"),
        *("PIP_NO_BINARY", "PIP_PREFER_BINARY", "PIP_DISABLE_PIP_VERSION_CHECK"),
        *("APT_CONFIG",),
    ),
    "which display GTKWave opens on": (
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS"),
        *("FONTCONFIG_FILE", "FONTCONFIG_PATH"),
    ),
    "how many threads compute, and on which kernels of BLAS": (
        *("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
    ),
}
"""Variables that a child gets where they are set, by what they are for."""
FOR_OURSELVES: Final = {
    "which simulator": ("SIM", "VERILATOR"),
    "how our own lines are shown": (
        *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"),
        *("TTY_INTERACTIVE", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"),
        *("PYTHONUNBUFFERED", "PYTHONUTF8", "CI"),
    ),
}
"""Those that this process keeps besides."""
LANGUAGE: Final = "C.UTF-8"
"""Of what children write, so that it reads the same on every machine."""


def child_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment for a process that we start.

    Parameters
    ----------
    changes : mapping, optional
        Variables that this one needs, set over the others.
    """
    kept = {"PATH": os.defpath, **_chosen(FOR_CHILDREN)}
    return {**kept, "LANG": LANGUAGE, **(changes or {})}


def settle() -> None:
    """Make this process what it would be in any environment, before it does anything.

    It keeps the listed variables, and of PYTHONPATH this checkout. Where Python has read
    another of its own variables, the command starts anew without it. Signals that a child's
    end and an interruption depend on are neither ignored nor blocked; SIGINT alone may be
    ignored, as a shell has it for what it starts in the background.
    """
    kept = own_environment()
    dropped = [name for name in os.environ if os.environ[name] != kept.get(name)]
    for name in dropped:
        del os.environ[name]
    os.environ.update(kept)
    default_signals()
    if any(name.startswith("PYTHON") for name in dropped):
        os.execve(sys.executable, sys.orig_argv, kept)


def own_environment(also: tuple[str, ...] = ()) -> dict[str, str]:
    """Return those variables of this process that it keeps.

    Parameters
    ----------
    also : tuple of str, optional
        Beginnings of further names.
    """
    kept = {**_chosen(FOR_CHILDREN), **_chosen(FOR_OURSELVES)}
    kept.update({name: os.environ[name] for name in os.environ if also and name.startswith(also)})
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    own = [place for place in path if place and Path(place).resolve() == ROOT]
    return {**kept, "PYTHONPATH": own[0]} if own else kept


def default_signals() -> None:
    """Let a child's end and SIGTERM be noticed, however this process was started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )


def _chosen(groups: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    names = [name for group in groups.values() for name in group]
    kept = {name: os.environ[name] for name in names if os.environ.get(name)}
    if not kept.get("OMP_NUM_THREADS", "1").isdecimal():
        del kept["OMP_NUM_THREADS"]
    python = "python{}.{}".format(*sys.version_info[:2])
    if python not in kept.get("LIBPYTHON_LOC", python):
        del kept["LIBPYTHON_LOC"]  # another Python's
    return kept
