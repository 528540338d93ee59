"""Transactions out of waves: each is what golden, the streams and the recordings say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.config import ConfigError, InputError, ProductMode
from golden.dataflow.tile import Job, Tile
from golden.reference import spec
from golden.reference.readout import PLAIN, Readout
from tb.cosim import cocotb_test
from tb.debug.trace import job_numbers
from tb.debug.trace.listing import Selection
from tb.debug.trace.stages import STAGES, STEPS, config_of, stage_name, transactions
from tb.debug.trace.traced_job import TracedJob, read_job
from tb.debug.trace.transactions import Transactions, View
from tb.debug.trace.wave_file import UNKNOWN, Wave
from tb.duts.conv_pe.job_record import JobRecord, Stalls, write_job, write_jobs
from tb.duts.conv_pe.packing import read_recording, read_tap
from tb.tests.commands.commands import results, run
from tb.tests.configs import TINY
from tb.tests.cosim.material import small_job
from tb.toolchain import build, waves
from tb.toolchain.simulators import Simulator

CONFIG = TINY[ProductMode.FULL]
WINDOW = (500, 1300)
CORNER = Tile(row=20, column=30, height=4, width=4, first_channel=8, last_channel=14)
KINDS: list[dict[str, Any]] = [
    {"in_channels": 7, "out_channels": 6, "output": (4, 4), "readout": Readout(2, 2)},
    {"in_channels": 7, "out_channels": 10, "output": (3, 4)},
    {"in_channels": 4, "out_channels": 5, "output": (2, 3), "stride": 2},
]


@dataclass
class Traced:
    """A simulation of three jobs, with its waves."""

    folder: Path
    jobs: list[Job]
    records: list[JobRecord]
    wave: Wave

    def job(self, number: int) -> TracedJob:
        return TracedJob(CONFIG, self.records[number], number, {"output": 8, "sum": 16})

    def of(self, stage: str, number: int, lane: int = 0, wave: Wave | None = None) -> Transactions:
        return transactions(wave or self.wave, stage, lane, CONFIG, self.job(number))

    def document(self, number: int) -> dict[str, Any]:
        job, record = self.job(number), self.records[number]
        plain = asdict(record) | {"readout": asdict(record.readout)}
        plain["readout"]["pad"] = record.readout.pad.value
        config = {**asdict(CONFIG), "mode": CONFIG.mode.value}
        facts = {"schema": 1, "config": config, "record": plain, "before": number}
        return {**facts, "fracs": job.fracs, "region": {"row": 5, "column": 0}}


@pytest.fixture(scope="module")
def traced(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """Three jobs in a row, the first pooled and somewhere within its layer, with stalls."""
    folder = tmp_path_factory.mktemp("trace")
    jobs, records = [], []
    for number, kind in enumerate(KINDS):
        job, expected = small_job(CONFIG, seed=number, **kind)
        job = job if number else replace(job, tile=CORNER)
        activated = None if job.readout == PLAIN else spec.conv(job.input, job.layer)
        stalls = Stalls(act=60, wgt=40, out=90)
        record = write_job(folder, number, job, expected, CONFIG, stalls, activated=activated)
        if number == 0:
            record = replace(record, output=Tile(10, 15, 2, 2, 8, 14))
        jobs.append(job)
        records.append(record)
    write_jobs(folder, CONFIG, records)
    made = build.build(simulator, CONFIG, waves=True)
    ending = "fst" if simulator.name == "icarus" or build.fst_headers() else "vcd"
    for name, (first, last) in {"wave": (None, None), "part": WINDOW}.items():
        path = folder / f"{name}.{ending}"
        build.run(made, cocotb_test.__name__, folder, wave=waves.Wave(path, first, last))
    return Traced(folder, jobs, records, Wave(folder / f"wave.{ending}"))


def same_as_whole(traced: Traced, late: Wave) -> None:
    """What is known of a window's transactions is what the whole wave says of them."""
    begin, end = int(late.cycles[0]), int(late.cycles[-1])
    for number in range(3):
        for stage in set(STAGES) - {"registers"}:
            whole = {row["cycle"]: row for row in cells(traced.of(stage, number, 1))}
            rows = cells(traced.of(stage, number, 1, late))
            for row in rows:
                known = {name: cell for name, cell in row.items() if cell is not None}
                if row.get("channel", row.get("in channel")) is not None:
                    assert known == {name: whole[row["cycle"]][name] for name in known}
            lost = [row for row in rows if row.get("channel", row.get("in channel")) is None]
            assert len(lost) <= 8
            after = {cycle for cycle in whole if begin + 30 <= cycle <= end}
            assert after <= {row["cycle"] for row in rows}


