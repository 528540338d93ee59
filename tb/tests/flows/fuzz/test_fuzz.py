"""Random jobs pass on both simulators; a broken design is found, shrunk and replayed."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from golden.config import ConfigError
from tb.duts.conv_pe.job_record import read_jobs
from tb.faults.catalogue import ROUNDING_PATCH
from tb.flows.fuzz.command import fuzz
from tb.flows.fuzz.options import FuzzOptions, parse_count
from tb.flows.fuzz.shrink import SECONDS
from tb.tests.faults.detections import DETECTIONS
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import Simulator

JOBS = 40
PADDING_PATCH = Patch(
    name="padding", file="pass_sequencer.v", old="ix < 13'sd0", new="ix < -13'sd1"
)
"""Reads the input where the first column of the left padding is."""
PATCHES = {"verilator": ROUNDING_PATCH, "icarus": PADDING_PATCH}


def run(
    options: FuzzOptions, base: Path, patch: Patch | None = None, shrink_seconds: float = SECONDS
) -> tuple[int, dict[str, Any], list[str]]:
    """Fuzz, and return the exit code, ``fuzz.json`` and what was printed."""
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    code = fuzz(options, console, base=base, patch=patch, shrink_seconds=shrink_seconds)
    newest = max(base.glob("*/fuzz.json"), key=lambda path: path.stat().st_mtime_ns)
    return code, json.loads(newest.read_text()), printed.getvalue().splitlines()


@pytest.mark.slow
def test_random_jobs_equal_the_golden_model(simulator: Simulator, tmp_path: Path) -> None:
    options = FuzzOptions(jobs=JOBS, seed=7, sim=simulator.name)
    code, document, printed = run(options, tmp_path)
    assert code == 0, printed
    assert document["passed"] is True
    assert document["jobs"] == JOBS
    assert document["mismatches"] == 0
    assert document["values_compared"] > JOBS
    assert f"{JOBS} jobs, {document['values_compared']:,} values compared" in printed[-1]
    assert [path.name for path in (tmp_path / document["run"]).iterdir()] == ["fuzz.json"]


@pytest.mark.slow
def test_a_broken_design_is_shrunk_and_replayed(simulator: Simulator, tmp_path: Path) -> None:
    patch = PATCHES[simulator.name]
    options = FuzzOptions(jobs=12, seed=3, sim=simulator.name, diagnose=False)
    code, document, printed = run(options, tmp_path, patch)
    assert code == 1
    # Where Icarus reads a word that was never written, it sees an X.
    assert document["failure"]["kind"] in ("mismatch", "unknown_value")
    assert document["smallest_failure"]["kind"] in ("mismatch", "unknown_value")
    assert printed[-2].startswith("FAILED  ")
    assert printed[-1] == f"replay: {document['replay'][-1]}"
    whole, smallest = (shlex.split(command) for command in document["replay"])

    _, records = read_jobs(Path(document["folder"]))
    assert len(records) == 1
    assert records[0].tile.values == 1
    assert records[0].macs <= (1 if patch is ROUNDING_PATCH else 4)

    seed = int(next(word for word in whole if word.startswith("SEED="))[len("SEED=") :])
    one = FuzzOptions(jobs=1, seed=seed, sim=simulator.name, diagnose=False)
    code, again, _ = run(one, tmp_path, patch, shrink_seconds=0)
    assert code == 1
    assert again["job"] == document["job"]

    folder = next(word for word in smallest if word.startswith("REPLAY="))[len("REPLAY=") :]
    replay = FuzzOptions(sim=simulator.name, replay=Path(folder))
    code, again, _ = run(replay, tmp_path, patch)
    assert code == 1
    assert again["failure"] == document["smallest_failure"]
    seen = again["diagnosis"]
    assert document["diagnosis"] is None
    assert seen["reproduced"] and (seen["before"], seen["behind"]) == (0, 0)
    assert seen["step"] == ("requantiser" if patch is ROUNDING_PATCH else "sequencer")
    code, again, _ = run(replay, tmp_path)
    assert code == 0
    assert again["values_compared"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arithmetic of the next job", "bank pointer begins anew"])
def test_jobs_that_fail_only_together_are_kept_together(
    simulator: Simulator, name: str, tmp_path: Path
) -> None:
    """The first needs a job behind the one that fails, the second one before it."""
    patch = next(broken.patch for broken in DETECTIONS if broken.patch.name == name)
    options = FuzzOptions(jobs=30, seed=3, sim=simulator.name, diagnose=False)
    code, document, _ = run(options, tmp_path, patch)
    assert code == 1
    assert document["smallest"].startswith("no job alone, but these ")
    _, records = read_jobs(Path(document["folder"]))
    assert len(records) in (2, 3)

    (command,) = document["replay"]
    folder = command.split("REPLAY=")[1].split()[0]
    replay = FuzzOptions(sim=simulator.name, replay=Path(folder))
    code, again, _ = run(replay, tmp_path, patch)
    assert code == 1
    assert again["failure"] == document["smallest_failure"]
    seen = again["diagnosis"]
    assert seen["reproduced"] and seen["before"] + seen["behind"] > 0
    code, again, _ = run(replay, tmp_path)
    assert code == 0
    assert again["jobs"] == len(records)


def test_the_command_repeats_the_run(tmp_path: Path) -> None:
    assert FuzzOptions().command() == "make fuzz N=200 SEED=1 ARRAY=4x4 SIM=verilator"
    options = FuzzOptions(jobs=5, seed=9, sim="icarus", array="2x8", verilator="/opt/my v")
    design = "ARRAY=2x8 SIM=icarus VERILATOR='/opt/my v'"
    assert options.command() == f"make fuzz N=5 SEED=9 {design}"
    assert options.command(jobs=1, seed=0) == f"make fuzz N=1 SEED=0 {design}"
    (tmp_path / "jobs.json").touch()
    replay = FuzzOptions(replay=tmp_path, sim="icarus")
    assert replay.command() == f"make fuzz REPLAY={tmp_path} SIM=icarus"


def test_bad_choices_are_named(tmp_path: Path) -> None:
    for text in ("0", "-1", "many", "1000000"):
        with pytest.raises(ConfigError, match=rf"^N={text}: give a number of jobs"):
            parse_count(text)
    with pytest.raises(ConfigError, match=r"^SIM=vcs: choose verilator or icarus$"):
        FuzzOptions(sim="vcs")
    with pytest.raises(ConfigError, match=r"^ARRAY=0x3: give"):
        FuzzOptions(array="0x3")
    with pytest.raises(ConfigError, match=r"^REPLAY=.*: no jobs\.json is there"):
        FuzzOptions(replay=tmp_path)


def test_a_damaged_replay_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text("{}")
    code, document, printed = run(FuzzOptions(replay=tmp_path), tmp_path / "runs")
    assert code == 1
    assert document["failure"]["kind"] == "setup"
    assert f"REPLAY={tmp_path}: jobs.json is damaged" in "\n".join(printed)
