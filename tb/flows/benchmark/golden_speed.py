"""``make bench PART=golden``: the reference model's speed, torch's and a matrix product's."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError, NumberFormat, ProductMode
from golden.graph.layers import IMAGE
from golden.networks.yolov3_tiny.graph import INPUT_SIZE
from tb.console import EXIT_INTERRUPTED, EXIT_RED, echo, one_line, print_failure, progress, shown
from tb.flows.benchmark.record import THREADS, GoldenRecord, GoldenRun, MeasureError
from tb.toolchain import build, run_folder
from tb.toolchain.environment import child_environment
from tb.toolchain.logs import first_error
from tb.toolchain.process import ending

BASE: Final = build.ROOT / "build" / "bench"
ROUNDS: Final = 5
"""Each way runs so often, in turn; the fastest counts."""
CHOICES: Final = (
    NumericOptions(),
    NumericOptions(format=NumberFormat.Q7_8),
    NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_FLOOR),
    NumericOptions(format=NumberFormat.Q7_8, mode=ProductMode.CUT_ROUND),
)
"""Formats and modes that are timed; torch and the matrix product compute the first."""
_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def bench_golden(
    console: Console, base: Path = BASE, size: int = INPUT_SIZE, rounds: int = ROUNDS
) -> int:
    """Measure and write ``golden.json``; return 0 only if all was right, measured and written.

    Parameters
    ----------
    base : Path
        Folder of ``golden.json``.
    size : int
        Rows and columns of the image.
    """
    target, code = base / "golden.json", EXIT_RED
    try:
        run_folder.remove_stale(target)
        record = measure(console, size, rounds)
        record.write(target)
    except (MeasureError, InputError, ConfigError, OSError) as error:
        failure = one_line(error)
    except KeyboardInterrupt:
        failure, code = "interrupted by the user", EXIT_INTERRUPTED
    else:
        echo(console, f"{len(record.runs)} runs in {shown(target)}")
        return 0
    print_failure(console, f"FAILED  golden: {failure}")
    return code


def measure(console: Console, size: int, rounds: int) -> GoldenRecord:
    """Time every way in turn, then measure its memory in a process of its own.

    Raises
    ------
    MeasureError
        A way computed something else.
    """
    from golden.study.speed import FLOAT64, Way, ways

    commit = run_folder.git_commit(build.ROOT)
    frames = _frames(size, lambda text: echo(console, text))
    _one_thread()
    every: Sequence[Way] = ways(frames)
    with progress(console) as bar:
        task = bar.add_task("golden model", total=len(every) * (rounds + 2))
        step: Callable[[], None] = lambda: bar.advance(task)  # noqa: E731
        names = [_checked(way, step) for way in every]
        seconds = time_in_turn([way.work for way in every], rounds, step)
        peaks = _peaks(every, step)
    reference = seconds[[way.name for way in every].index(FLOAT64)]
    made = [
        GoldenRun(
            name=name,
            mode=way.frame.network.options.mode.value,
            format=way.frame.network.options.format.value,
            seconds=took,
            macs=way.frame.macs,
            peak_bytes=peak,
            ratio=took / reference,
        )
        for way, name, took, peak in zip(every, names, seconds, peaks, strict=True)
    ]
    for run in made:
        echo(console, _words(run))
    return GoldenRecord(commit, made)


def _words(run: GoldenRun) -> str:
    """A run in a line."""
    title = f"{run.name}, {run.mode}, {run.format}"
    return (
        f"{title + ':':<48}{run.seconds * 1e3:7.1f} ms,{run.macs / run.seconds / 1e9:6.1f} GMAC/s, "
        f"{run.ratio:5.2f} of torch float64, {run.peak_bytes / 1e6:4.0f} MB"
    )


def _frames(size: int, print_line: Callable[[str], None]) -> list[Any]:
    """The network in each format, with the default photograph's tensors."""
    from golden.networks.yolov3_tiny.build import build_yolov3_tiny
    from golden.networks.yolov3_tiny.files.fetch import model_files
    from golden.quantization.layers import quantize_image
    from golden.reference.run import run
    from golden.study.speed import Frame
    from golden.vision.images import default_image, load, preprocess

    files = model_files(print_line=print_line)
    pixels = preprocess(load(default_image()), size)
    frames = []
    for options in CHOICES:
        network = build_yolov3_tiny(files, options, input_size=size)
        image, _ = quantize_image(pixels, network.input_frac)
        tensors = run(network, image)
        assert tensors[IMAGE] is image
        frames.append(Frame(network, tensors))
    return frames


def _one_thread() -> None:
    """Hold torch and BLAS to one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(THREADS)
    threadpool_limits(THREADS)


def _checked(way: Any, step: Callable[[], None]) -> str:
    """Run a way once, which also compiles; return its name, and whether it is exact."""
    from golden.study.speed import FLOAT32

    wrong = way.wrong(way.work())
    step()
    if not wrong:
        return str(way.name)
    if way.name != FLOAT32:
        options = way.frame.network.options
        raise MeasureError(
            f"{way.name}, {options.mode.value}, {options.format.value}: {wrong} values differ "
            "from the oracle's"
        )
    return f"{way.name} (not exact)"


def time_in_turn(
    works: Sequence[Callable[[], Any]], rounds: int, step: Callable[[], None]
) -> list[float]:
    """Run all works in turn, `rounds` times; return the least CPU time of each, in seconds."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            begun = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - begun)
            step()
    return best


def _peaks(every: Sequence[Any], step: Callable[[], None]) -> list[int]:
    """The largest resident memory of each way, in a process that does nothing else."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "frame.pickle"
        env = child_environment(dict.fromkeys(_VARIABLES, str(THREADS)))
        for way in every:
            stored.write_bytes(pickle.dumps(way.frame))
            command = [sys.executable, "-m", __name__, str(stored), way.name]
            done = subprocess.run(
                command, env=env, cwd=build.ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                reason = first_error(done.stderr) or ending(done.returncode)
                raise MeasureError(f"memory of {way.name}: {reason}")
            peaks.append(int(done.stdout))
            step()
    return peaks


def peak_of(stored: Path, name: str) -> int:
    """Run one way on a frame that our own parent stored; return this process's peak in bytes."""
    from golden.study.speed import make_way

    frame = pickle.loads(stored.read_bytes())
    _one_thread()
    make_way(name, frame, []).work()
    try:
        # Not getrusage: that remembers the parent's peak.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    sys.stdout.write(str(peak_of(Path(sys.argv[1]), sys.argv[2])))
