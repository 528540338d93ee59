"""The contract of report.json: what is written holds, and each rule can be broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tb.cosim.failure import FAILURE_KINDS, Failure
from tb.flows.sim import refusal
from tb.flows.sim.report import FrameReport, LayerReport, Memories, Report, Stalls, utilisation
from tb.toolchain.run_folder import git_commit, new_run_folder, remove_stale, why_unknown

SCHEMA = json.loads(refusal.SCHEMA_FILE.read_text())
CONV = LayerReport(
    "conv1",
    "conv",
    macs=51200,
    macs_on_zero_weights=7,
    values_expected=400,
    values_compared=400,
    cycles=250,
    mac_cycles=200,
    stalls=Stalls(20, 10, 15, 5),
    sim_seconds=0.5,
    sim_cpu_seconds=0.25,
)
POOL = LayerReport("pool1", "pool", values_expected=100, values_compared=100)
GREEN = Report(
    "20261122-120000-77",
    "make sim LAYER=conv1",
    "0123456789abcdef0123456789abcdef01234567-dirty",
    network="yolov3-tiny",
    scope="filtered",
    image="motorcycle_left.png",
    weights_sha256="a" * 64,
    format="per_layer",
    mode="full",
    slope="13/128",
    leaky_place="after_requant",
    pool_pad="minus_inf",
    simulator="verilator",
    simulator_version="5.048",
    array=(16, 16),
    acc_w=40,
    act_w=16,
    weight_w=16,
    memories=Memories(1024, 8192),
    seed=1,
    layers=[CONV, POOL],
    wall_seconds=3.5,
)
MISMATCH = Failure("mismatch", "conv1 differs", "conv1", 3, 0, 7, -12, 12, 4050.0, "make sim")


def document(report: Report) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(report.to_json())
    return plain


def check(plain: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)


def test_schema_is_a_schema_that_closes_every_object() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def objects(node: Any) -> list[dict[str, Any]]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        here = [node] if isinstance(node, dict) and "required" in node else []
        return here + [found for child in inner for found in objects(child)]

    found = objects(SCHEMA)
    assert len(found) >= 7
    for node in found:
        assert node["additionalProperties"] is False
        assert sorted(node["required"]) == sorted(node["properties"])


def test_green_run_holds() -> None:
    plain = document(GREEN)
    check(plain)
    assert plain["passed"] is True
    assert plain["failure"] is None


def test_red_run_holds() -> None:
    broken = replace(CONV, mismatches=3)
    plain = document(replace(GREEN, layers=[broken, POOL], failure=MISMATCH, inject="stream"))
    check(plain)
    assert plain["passed"] is False
    assert plain["failure"]["actual"] == 12


def test_run_over_several_pictures_holds() -> None:
    box = {"label": "dog", "confidence": 0.5, "box": [0, 1, 2, 3]}
    frames = [FrameReport("a.png", 1.5, [box]), FrameReport("b.png", 1.0)]
    check(document(replace(GREEN, image=None, frames=frames)))


@pytest.mark.parametrize("kind", ["setup", "interrupted"])
def test_run_that_never_began_holds(kind: str) -> None:
    check(document(Report("r", "make sim", "unknown", failure=Failure(kind, "g++ is missing"))))


@pytest.mark.parametrize("kind", [k for k in FAILURE_KINDS if k not in ("mismatch",)])
def test_failure_of_every_kind_holds(kind: str) -> None:
    plain = document(replace(GREEN, failure=Failure(kind, "why")))
    check(plain)
    assert plain["passed"] is False


def test_refusal_is_the_report_of_a_run_that_never_began(tmp_path: Path) -> None:
    refusal.publish_refusal(tmp_path, "setup", "g++ is missing", "make sim")
    text = (tmp_path / "report.json").read_text()
    plain = json.loads(text)
    check(plain)
    known = (plain[name] for name in ("run", "command", "commit", "date"))
    whole = replace(Report(*known), failure=Failure("setup", "g++ is missing"))
    assert text == whole.to_json() == (tmp_path / plain["run"] / "report.json").read_text()


def test_totals_are_the_layers_sums() -> None:
    total = replace(GREEN, layers=[CONV, POOL, CONV]).total
    assert (total.macs, total.cycles, total.values_expected) == (102400, 500, 900)
    assert total.values_compared == 900
    assert total.utilisation == pytest.approx(102400 / (500 * 256))
    assert total.macs_per_second == pytest.approx(102400 / 0.5)
    assert total.wall_seconds == 3.5


def test_figures_that_nothing_was_measured_for_are_null() -> None:
    plain = document(GREEN)
    assert plain["layers"][1]["utilisation"] is None
    assert plain["layers"][0]["utilisation"] == pytest.approx(0.8)
    assert utilisation(5, 5, None) is None
    assert replace(GREEN, layers=[POOL]).total.macs_per_second is None


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        ([], "shortage"),
        ([replace(POOL, values_expected=0, values_compared=0)], "shortage"),
        ([CONV, replace(POOL, values_compared=99)], "shortage"),
        ([CONV, replace(POOL, values_compared=101)], "surplus"),
        ([replace(CONV, mismatches=1), POOL], "mismatch"),
    ],
)
def test_counts_alone_turn_a_run_red(layers: list[LayerReport], kind: str) -> None:
    plain = document(replace(GREEN, layers=layers))
    check(plain)
    assert plain["passed"] is False
    assert plain["failure"]["kind"] == kind


def spoil(plain: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        plain = plain[int(name) if name.isdigit() else name]
    plain[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 2),
        ("run", "a/b"),
        ("date", "yesterday"),
        ("date", "2026-11-22T10:00:00"),
        ("commit", "abc"),
        ("network", None),
        ("scope", "all"),
        ("weights_sha256", "A" * 64),
        ("weights_sha256", None),
        ("format", "q78"),
        ("mode", "half"),
        ("slope", "0.1"),
        ("leaky_place", "before"),
        ("pool_pad", "none"),
        ("simulator", "vcs"),
        ("array", [16]),
        ("array", [16, 0]),
        ("acc_w", "40"),
        ("memories", {"tile_pixels": 1024}),
        ("seed", None),
        ("inject", "luck"),
        ("layers", []),
        ("layers.0.kind", "dense"),
        ("layers.0.name", "a/b"),
        ("layers.0.cycles", -1),
        ("layers.0.utilisation", 1.5),
        ("layers.1.utilisation", 0.5),
        ("layers.0.stalls.rain", 1),
        ("total.values_compared", 0),
        ("total.mismatches", 1),
        ("total.wall_seconds", None),
        ("failure", {"kind": "mismatch"}),
        ("passed", False),
        ("remark", "more"),
    ],
)
def test_each_rule_of_the_schema_can_fail(path: str, value: Any) -> None:
    plain = document(GREEN)
    spoil(plain, path, value)
    with pytest.raises(jsonschema.ValidationError):
        check(plain)


@pytest.mark.parametrize("name", sorted(SCHEMA["required"]))
def test_each_field_is_required(name: str) -> None:
    plain = document(GREEN)
    del plain[name]
    with pytest.raises(jsonschema.ValidationError):
        check(plain)


def test_mismatch_names_its_layer() -> None:
    plain = document(replace(GREEN, failure=replace(MISMATCH, layer=None)))
    with pytest.raises(jsonschema.ValidationError):
        check(plain)


def test_nonsense_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="failure kind 'luck'"):
        Failure("luck", "?")
    with pytest.raises(ValueError, match="slash"):
        LayerReport("a/b", "conv")
    with pytest.raises(ValueError, match="kind 'dense'"):
        LayerReport("fc", "dense")
    with pytest.raises(ValueError, match="2 mismatches in 1 values"):
        LayerReport("fc", "fc", values_compared=1, mismatches=2)


def test_publish_writes_the_run_and_the_latest(tmp_path: Path) -> None:
    GREEN.publish(tmp_path)
    own = tmp_path / GREEN.run / "report.json"
    assert own.read_text() == (tmp_path / "report.json").read_text() == GREEN.to_json()
    assert sorted(path.name for path in tmp_path.iterdir()) == [GREEN.run, "report.json"]


def test_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    GREEN.write(path)
    endless = replace(GREEN, wall_seconds=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        endless.write(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    check(json.loads(path.read_text()))


def test_remove_stale_does_not_need_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    remove_stale(path)
    path.write_text("old")
    remove_stale(path)
    assert not path.exists()


def test_runs_that_start_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [
        threading.Thread(target=lambda: made.append(new_run_folder(tmp_path / "sim")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8
    assert all(path.is_dir() for path in made)


def test_commit_tells_a_changed_tree(tmp_path: Path) -> None:
    assert git_commit(tmp_path) == "unknown"
    assert why_unknown(tmp_path).startswith("not a git repository")
    assert git_commit(tmp_path / "nowhere") == "unknown"
    assert why_unknown(tmp_path / "nowhere") == f"there is no {tmp_path / 'nowhere'}"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    assert git_commit(tmp_path) == "unknown"
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    clean = git_commit(tmp_path)
    assert len(clean) == 40 and why_unknown(tmp_path) == ""
    (tmp_path / "new").write_text("")
    assert git_commit(tmp_path) == f"{clean}-dirty"


def test_without_git_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (git_commit(tmp_path), why_unknown(tmp_path)) == ("unknown", "git is not installed")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a checkout to another user")
def test_commit_of_another_user_s_checkout_is_known(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 65534, 65534)
    assert subprocess.run([*git, "status"], capture_output=True).returncode != 0
    assert len(git_commit(tmp_path)) == 40


def test_module_needs_the_standard_library_alone() -> None:
    root = str(refusal.SCHEMA_FILE.parents[3])
    code = f"import sys; sys.path.insert(0, {root!r}); import tb.flows.sim.refusal"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", code]).returncode == 0