def cells(found: Transactions) -> list[dict[str, Any]]:
    return found.rows(np.arange(len(found)))


@pytest.mark.slow
def test_input_is_the_tensor(traced: Traced) -> None:
    for number, job in enumerate(traced.jobs):
        seen = np.zeros((8, *job.input.shape[1:]), np.int64)
        rows = cells(traced.of("input", number))
        for row in rows:
            first = row["in channel"]
            seen[first : first + 4, row["in row"], row["in column"]] = row["values"]
        assert len(rows) == traced.records[number].act_beats
        assert np.array_equal(seen[: len(job.input)], job.input)


@pytest.mark.slow
def test_weights_are_the_layers(traced: Traced) -> None:
    for number, job in enumerate(traced.jobs):
        first = traced.records[number].tile.first_channel
        outputs, inputs, kh, kw = job.layer.weight.shape
        seen, bias = np.zeros((12, 8, kh, kw), np.int64), np.zeros(12, np.int64)
        for row in cells(traced.of("weights", number)):
            channel, place = row["channel"] - first, row["in channel"]
            if row["holds"] == "bias":
                bias[channel] = row["values"][0]
            else:
                seen[channel, place : place + 4, row["ky"], row["kx"]] = row["values"]
        assert np.array_equal(seen[:outputs, :inputs], job.layer.weight)
        assert bias[:outputs].tolist() == list(job.layer.bias)


@pytest.mark.slow
def test_every_sum_grows_as_the_specification_says(traced: Traced) -> None:
    number, lane = 1, 2
    job, record = traced.jobs[number], traced.records[number]
    padded = np.pad(job.input.astype(np.int64), ((0, 1), (1, 1), (1, 1)))
    weight = np.pad(job.layer.weight.astype(np.int64), ((0, 2), (0, 1), (0, 0), (0, 0)))
    rows = cells(traced.of("array", number, lane))
    assert len(rows) == record.mac_cycles == len(traced.of("sequencer", number))
    for row in rows:
        ky, kx, at = row["ky"], row["kx"], slice(row["in channel"], row["in channel"] + 4)
        assert (row["in row"], row["in column"]) == (row["row"] + ky - 1, row["column"] + kx - 1)
        acts = padded[at, row["row"] + ky, row["column"] + kx]
        taps = weight[row["channel"], at, ky, kx]
        assert row["activations"] == acts.tolist() and row["weights"] == taps.tolist()
        assert row["dot"] == int(acts @ taps)
    sums = cells(traced.of("accumulator", number, lane))
    running: dict[tuple[int, int, int], int] = {}
    for row, product in zip(sums, rows, strict=True):
        place = row["channel"], row["row"], row["column"]
        assert place == (product["channel"], product["row"], product["column"])
        start = [*job.layer.bias, 0, 0][place[0]]
        assert row["from"] == ("sum" if place in running else "bias")
        assert row["old"] == running.get(place, start)
        assert row["dot"] == product["dot"]
        running[place] = row["new"]
        assert row["new"] == row["old"] + row["dot"]
    for row in cells(traced.of("output-stage", number, lane)):
        assert row["sum"] == running[row["channel"], row["row"], row["column"]]


@pytest.mark.slow
def test_outputs_are_what_the_recorder_has_seen(traced: Traced) -> None:
    for number, record in enumerate(traced.records):
        recording = read_recording(traced.folder / f"{record.stem}.out", CONFIG)
        expected = np.load(traced.folder / f"{record.stem}.expected.npy")
        tile = record.out_tile
        rows = cells(traced.of("output", number))
        assert [row["cycle"] for row in rows] == recording.cycle.tolist()
        assert [row["last"] for row in rows] == recording.last.tolist()
        for row in rows:
            first = row["channel"] - tile.first_channel
            place = (row["row"] - tile.row, row["column"] - tile.column)
            assert row["values"] == expected[first : first + 4, place[0], place[1]].tolist()


