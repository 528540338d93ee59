"""The layout for GTKWave: its groups and names, and what GTKWave itself makes of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.config import InputError, PEConfig, ProductMode
from tb.debug.gtkwave import screenshot
from tb.debug.gtkwave.layout import VISIBLE, suffix, write_layout
from tb.debug.gtkwave.screenshot import capture
from tb.debug.gtkwave.signals import groups
from tb.debug.gtkwave.translate import TABLES
from tb.debug.localization.descriptor import dot_width
from tb.duts.conv_pe.pipeline_steps import Step
from tb.tests.conftest import NO_GTKWAVE
from tb.tests.toolchain.test_waves import CONFIG, run
from tb.toolchain import build
from tb.toolchain.simulators import Simulator
from tb.toolchain.system_packages import is_there
from tb.toolchain.waves import TICKS_A_CYCLE, Wave

LANE = 2
CYCLE, LEAVES = 180, 185
FRACS = {"input": 8, "weight": 10, "sum": 18, "output": 6}
TITLES = [
    "clock",
    "registers and control",
    "descriptors",
    "activation input",
    "weights and biases",
    "sequencer",
    f"operands of lane {LANE}",
    f"array, lane {LANE}",
    f"accumulator, lane {LANE}",
    "drain and readout",
    f"requantiser, lane {LANE}",
    f"pool, lane {LANE}",
    "output stream",
]


def layout_text(folder: Path, step: Step | None = None, fracs: dict[str, int] | None = None) -> str:
    """Write a layout and return it."""
    path = folder / "w.gtkw"
    write_layout(path, folder / "w.fst", CONFIG, lane=LANE, step=step, fracs=fracs)
    return path.read_text()


def test_groups_follow_the_data(tmp_path: Path) -> None:
    text = layout_text(tmp_path)
    assert re.findall(r"^@800200\n-(.*)$", text, re.MULTILINE) == TITLES
    assert f'[dumpfile] "{tmp_path / "w.fst"}"' in text and "[timestart]" not in text
    assert "fpshift" not in text and "[color]" not in text


def test_every_step_has_a_group() -> None:
    shown = {step for group in groups(CONFIG) for step in group.steps}
    assert shown == set(Step)


def test_the_guilty_step_is_open_and_coloured(tmp_path: Path) -> None:
    text = layout_text(tmp_path, Step.ACCUMULATOR)
    opened = re.findall(r"^@800200\n-(.*)$", text, re.MULTILINE)
    assert opened == ["clock", f"accumulator, lane {LANE}", "output stream"]
    assert re.findall(r"^@c00200\n-(.*)$", text, re.MULTILINE) == [
        title for title in TITLES if title not in opened
    ]
    inside = text.split(f"-accumulator, lane {LANE}\n")[1]
    assert inside.count("[color] 2") == text.count("[color]") > 8


def test_fraction_bits_stand_before_their_signal(tmp_path: Path) -> None:
    lines = layout_text(tmp_path, fracs=FRACS).splitlines()
    place = lines.index(f"sim_top.dut.post_stage.g_lane[{LANE}].lane.value[15:0]")
    assert "[fpshift_count] 6" in lines[place - 2 : place]
    assert sum(line.startswith("[fpshift_count] 10") for line in lines) == CONFIG.p_ic


@pytest.mark.parametrize(
    ("mode", "lanes", "acc_w", "width"),
    [("full", 16, 40, 36), ("full", 64, 32, 32), ("cut_floor", 16, 40, 32)],
)
def test_width_of_a_dot_product(mode: str, lanes: int, acc_w: int, width: int) -> None:
    assert dot_width(PEConfig(lanes, 4, acc_w=acc_w, mode=ProductMode(mode))) == width


def test_vectors_that_gtkwave_cannot_take_apart_are_left_whole() -> None:
    def weights(lanes: int) -> list[str]:
        traces = (trace for group in groups(PEConfig(lanes, lanes)) for trace in group.traces)
        return [trace.label for trace in traces if (trace.alias or "").startswith("weight ")]

    assert len(weights(32)) == 32
    assert weights(64) == []


@pytest.mark.parametrize(("module", "table"), [("job_fetch", "fetch"), ("job_control", "control")])
def test_state_names_are_those_of_the_design(module: str, table: str) -> None:
    text = (build.RTL / f"{module}.v").read_text()
    states = re.search(r"localparam \[\d:0\] (\w+ = \d'd0[^;]*);", text)
    assert states is not None
    found = re.findall(r"(\w+) = \d'd(\d+)", states[1])
    assert {int(number): name for name, number in found} == TABLES[table]


def test_status_names_are_those_of_the_design() -> None:
    text = (build.RTL / "status_codes.vh").read_text()
    found = re.findall(r"`define CONV_PE_(\w+) +8'h(\w\w)", text)
    assert {int(number, 16): name for name, number in found} == TABLES["status"]


@pytest.mark.slow
@pytest.mark.skipif(not is_there("gtkwave"), reason=NO_GTKWAVE)
def test_gtkwave_shows_every_signal_with_its_numbers(simulator: Simulator, tmp_path: Path) -> None:
    folder = tmp_path / "waves"
    made = build.build(simulator, CONFIG, waves=True)
    wave = Wave(folder / f"wave.{suffix(simulator.name)}", 100, 250)
    run(made, folder, wave)
    write_layout(
        folder / "wave.gtkw",
        wave.path,
        CONFIG,
        lane=LANE,
        marker_cycle=CYCLE,
        out_cycle=LEAVES,
        fracs=FRACS,
    )
    moved = tmp_path / "moved"
    shutil.move(folder, moved)

    shown = capture(moved / "wave.gtkw")

    expected = []
    for group in groups(CONFIG, LANE):
        names = [trace.alias or trace.signal.rsplit(".", 1)[1] for trace in group.traces]
        expected += [group.title, *names, group.title]
    assert [name for name, _ in shown.traces] == expected
    assert shown.marker == CYCLE * TICKS_A_CYCLE
    assert shown.leaves == LEAVES * TICKS_A_CYCLE
    assert shown.start < shown.marker < shown.leaves < shown.end
    assert 0.8 * VISIBLE < (shown.end - shown.start) / TICKS_A_CYCLE < 1.25 * VISIBLE
    at_marker = dict(shown.traces)
    assert at_marker["cycle[63:0]"] == str(CYCLE)
    assert at_marker["last_error[7:0]"] == "NONE"
    assert at_marker["array activation"] == "leaky" and at_marker["array slope"] == "1/8"
    words = small_weights(moved)
    seen = [float(at_marker[f"weight {i}"]) * (1 << FRACS["weight"]) for i in range(CONFIG.p_ic)]
    assert seen in words, "the weights of the lane, with their fraction bits"
    assert len(shown.picture.getcolors(1 << 24) or []) > 10


def small_weights(folder: Path) -> list[list[int]]:
    """Return the weights of the lane, pass by pass, out of the job's stream."""
    beats = np.fromfile(folder / "job_00000.wgt", ">i2").reshape(-1, CONFIG.p_ic)[:, ::-1]
    biases = CONFIG.p_oc * 8 // (CONFIG.p_ic * 2)
    lanes: list[list[int]] = beats[biases:].reshape(-1, CONFIG.p_oc, CONFIG.p_ic)[:, LANE].tolist()
    return lanes


@pytest.mark.slow
@pytest.mark.skipif(not is_there("gtkwave"), reason=NO_GTKWAVE)
def test_screenshot_is_written_and_a_bad_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a" / "picture.png"
    vcd = "$timescale 1ps $end\n$scope module sim_top $end\n$var wire 1 ! clk $end\n"
    (tmp_path / "w.vcd").write_text(
        f"{vcd}$upscope $end\n$enddefinitions $end\n#0\n0!\n#5000\n1!\n#90000\n0!\n"
    )
    write_layout(tmp_path / "w.gtkw", tmp_path / "w.vcd", CONFIG)
    assert screenshot.main([str(tmp_path / "w.gtkw"), str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.size == (1600, 850)
    (tmp_path / "w.vcd").unlink()
    assert screenshot.main([str(tmp_path / "w.gtkw"), str(picture)]) == 1
    assert "GTKWave does not open it" in capsys.readouterr().err


def test_screenshot_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert screenshot.main([]) == 2
    assert screenshot.main([str(tmp_path / "none.gtkw"), "x.png"]) == 1
    assert "none.gtkw: no such file" in capsys.readouterr().err
    layout_text(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sudo apt-get install gtkwave xvfb"):
        capture(tmp_path / "w.gtkw")
