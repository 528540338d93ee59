"""Waves of one job: the file opens, and every signal of the layout is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import pywellen

from golden.config import PEConfig, ProductMode
from tb import build, waves
from tb.jobs import JobRecord, write_job
from tb.tests.configs import TINY
from tb.tests.material import small_job
from tb.toolchain import Simulator, find_verilator

CONFIG = TINY[ProductMode.FULL]
MODULE = "tb.cocotb_jobs"
TITLES = [
    "clock",
    "registers and control",
    "descriptors: the job that is fetched, the job in the array",
    "activation input",
    "weights",
    "sequencer",
    "array, lane 0",
    "accumulator",
    "drain and readout",
    "output stage, lane 0",
    "output stream",
]


def write(folder: Path, count: int) -> list[JobRecord]:
    """Write a run of small jobs and return their records."""
    records = []
    for number in range(count):
        job, expected = small_job(CONFIG, seed=number)
        records.append(write_job(folder, number, job, expected, CONFIG))
    return records


def signals(wave: Path) -> dict[str, pywellen.Var]:
    """Return what a wave file holds, by GTKWave's names."""
    found = {}
    for var in pywellen.Waveform(str(wave)).all_vars():
        label = var.full_name if var.bitwidth == 1 else f"{var.full_name}[{var.bitwidth - 1}:0]"
        found[label] = var
    return found


def check(layout: Path, wave: Path) -> None:
    text = layout.read_text()
    assert f'[dumpfile] "{wave}"' in text
    shown = [line for line in text.splitlines() if line.startswith("sim_top")]
    found = signals(wave)
    assert [name for name in shown if name not in found] == []
    assert len(shown) == len(set(shown)) > 60
    assert len(set(found["sim_top.clk"].tv)) > 200
    for name in ("dut.busy", "dut.mac", "dut.s_axis_act_tvalid", "dut.m_axis_out_tvalid"):
        assert len(found[f"sim_top.{name}"].tv) > 1, f"{name} never moves"


@pytest.mark.slow
def test_every_signal_of_the_layout_is_in_the_waves(simulator: Simulator, tmp_path: Path) -> None:
    made = build.build(simulator, CONFIG, waves=True)
    job = write(tmp_path, 3)[1]
    layout = waves.record(made, job, tmp_path, MODULE, seed=1)
    assert layout == tmp_path / "wave.gtkw"
    check(layout, tmp_path / f"wave.{waves.suffix(simulator.name)}")
    results = (tmp_path / "waves" / "results.jsonl").read_text()
    assert len(results.splitlines()) == 1, "the wave holds one job"
    assert '"number": 1' in results


@pytest.mark.slow
def test_waves_are_vcd_without_the_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "fst_headers", lambda: False)
    made = build.build(find_verilator(), CONFIG, waves=True)
    layout = waves.record(made, write(tmp_path, 1)[0], tmp_path, MODULE, seed=1)
    assert (tmp_path / "wave.vcd").read_text().startswith("$version")
    check(layout, tmp_path / "wave.vcd")


def test_groups_follow_the_data(tmp_path: Path) -> None:
    waves.write_layout(tmp_path / "w.gtkw", tmp_path / "w.fst", CONFIG)
    titles = re.findall(r"^@800200\n-(.*)$", (tmp_path / "w.gtkw").read_text(), re.MULTILINE)
    assert titles == TITLES


@pytest.mark.parametrize(
    ("mode", "lanes", "acc_w", "width"),
    [("full", 16, 40, 36), ("full", 64, 32, 32), ("cut_floor", 16, 40, 32)],
)
def test_width_of_a_dot_product(mode: str, lanes: int, acc_w: int, width: int) -> None:
    config = PEConfig(lanes, 4, acc_w=acc_w, mode=ProductMode(mode))
    assert waves._dot_width(config) == width
