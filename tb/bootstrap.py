"""Makes ``.venv`` with everything that ``make`` needs, or leaves it as it is.

Run by the system's Python, so it imports the standard library alone and keeps to
a syntax that an older Python still reads, far enough to be told that it is too old.

A stamp says what the environment was made for; where it says something else, or
nothing, the set-up is done again. A mark stands in it for as long as pip is at work:
an environment with the mark was interrupted and is made anew.
"""

import hashlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator  # noqa: UP035 - read by older Pythons

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".convpe-ready"
UNFINISHED = VENV / ".convpe-unfinished"
LOG = ROOT / "build" / "setup.log"
PACKAGES_LOG = ROOT / "build" / "packages.log"
LOCK = ROOT / "build" / ".setup.lock"
RUNS = ROOT / "build" / "sim"

OLDEST, NEWEST = (3, 10), (3, 14)
PYTHON = "{}.{}".format(*sys.version_info[:2])
PROGRAMS = ("g++", "make", "perl")
OFFLINE = "connection broken by"  # pip's words for a network that fails
BEARABLE = "A-Za-z0-9/._+@~^%-"  # what each tool of the chain has compiled in
CPU_TORCH = "https://download.pytorch.org/whl/cpu"


class SetupError(Exception):
    """What stops the set-up, and what mends it, in one line."""


def main(arguments: "list[str]") -> int:
    """Set up if need be; return 0 if ``.venv`` is ready, 1 if it cannot be, 130 if interrupted.

    Parameters
    ----------
    arguments : list of str
        ``--need TOOL`` and ``--want TOOL``, any number of times, with a name of
        ``tb.toolchain.system_packages``: install it, and fail or go on where that cannot be.
        Then perhaps ``--report`` and the command whose set-up this is, so that a
        failure stands in that command's ``report.json``.
    """
    report = "--report" in arguments
    cut = arguments.index("--report") if report else len(arguments)
    kind, code = "setup", 1
    try:
        _check_python()
        _check_place()
        _install_tools(arguments[:cut])
        _set_up_once()
        return 0
    except SetupError as error:
        message = str(error)
    except OSError as error:
        where = error.filename or ROOT
        message = f"{where}: {error.strerror or error}; mend that and run the command again"
    except KeyboardInterrupt:
        kind, code, message = "interrupted", 130, "interrupted; run the command again to go on"
    print(f"setup: {message}", file=sys.stderr)
    if report:
        _write_report(kind, message, arguments[cut + 1 :])
    return code


def stamp() -> str:
    """Return a finished environment's place, Python version and hash of ``pyproject.toml``."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{_identity()}requirements {digest}\n"


def missing_packages() -> "list[str]":
    """Return the Debian packages without which nothing can be installed or compiled."""
    import importlib.util
    from shutil import which

    python = f"python{PYTHON}"
    missing = [program for program in PROGRAMS if which(program) is None]
    if any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        missing.append(f"{python}-venv")
    if not _has_shared_library():
        missing.append(f"lib{python}")
    return missing


def _identity() -> str:
    return f"root {ROOT}\npython {PYTHON}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _ready() -> bool:
    whole = (VENV / "bin" / "python").exists() and not UNFINISHED.exists()
    return whole and _read(STAMP) == stamp()


def _has_shared_library() -> bool:
    """Tell whether the library exists through which the simulator loads Python."""
    import ctypes.util
    import sysconfig

    if os.environ.get("LIBPYTHON_LOC"):
        return True
    name = str(sysconfig.get_config_var("INSTSONAME"))
    folder = Path(str(sysconfig.get_config_var("LIBDIR")))
    folders = (
        folder,
        folder / str(sysconfig.get_config_var("MULTIARCH")),
        Path(sys.base_prefix) / "lib",
    )
    if ".so" in name and any((place / name).exists() for place in folders):
        return True
    return ctypes.util.find_library(f"python{PYTHON}") is not None


def _check_python() -> None:
    version = sys.version_info[:2]
    if OLDEST <= version <= NEWEST:
        return
    from shutil import which

    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    other = next((name for name in names if which(name) and _runs(name)), "path")
    raise SetupError(
        f"{sys.executable} is Python {PYTHON}, but 3.10 to 3.14 are supported; "
        f"choose another: make PYTHON={other}"
    )


def _runs(python: str) -> bool:
    """Tell whether a Python starts: pyenv has a name on PATH for each, though one is chosen."""
    null = subprocess.DEVNULL
    return subprocess.call([python, "-c", ""], stdin=null, stdout=null, stderr=null) == 0


def _check_place() -> None:
    """Refuse a path that Verilator, or the make or g++ that it calls, does not bear."""
    bad = re.search("[^" + BEARABLE + "]", str(ROOT))
    if bad:
        raise SetupError(
            f"verilator and make cannot compile in a folder with {bad.group()!r} in its path: "
            f"{str(ROOT)!r}; move it to a path of ASCII letters, digits and . _ - + @ ~ ^ %"
        )


def _check_machine() -> None:
    missing = missing_packages()
    if missing:
        listed = ", ".join(missing)
        verb = "is" if len(missing) == 1 else "are"
        raise SetupError(f"{listed} {verb} missing; run: sudo apt-get install {' '.join(missing)}")


def _install_tools(flags: "list[str]") -> None:
    """Install what the command needs, or wants, from the system's packages."""
    from tb.toolchain.system_packages import PackageError, install, is_there

    def print_line(text: str) -> None:
        print(f"setup: {text}; log: {PACKAGES_LOG.relative_to(ROOT)}", flush=True)

    for flag, tool in zip(flags[::2], flags[1::2]):  # noqa: B905 - needs Python 3.10
        if is_there(tool):
            continue
        try:
            with _alone():
                install(tool, PACKAGES_LOG, print_line)
        except PackageError as error:
            if flag == "--need":
                raise SetupError(str(error)) from None
            print(f"setup: {error}", flush=True)


