"""``make bench``: what it writes, and that nothing wrong is ever timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.config import PoolPad, ProductMode
from golden.graph import network
from golden.graph.conv_layer import ConvLayer
from golden.reference import run, spec
from golden.reference.layer_sums import layer_sums
from golden.tests.small_networks import branches, chain
from tb.console import EXIT_INTERRUPTED, EXIT_RED
from tb.duts.conv_pe.job_record import JobRecord, write_job
from tb.flows.benchmark import command
from tb.flows.benchmark.beats import ARRAY, beat_job
from tb.flows.benchmark.python_driven import cocotb_axi, cocotb_python
from tb.flows.benchmark.python_driven.jobs import SIMULATOR, drive
from tb.flows.benchmark.record import SIM_SCHEMA, Beat, MeasureError, Record, SimRun, Timing
from tb.flows.benchmark.scalar import compile_scalar, scalar_speed
from tb.flows.benchmark.sim_runs import Measurement, Way, designs, measurements, time_sim
from tb.flows.sim.options import SimOptions
from tb.tests.configs import TINY
from tb.tests.cosim.material import small_job

COMMIT = "0123456789abcdef" * 2 + "01234567"
RUN = SimRun("verilator", (16, 16), "full", 416, Timing(21, 3_000_000, 15_000, 0.01, 0.02))
BEAT = Beat(30.0, None, 2.5)
RECORD = Record(COMMIT, 1.2e9, [RUN], BEAT, [RUN])
SMALL = SimOptions(array="4x4", layer="pred_2", tiles=1)


def validate(document: dict[str, Any]) -> None:
    jsonschema.validate(document, json.loads(SIM_SCHEMA.read_text()))


def test_what_is_written_is_as_described(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "bench" / "sim.json")
    document = json.loads((tmp_path / "bench" / "sim.json").read_text())
    validate(document)
    (run,) = document["runs"]
    assert (run["array"], run["macs_per_second"], run["ratio_to_scalar_c"]) == ([16, 16], 3e8, 0.25)
    assert document["beat"]["cocotbext_axi_us"] is None
    assert "layers" not in document["scaling"][0]
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["sim.json"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["runs"].clear(),
        lambda document: document.pop("machine"),
        lambda document: document["runs"][0].update(simulator="vcs"),
        lambda document: document["runs"][0].update(macs_per_second=0),
        lambda document: document["beat"].update(player_us=None),
        lambda document: document["scaling"][0].update(image_size=100),
        lambda document: document.update(more=1),
    ],
)
def test_the_schema_refuses_what_is_not_as_described(
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    document = json.loads(RECORD.to_json())
    spoil(document)
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "sim.json"
    path.write_text("before")
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(RECORD, scalar_c_macs_per_second=float("inf")).write(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["layers", "macs", "cycles", "cpu_seconds", "wall_seconds"])
def test_nothing_done_is_no_measurement(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} 0"):
        replace(RUN.timing, **{name: 0})


def test_everything_that_was_asked_for_is_planned() -> None:
    entries = measurements()
    frames = {(e.options.lanes, e.options.mode) for e in entries if e.listed and e.way is Way.FRAME}
    assert frames == {(a, m.value) for a in ("8x8", "16x16", "32x32") for m in ProductMode}
    for way in (Way.ICARUS, Way.PYTHON):
        assert [e.options.lanes for e in entries if e.way is way] == ["4x4", "8x8"]
    assert [e.options.size for e in entries if e.scaling] == [416, 128, 224]
    assert all(e.options.scope == "frame" for e in entries if e.way is Way.FRAME)
    assert len({entry.name for entry in entries}) == len(entries)


NETWORKS = [chain(PoolPad.ZERO, (17, 14)), branches((8, 10))]


@pytest.mark.parametrize("small", NETWORKS, ids=["chain", "branches"])
def test_the_scalar_loop_makes_every_sum(small: network.Network, tmp_path: Path) -> None:
    image = np.random.default_rng(3).integers(-400, 400, small.input_shape).astype(np.int16)
    layers = list(layer_sums(small, run.run(small, image)))
    macs, seconds = scalar_speed(compile_scalar(tmp_path), layers)
    assert macs == sum(small.macs().values())
    assert seconds > 0
    for work in layers:
        assert np.array_equal(work.sums, spec.conv_accumulate(work.input, work.layer))


def test_the_scalar_loop_strides_and_pads_by_side(tmp_path: Path) -> None:
    loop = compile_scalar(tmp_path)
    for seed, stride in enumerate((1, 2, 2)):
        job, _ = small_job(TINY[ProductMode.FULL], 5, 3, (3, 2), (4, 3), stride, seed=seed)
        sums, _ = loop(job.input, job.layer)
        assert np.array_equal(sums, spec.conv_accumulate(job.input, job.layer))


def test_a_loop_with_one_wrong_sum_is_not_timed(tmp_path: Path) -> None:
    loop = compile_scalar(tmp_path)

    def wrong(tensor: Int16Array, layer: ConvLayer) -> tuple[Int64Array, float]:
        sums, seconds = loop(tensor, layer)
        sums.flat[-1] += layer.name == "conv3"
        return sums, seconds

    small = NETWORKS[0]
    tensors = run.run(small, np.ones(small.input_shape, np.int16))
    with pytest.raises(MeasureError, match=r"^conv3: 1 of \d+ sums differ"):
        scalar_speed(wrong, layer_sums(small, tensors))


def test_the_beats_job_consists_of_beats() -> None:
    job = beat_job()
    assert job.input.size == 900 * ARRAY.p_ic
    assert job.macs // (ARRAY.p_ic * ARRAY.p_oc) < 900 / 3


def driven_folder(folder: Path, channels: int) -> list[JobRecord]:
    config = TINY[ProductMode.FULL]
    jobs = [small_job(config, 6, channels, seed=seed) for seed in (1, 2)]
    return [write_job(folder, at, job, want, config) for at, (job, want) in enumerate(jobs)]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "channels"), [(cocotb_python, 7), (cocotb_axi, 8)])
def test_beats_from_python_make_every_value(module: Any, channels: int, tmp_path: Path) -> None:
    records = driven_folder(tmp_path, channels)
    driven = drive(tmp_path, TINY[ProductMode.FULL], records, module.__name__, "")
    assert driven.jobs == 2
    assert driven.beats == sum(r.act_beats + r.wgt_beats + r.out_beats for r in records)
    assert driven.cycles > records[0].act_beats + records[1].act_beats
    assert driven.cpu_seconds > 0 and driven.wall_seconds > 0


@pytest.mark.slow
def test_a_wrong_value_among_beats_from_python_is_seen(tmp_path: Path) -> None:
    records = driven_folder(tmp_path, 7)
    path = tmp_path / f"{records[1].stem}.expected.npy"
    expected = np.load(path)
    expected[-1, -1, -1] ^= 1
    np.save(path, expected)
    with pytest.raises(MeasureError, match=r"job 1: 1 of 84 values differ"):
        drive(tmp_path, TINY[ProductMode.FULL], records, cocotb_python.__name__, "")


@pytest.mark.slow
def test_a_red_run_is_not_timed(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"^mismatch: pred_2: .* repeat it with: make sim "):
        time_sim(replace(SMALL, inject="expected"), tmp_path / "red")


def bench(
    base: Path, planned: list[Measurement], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    monkeypatch.setattr(command, "beat_costs", lambda *given: BEAT)
    monkeypatch.setattr(command, "scalar_speed", lambda *given: (12_000_000, 0.01))
    text = StringIO()
    return command.bench(Console(file=text, width=200), planned, base=base), text.getvalue()


@pytest.mark.slow
def test_measures_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(SMALL, sim="icarus", verilator="")
    planned = [
        Measurement(Way.FRAME, SMALL, scaling=True),
        Measurement(Way.FRAME, replace(SMALL, size=128), listed=False, scaling=True),
        Measurement(Way.PYTHON, tiny),
    ]
    code, text = bench(tmp_path, planned, monkeypatch)
    assert code == 0, text
    document = json.loads((tmp_path / "sim.json").read_text())
    validate(document)
    assert [run["simulator"] for run in document["runs"]] == ["verilator", SIMULATOR]
    assert [point["image_size"] for point in document["scaling"]] == [128, 416]
    assert all(run["layers"] == 1 and run["macs"] > 0 for run in document["runs"])
    assert text.count("million MAC/s") == 1 + len(planned)
    assert [path.name for path in tmp_path.iterdir()] == ["sim.json"]


@pytest.mark.slow
def test_one_red_measurement_makes_all_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sim.json").write_text("of the last time")
    planned = [Measurement(Way.FRAME, replace(SMALL, inject="expected"))]
    code, text = bench(tmp_path, planned, monkeypatch)
    assert code == EXIT_RED
    assert not (tmp_path / "sim.json").exists()
    last = text.splitlines()[-1]
    assert last.startswith(f"FAILED  {planned[0].title}: mismatch: pred_2: ")
    assert text.count("million MAC/s") == 1


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "prepare", interrupted)
    text = StringIO()
    code = command.bench(Console(file=text, width=200), [], base=tmp_path)
    assert code == EXIT_INTERRUPTED
    assert text.getvalue().endswith("\nFAILED  scalar C loop: interrupted by the user\n")
    assert list(tmp_path.iterdir()) == []


def test_each_design_is_compiled_once_and_the_largest_first() -> None:
    entries = measurements()
    wanted = designs(entries)
    assert len(wanted) == 9 + 2 + 2
    assert [options.lanes for options, _, _ in wanted[:3]] == ["32x32"] * 3
    assert {(o.lanes, top) for o, _, top in wanted if top != "sim_top"} == {
        ("4x4", "port_top"),
        ("8x8", "port_top"),
    }
