"""Waves of a window: the file opens, holds those cycles, and never grows beyond its limit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cocotb_tools.config
import pytest
import pywellen

from golden.config import ConfigError, InputError, PEConfig, ProductMode
from tb.debug.gtkwave.layout import suffix
from tb.debug.gtkwave.signals import groups
from tb.duts.conv_pe.job_record import write_job, write_jobs
from tb.tests.configs import TINY, TINY_BYTES
from tb.tests.conftest import NO_ICARUS
from tb.tests.cosim.material import small_job
from tb.toolchain import build, wave_dump
from tb.toolchain.simulators import Simulator, find_icarus, find_verilator
from tb.toolchain.system_packages import is_there
from tb.toolchain.waves import (
    LARGEST,
    LIMIT,
    MARGIN,
    TICKS_A_CYCLE,
    Wave,
    bytes_a_cycle,
    choose_window,
    estimate,
    stopped_in,
)

CONFIG = TINY[ProductMode.FULL]
MODULE = "tb.cosim.cocotb_test"
FIRST, LAST = 90, 129
SMALL = 30_000
STARTED = Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"


def run(made: build.Build, folder: Path, wave: Wave) -> Path:
    """Run one small job, record its waves, and return the simulator's log."""
    folder.mkdir(exist_ok=True)
    job, expected = small_job(made.config)
    write_jobs(folder, made.config, [write_job(folder, 0, job, expected, made.config)])
    build.run(made, MODULE, folder, wave=wave)
    assert len((folder / "results.jsonl").read_text().splitlines()) == 1
    return folder / "simulator.log"


def signals(wave: Path) -> dict[str, pywellen.Var]:
    """Return what a wave file holds, by GTKWave's names."""
    found = {}
    for var in pywellen.Waveform(str(wave)).all_vars():
        label = var.full_name if var.bitwidth == 1 else f"{var.full_name}[{var.bitwidth - 1}:0]"
        found[label] = var
    return found


def value(var: pywellen.Var, time: int) -> object:
    """Return what a signal holds at a time."""
    return [held for changed, held in var.tv if changed <= time][-1]


def check_signals(found: dict[str, pywellen.Var], config: PEConfig = CONFIG) -> None:
    """Every signal of the layout is in the file, and nothing of the bench's own."""
    shown = {wave_dump.signal for group in groups(config, lane=3) for wave_dump in group.traces}
    assert sorted(shown - found.keys()) == []
    assert len(shown) > 120
    scopes = {name.split(".")[1] for name in found if name.count(".") > 1}
    assert scopes == {"dut"}
    assert not [name for name in found if re.search(r"\.words\b", name)], "a memory is in the waves"


@pytest.mark.slow
def test_a_window_holds_its_cycles_and_the_values_at_its_start(
    simulator: Simulator, tmp_path: Path
) -> None:
    made = build.build(simulator, CONFIG, waves=True)
    ending = suffix(simulator.name)
    whole = Wave(tmp_path / f"whole.{ending}")
    part = Wave(tmp_path / f"part.{ending}", FIRST, LAST)
    assert stopped_in(run(made, tmp_path / "whole", whole)) is None
    assert stopped_in(run(made, tmp_path / "part", part)) is None
    full, window = signals(whole.path), signals(part.path)
    check_signals(full)
    assert window.keys() == full.keys()
    for name in ("dut.busy", "dut.mac", "dut.s_axis_act_tvalid", "dut.m_axis_out_tvalid"):
        assert len(full[f"sim_top.{name}"].tv) > 1, f"{name} never moves"
    start, end = FIRST * TICKS_A_CYCLE, (LAST + 1) * TICKS_A_CYCLE
    clock = [(time, held) for time, held in window["sim_top.clk"].tv if time < end]
    assert clock[0][0] == start
    assert sum(held == 1 for _, held in clock) == LAST - FIRST + 1
    assert window["sim_top.clk"].tv[-1][0] <= end
    for name, var in window.items():
        for time in (start, end - 1):
            assert value(var, time) == value(full[name], time), f"{name} at {time}"


@pytest.mark.slow
@pytest.mark.skipif(not is_there("icarus"), reason=NO_ICARUS)
@pytest.mark.parametrize("config", [TINY[ProductMode.CUT_FLOOR], TINY_BYTES])
def test_other_widths_have_the_same_signals(config: PEConfig, tmp_path: Path) -> None:
    made = build.build(find_icarus(), config, waves=True)
    run(made, tmp_path / "run", Wave(tmp_path / "wave.fst", FIRST, LAST))
    check_signals(signals(tmp_path / "wave.fst"), config)


@pytest.mark.slow
def test_the_limit_ends_the_waves_and_the_log_says_so(simulator: Simulator, tmp_path: Path) -> None:
    made = build.build(simulator, CONFIG, waves=True)
    wave = Wave(tmp_path / f"wave.{suffix(simulator.name)}", limit=SMALL)
    cycle = stopped_in(run(made, tmp_path / "run", wave))
    assert cycle is not None and cycle > 20
    assert SMALL < wave.path.stat().st_size < 2 * SMALL
    seen = [held for _, held in signals(wave.path)["sim_top.cycle[63:0]"].tv if str(held).isdigit()]
    assert abs(len(seen) - cycle) <= 1