@pytest.mark.slow
def test_the_activated_values_are_those_of_the_tap(traced: Traced) -> None:
    record = traced.records[0]
    tap = read_tap(traced.folder / f"{record.stem}.tap", CONFIG)
    activated = np.load(traced.folder / f"{record.stem}.activated.npy")
    for lane in range(2):
        found = cells(traced.of("output-stage", 0, lane))
        assert [row["cycle"] for row in found] == tap.cycle.tolist()
        assert [row["value"] for row in found] == tap.values[:, lane].tolist()
        for row in found:
            place = row["channel"] - 8, row["row"] - 20, row["column"] - 30
            assert row["value"] == activated[place]
            assert (row["out row"] - 10, row["out column"] - 15) == (place[1] // 2, place[2] // 2)
    drained = cells(traced.of("drain", 0))
    assert [row["window ends"] for row in drained] == [0, 0, 0, 1] * 8


@pytest.mark.slow
def test_a_window_has_the_same_coordinates(traced: Traced) -> None:
    late = Wave(traced.wave.path.with_stem("part"))
    assert (late.cycles[0], late.cycles[-1]) == WINDOW
    same_as_whole(traced, late)


@pytest.mark.slow
def test_channels_are_known_though_the_array_has_gone_on(traced: Traced) -> None:
    """The last group of a job leaves while the next job is in the array already."""
    late = Wave(traced.wave.path)
    first = int(np.flatnonzero(job_numbers.in_array(late) == 2)[0])
    late._edges, late.cycles = late._edges[first:], late.cycles[first:]
    without = STAGES["output"].find(View(late, CONFIG))
    assert (without.places["channel"][without.job == 1] == UNKNOWN).all()
    seen = traced.of("output", 1, 0, late)
    assert {8} <= set(seen.places["channel"].tolist()) <= {8, UNKNOWN}


@pytest.mark.slow
def test_a_wave_may_begin_anywhere(traced: Traced) -> None:
    for begin in range(40, len(traced.wave), 197):
        late = Wave(traced.wave.path)
        late._edges, late.cycles = late._edges[begin:], late.cycles[begin:]
        same_as_whole(traced, late)


@pytest.mark.slow
def test_registers_have_names(traced: Traced) -> None:
    rows = cells(transactions(traced.wave, "registers", 0, CONFIG, traced.job(0)))
    assert rows[0] | {"cycle": 0} == {
        "cycle": 0,
        "access": "read",
        "register": "ID",
        "value": "0x43504531",
        "answer": "OKAY",
    }
    written = [row["value"] for row in rows if row["register"] == "CHANNELS"]
    assert written == [f"0x{job.registers[0x48]:08x}" for job in traced.records]
    assert any(row["register"] == "MAC_CYCLES of odd jobs" for row in rows)


@pytest.mark.slow
def test_nothing_is_shown_where_nothing_matches(traced: Traced) -> None:
    words = ("--stage", "output", "--first", "999999")
    assert "0 of 56 transactions" in run("trace", traced.wave.path, *words)


@pytest.mark.slow
def test_the_command(traced: Traced) -> None:
    folder = traced.folder
    bare = run("trace", traced.wave.path)
    assert "no job.json beside" in bare and "output-stage" in bare
    assert config_of(traced.wave) == replace(CONFIG, mode=ProductMode.FULL)
    (folder / "job.json").write_text(json.dumps(traced.document(0)))
    listed = run("trace", folder, "--json", folder / "t.json")
    assert "small0 job 0, 4x4 array" in listed
    counts = {one["name"]: one["transactions"] for one in results(folder / "t.json")["stages"]}
    assert counts["output"] == 8 and counts["array"] == traced.records[0].mac_cycles
    words = ("--stage", "accumulator", "--channel", "9", "--row", "21", "--column", "33")
    shown = run("trace", folder, *words, "--json", folder / "t.json")
    found = results(folder / "t.json")
    assert f"18 of {counts['array']} transactions" in shown and "lane 1" in shown
    assert {row["channel"] for row in found["transactions"]} == {9}
    assert [row["ky"] for row in found["transactions"]] == [0, 0, 0, 1, 1, 1, 2, 2, 2] * 2
    assert min(row["in row"] for row in found["transactions"]) == 5
    assert "20 of 32 transactions; --count 0 shows all" in run("trace", folder, "--stage", "input")
    some = run("trace", folder, "--stage", "pool", "--real", "--count", "1")
    value = cells(traced.of("output-stage", 0))[0]["value"]
    assert f" {value / 256:.6g} " in some
    for stage, column in (("output", "values"), ("output-stage", "value")):
        run("trace", folder, "--stage", stage, "--count", "0", "--json", folder / "t.json")
        rows = results(folder / "t.json")["transactions"]
        assert rows and all(row["golden"] == row[column] for row in rows)
    expected = np.load(folder / "job_00000.expected.npy")
    np.save(folder / "job_00000.expected.npy", 0 * expected)
    shown = run("trace", folder, "--stage", "output", "--json", folder / "t.json")
    assert "; 8 of those shown differ from golden" in shown and "0 0 <-" in shown
    last = results(folder / "t.json")["transactions"][-1]
    assert last["golden"] == [0, 0] and last["values"] != [0, 0]
    np.save(folder / "job_00000.expected.npy", expected)
    with_others = run("trace", folder, "--stage", "output", "--others")
    assert "job" in with_others and "20 of 56 transactions" in with_others
    (folder / "job.json").unlink()


def test_what_the_command_refuses(tmp_path: Path) -> None:
    for words, message in (
        ([tmp_path / "no.fst"], "no such file"),
        ([tmp_path], "neither wave.fst nor wave.vcd"),
        (["w", "--stage", "nix"], "--stage=nix: choose registers, input"),
        (["w", "--around", "3", "--last", "4"], "give --around, or --first and --last"),
        (["w", "--first", "5", "--last", "4"], "--first 5 is behind --last 4"),
    ):
        with pytest.raises((InputError, ConfigError), match=message):
            run("trace", *words)
    (tmp_path / "w.vcd").write_text("no wave")
    with pytest.raises(InputError, match=r"w\.vcd: "):
        run("trace", tmp_path / "w.vcd")


def test_a_wave_of_another_design_is_refused(tmp_path: Path) -> None:
    head = "$timescale 1ns $end\n$scope module {} $end\n$var wire 1 ! clk $end\n"
    end = "$upscope $end\n$enddefinitions $end\n#0\n0!\n"
    (tmp_path / "a.vcd").write_text(head.format("other") + end + "#5\n1!\n")
    with pytest.raises(InputError, match=r"sim_top\.clk is not in it"):
        Wave(tmp_path / "a.vcd")
    (tmp_path / "b.vcd").write_text(head.format("sim_top") + end)
    with pytest.raises(InputError, match="the clock never rises"):
        Wave(tmp_path / "b.vcd")
    (tmp_path / "c.vcd").write_text(head.format("sim_top") + end + "#5\n1!\n#10\n0!\n#15\n1!\n")
    wave = Wave(tmp_path / "c.vcd")
    assert wave.cycles.tolist() == [0, 1]
    with pytest.raises(InputError, match=r"signal sim_top\.dut\.step is not in it"):
        wave.flag("step")


def test_a_job_file_that_is_none_is_refused(tmp_path: Path) -> None:
    assert read_job(tmp_path / "wave.fst") is None
    for text, message in (("{", "not what a replay has written"), ('{"schema": 2}', "schema 2")):
        (tmp_path / "job.json").write_text(text)
        with pytest.raises(InputError, match=message):
            read_job(tmp_path / "wave.fst")


def test_selection() -> None:
    cycle = np.array([3, 5, 8, 9, 40])
    places = {"channel": np.array([0, 0, 4, 4, UNKNOWN]), "row": np.array([0, 1, 0, 1, 0])}
    found = Transactions("output", cycle, np.zeros(5, np.int64), places)
    for selection, lanes, shown in (
        (Selection(), 4, [0, 1, 2, 3, 4]),
        (Selection(count=2), 4, [0, 1]),
        (Selection(first=5, last=9), 4, [1, 2, 3]),
        (Selection(around=9, count=2), 4, [2, 3]),
        (Selection(around=0, count=2), 4, [0, 1]),
        (Selection(around=99, count=2), 4, [3, 4]),
        (Selection(channel=5), 4, [2, 3]),
        (Selection(channel=5), 1, []),
        (Selection(row=1), 4, [1, 3]),
    ):
        matching = selection.matching(found, lanes)
        assert selection.shown(found, matching).tolist() == shown
    with pytest.raises(ConfigError, match="--column: transactions of output have none"):
        Selection(column=1).matching(found, 4)


def test_every_step_of_a_diagnosis_has_a_stage() -> None:
    from tb.duts.conv_pe.pipeline_steps import Step

    assert {stage_name(step.value) for step in Step} == set(STAGES)
    assert set(STEPS.values()) <= set(STAGES)