def _set_up_once() -> None:
    """Set up unless that is done."""
    from tb.toolchain.environment import default_signals

    default_signals()
    if _ready():
        return
    _check_machine()
    with _alone():
        if not _ready():
            _set_up()


@contextmanager
def _alone() -> "Iterator[None]":
    """Hold the lock of the set-up: of two at a time the second waits for the first."""
    import fcntl

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for the set-up that is under way", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _set_up() -> None:
    began = time.monotonic()
    print(f"setup: making .venv for Python {PYTHON}, once; log: {LOG.relative_to(ROOT)}")
    with LOG.open("w", encoding="utf-8") as log:
        _make_venv(log.fileno())
        print("setup: installing the bench (cocotb), a simulator (verilator), an oracle (torch),")
        print("setup: numeric and test libraries; some hundred MB, a few minutes", flush=True)
        _hint_torch()
        _install(log.fileno())
    scratch = STAMP.with_suffix(".tmp")
    scratch.write_text(stamp(), encoding="utf-8")
    scratch.replace(STAMP)
    UNFINISHED.unlink()
    print(f"setup: done in {time.monotonic() - began:.0f} s", flush=True)


def _make_venv(log: int) -> None:
    """Make the environment, or keep one that can be brought up to date."""
    import shutil

    from tb.toolchain.environment import child_environment

    made_for = _read(STAMP)
    moved = bool(made_for) and not made_for.startswith(_identity())
    broken = not (VENV / "bin" / "python").exists()
    if UNFINISHED.exists() or moved or broken:
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    # An environment made from within another one would depend on it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    command = [python, "-I", "-m", "venv", str(VENV)]
    env, null = child_environment(), subprocess.DEVNULL
    if subprocess.run(command, env=env, stdin=null, stdout=log, stderr=log).returncode:
        raise SetupError(f"python -m venv failed: {_last_words()}; all of it is in {LOG}")


def _hint_torch() -> None:
    if any(VENV.glob("lib/python*/site-packages/torch/version.py")):
        return
    if "pytorch.org" in os.environ.get("PIP_EXTRA_INDEX_URL", ""):
        return
    print("setup: where pip would take torch with CUDA, several GB, have the CPU build instead:")
    print(f"setup:   stop, then run: PIP_EXTRA_INDEX_URL={CPU_TORCH} make sim", flush=True)


def _install(log: int) -> None:
    """Let pip install the package with its tests, and name the large downloads."""
    from tb.toolchain.environment import child_environment

    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--progress-bar", "off"]
    command += ["--no-input", "--disable-pip-version-check", "--editable", f"{ROOT}[test]"]
    pip = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=child_environment({"PYTHONUNBUFFERED": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert pip.stdout is not None
    try:
        for line in pip.stdout:
            os.write(log, line)
            _show_large_download(line.decode("utf-8", "replace"))
        failed = pip.wait() != 0
    finally:
        if pip.poll() is None:
            pip.terminate()
            pip.wait()
    if failed:
        if OFFLINE in _read(LOG):
            UNFINISHED.unlink()  # pip downloads all before it installs any
        raise SetupError(f"pip failed: {_last_words()}; all of it is in {LOG.relative_to(ROOT)}")


def _show_large_download(line: str) -> None:
    match = re.search(r"Downloading (\S+) \((\d{2,}(?:\.\d+)? MB|[\d.]+ GB)\)", line)
    if match:
        file = match.group(1).rsplit("/", 1)[-1]
        print(f"setup:   {' '.join(file.split('-')[:2])}, {match.group(2)}", flush=True)


def _last_words() -> str:
    """Return from the log, in a few words, why the last step failed."""
    text = _read(LOG)
    errors = [line for line in text.splitlines() if line.startswith(("ERROR: ", "Error: "))]
    if "No space left" in text:
        return "the disk is full; free some GB"
    if OFFLINE in text:
        return "no network, or pip's index does not answer; connect, or point pip at a mirror"
    return errors[-1].split(": ", 1)[1].rstrip(".") if errors else "it gave no reason"


def _write_report(kind: str, message: str, command: "list[str]") -> None:
    if sys.version_info < (3, 8):  # noqa: UP036 - cannot read tb/flows/sim/refusal.py
        return
    from tb.flows.sim.refusal import publish_refusal

    try:
        publish_refusal(RUNS, kind, message, shlex.join(command))
    except OSError as error:
        print(f"setup: the report cannot be written: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