@pytest.mark.slow
def test_waves_are_vcd_without_the_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "fst_headers", lambda: False)
    assert suffix("icarus") == "fst"
    made = build.build(find_verilator(), CONFIG, waves=True)
    wave = Wave(tmp_path / f"wave.{suffix('verilator')}", FIRST, LAST)
    run(made, tmp_path / "run", wave)
    assert (tmp_path / "wave.vcd").read_text().startswith("$version")
    found = signals(wave.path)
    check_signals(found)
    assert found["sim_top.clk"].tv[0][0] == FIRST * TICKS_A_CYCLE


@pytest.mark.parametrize(
    ("first", "last", "limit"), [(-1, 5, LIMIT), (7, 6, LIMIT), (0, 1, 0), (0, 1, LARGEST + 1)]
)
def test_an_empty_window_or_a_bad_limit_is_refused(first: int, last: int, limit: int) -> None:
    with pytest.raises(ValueError, match=r"cycles from|limit"):
        Wave(Path("w.fst"), first, last, limit)


def test_the_file_is_looked_at_many_times_before_the_limit() -> None:
    growth = bytes_a_cycle(CONFIG, "verilator", "fst")
    given = dict(word.split("=") for word in Wave(Path("w.fst")).plusargs(growth))
    assert "+wave_until" not in given
    cycles = int(given["+wave_pause"]) // 10
    assert 10 * cycles * growth < LIMIT < 20 * cycles * growth
    assert list(Wave(Path("w"), limit=1).plusargs(growth))[2] == "+wave_pause=10"


def test_another_main_program_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "verilator.cpp"
    changed.write_text(STARTED.read_text().replace("tfp->dump(main_time);", "tfp->dump(now);"))
    with pytest.raises(InputError, match=r"tfp->dump\(main_time\);' is not in it once"):
        wave_dump.verilator_main(changed, "sim_top")
    program = wave_dump.verilator_main(STARTED, "sim_top")
    assert program.count("wave_window.dump(tfp, main_time);") == 1
    assert 'dumpvars(99, "sim_top.dut")' in program and wave_dump.TOP not in program


def test_a_job_that_fits_is_recorded_whole() -> None:
    window = choose_window((1000, 5000), 3000, CONFIG, "verilator", "fst")
    assert (window.first, window.last) == (1000 - MARGIN, 5000 + MARGIN)
    assert window.choice == "the whole job, 4,033 cycles, about 0.78 MB"
    assert window.bytes == estimate(CONFIG, window.cycles, "verilator", "fst")
    assert window.wave(Path("w")) == Wave(Path("w"), window.first, window.last, LIMIT)
    assert choose_window((0, 9), None, CONFIG, "icarus", "fst").first == 0


@pytest.mark.parametrize("guilty", [None, 100_010, 150_000, 199_990])
def test_of_a_long_job_the_part_around_the_wrong_value_is_recorded(guilty: int | None) -> None:
    job, limit, config = (100_000, 200_000), 4_000_000, PEConfig(16, 16)
    window = choose_window(job, guilty, config, "verilator", "fst", limit=limit)
    assert 0.99 * limit < window.bytes <= limit
    assert job[0] - MARGIN <= window.first and window.last <= job[1] + MARGIN
    assert window.first <= (guilty or job[0]) <= window.last
    if guilty == 150_000:
        assert abs(window.first + window.last - 2 * guilty) <= 1
    place = "from the job's first on" if guilty is None else "around the wrong value"
    assert window.choice == (
        f"{window.cycles:,} cycles {place}: the whole job, 100,033 cycles, about 74 MB, "
        "is over the limit of 4 MB"
    )


def test_as_many_cycles_as_are_asked_for() -> None:
    window = choose_window((1000, 5000), 3000, CONFIG, "icarus", "fst", wanted=100)
    assert (window.first, window.last, window.choice) == (2950, 3049, "WINDOW=100")
    assert choose_window((1000, 5000), None, CONFIG, "icarus", "fst", wanted=7).first == 1000
    assert choose_window((0, 50), 10, CONFIG, "icarus", "fst", wanted=40).first == 0


@pytest.mark.parametrize("wanted", [0, -3, 10_000_000])
def test_more_cycles_than_the_limit_holds_are_refused(wanted: int) -> None:
    with pytest.raises(ConfigError, match=rf"WINDOW={wanted}: choose 1 to \d+ cycles"):
        choose_window((0, 10**8), 5, CONFIG, "verilator", "fst", wanted=wanted)


def test_a_larger_array_and_vcd_take_more() -> None:
    sizes = [
        estimate(config, 1000, "verilator", ending)
        for ending in ("fst", "vcd")
        for config in (PEConfig(4, 4), PEConfig(16, 4), PEConfig(16, 16), PEConfig(16, 16, 48))
    ]
    assert sizes == sorted(set(sizes))
    narrow = replace(PEConfig(16, 16), act_w=8, weight_w=8)
    assert estimate(narrow, 1000, "icarus", "fst") < estimate(
        PEConfig(16, 16), 1000, "icarus", "fst"
    )


def test_the_log_without_a_limit_names_no_cycle(tmp_path: Path) -> None:
    log = tmp_path / "simulator.log"
    log.write_text("INFO all is well\n")
    assert stopped_in(log) is None
    log.write_text("INFO\nwaves: the limit of 5 bytes is reached in cycle 43\nINFO\n")
    assert stopped_in(log) == 43
    assert re.search("reached in cycle", wave_dump.VERILATOR_CLASS.read_text())
