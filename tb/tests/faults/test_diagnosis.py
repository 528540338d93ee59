"""The bugs on file, and the diagnoses of a named few; ``make broken`` runs them all."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest

from golden.config import ConfigError
from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import Bug
from tb.faults.catalogue import BUGS, find, names
from tb.flows.sim.options import SimOptions
from tb.tests.conftest import NO_ICARUS
from tb.tests.faults.diagnose_all import (
    RIGHT,
    TABLE,
    chosen,
    diagnosed,
    keep,
    outcome,
    summary,
    verdict,
)
from tb.tests.faults.diagnosis_table import BEGIN, END, refresh
from tb.toolchain.build import RTL
from tb.toolchain.system_packages import is_there

FEW: Final = (
    ("rounding", "verilator"),
    ("windows-overlap", "verilator"),
    ("stale-weights", "icarus"),
    ("padding-off-by-one", "icarus"),
)
"""Those that run with every ``make test``: four steps."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sim"), FEW)
def test_a_bug_turns_the_run_red_and_its_step_is_named(name: str, sim: str, tmp_path: Path) -> None:
    if sim == "icarus" and not is_there("icarus"):
        pytest.skip(NO_ICARUS)
    found = diagnosed(find(name), sim, tmp_path / "run")
    assert found.verdict == RIGHT, found
    assert found.kind in ("mismatch", "unknown_value") and found.first and found.sentence
    assert found.diagnosis_seconds > 0 and found.wave_bytes > 0


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_still_has_its_place_and_its_run(bug: Bug) -> None:
    patch = bug.patch
    assert (RTL / patch.file).read_text().count(patch.old) == 1
    assert patch.new != patch.old
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", bug.name)
    assert bug.what and not bug.what.endswith(".")
    for simulator in bug.run.simulators:
        options = SimOptions(**bug.run.options(simulator), bug=bug.name)
        assert options.patch == patch


def test_every_bug_has_a_name_of_its_own_and_every_step_a_bug() -> None:
    assert len(set(names())) == len(BUGS) >= 30
    assert {bug.step for bug in BUGS} == set(Step)
    assert len({find(name).step for name, _ in FEW}) == len(FEW)
    assert all(sim in find(name).run.simulators for name, sim in FEW)


def test_a_bug_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"BUG=nonsense: docs.tables.diagnosis"):
        find("nonsense")
    with pytest.raises(ConfigError, match="BUG=nonsense"):
        chosen(["rounding", "nonsense"])
    assert [bug.name for bug in chosen(["rounding"])] == ["rounding"]
    assert chosen([]) == BUGS


def test_the_answer_is_judged_by_the_step() -> None:
    bias, wires = find("bias-high-half-lost"), find("padding-field-wrong")
    assert verdict(bias, Step.BIAS, certain=False) == "right"
    assert verdict(bias, Step.ACCUMULATOR, certain=True) == "near"
    assert verdict(bias, Step.POOL, certain=True) == "wrong"
    assert verdict(bias, Step.POOL, certain=False) == "vague"
    assert verdict(bias, None, certain=True) == "none"
    assert verdict(wires, Step.SEQUENCER, certain=True) == "near"
    assert verdict(wires, Step.POOL, certain=True) == "wrong"


def report(step: str | None, **failure: Any) -> dict[str, Any]:
    """As much of a report as is judged."""
    seen = {
        "step": step,
        "sentence": "half is 65536",
        "certain": True,
        "extent": "all | of them",
        "first": {"cycle": 14419},
        "waves": {"bytes": 1000},
        "seconds": {"all": 5.0},
    }
    known = {"kind": "mismatch", "message": "conv1: expected 1, actual 2, activated in cycle 9"}
    return {
        "failure": {**known, "diagnosis": seen if step else None, **failure},
        "layers": [{"values_compared": 3}, {"values_compared": 4}],
        "command": "make sim BUG=rounding",
    }


def test_a_run_is_judged_by_its_report() -> None:
    found = outcome(find("rounding"), "verilator", report("requantiser"), 12.0)
    assert (found.verdict, found.said, found.values) == ("right", "requantiser", 7)
    assert (found.red_seconds, found.diagnosis_seconds, found.cycle) == (7.0, 5.0, 14419)
    undiagnosed = outcome(find("rounding"), "verilator", report(None), 12.0)
    assert (undiagnosed.verdict, undiagnosed.diagnosis_seconds) == ("none", 0.0)
    # A run that never began says nothing of the design.
    unset = outcome(find("rounding"), "verilator", report(None, kind="setup"), 12.0)
    green = outcome(find("rounding"), "verilator", {**report(None), "failure": None}, 12.0)
    assert (unset.verdict, green.verdict) == ("green", "green")
    assert summary([found, found, green]) == "3 runs: 2 right, 1 green"


def test_outcomes_join_those_on_record_in_the_order_of_the_bugs(tmp_path: Path) -> None:
    record = tmp_path / "broken" / "diagnosis.json"
    late = outcome(find("rounding"), "verilator", report("requantiser"), 12.0)
    icarus = replace(late, simulator="icarus")
    early = outcome(find("stale-weights"), "verilator", report("weights"), 12.0)
    keep([icarus, late], record)
    keep([early, replace(late, values=8)], record)
    entries = json.loads(record.read_text())
    assert [entry["bug"] for entry in entries] == ["stale-weights", "rounding", "rounding"]
    assert [entry["simulator"] for entry in entries] == ["verilator", "verilator", "icarus"]
    assert entries[1]["values"] == 8
    entries[0]["bug"] = "gone"
    record.write_text(json.dumps(entries))
    assert len(keep([], record)) == 2


def test_the_table_is_put_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}old\n{END}\nBehind.\n")
    near = outcome(find("rounding"), "icarus", report("activation"), 12.0)
    refresh(page, [asdict(near)])
    lines = page.read_text().splitlines()
    assert lines[0] == "# Title" and lines[-1] == "Behind." and "old" not in lines
    row = lines[5].strip("| ").split(" | ")
    assert len(row) == len(lines[3].strip("| ").split(" | "))
    assert row[0] == "`rounding`, Icarus" and row[2] == "conv1: expected 1, actual 2"
    assert row[3] == "cycle 14,419; 7.0 s + 5.0 s"
    assert row[4] == "1 kB" and row[5] == "activation: half is 65536"
    assert row[6] == "near: it is requantiser"


def test_the_page_tells_every_bug() -> None:
    text = TABLE.read_text()
    missing = [name for name in names() if f"`{name}`" not in text]
    assert not missing
