"""What ``make sim`` accepts, and the line that it answers to the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from golden.config import ConfigError
from golden.graph.image_size import Rectangle
from golden.tests.networks.yolov3_tiny.user_models import write_user_model
from tb.choices import parse_array, parse_clock, parse_jobs, parse_natural
from tb.flows.sim.options import SimOptions

REFUSED = [
    ({"layer": "conv99"}, r"LAYER=conv99: did you mean .*\? choose conv1, .*, pool5, .* or pred_2"),
    ({"layer": "pool1"}, "LAYER=pool1: it has no jobs of its own, those of conv1 make it"),
    ({"layer": "upsample"}, "LAYER=upsample: .* give LAYER=conv_1x1_2"),
    ({"from_layer": "concat"}, "FROM=concat: .* those of conv_set_1 make it: give FROM=conv_set_1"),
    ({"from_layer": "x"}, "FROM=x: choose conv1"),
    ({"from_layer": "conv2", "layer": "conv1"}, "FROM=conv2: give LAYER or FROM, not both"),
    ({"tiles": 0}, "TILES=0: give at least 1"),
    ({"size": 100}, "SIZE=100: give a multiple of 32 from 32 to 1024"),
    ({"size": 0}, "SIZE=0: give a multiple of 32"),
    ({"size": Rectangle(100, 64)}, "SIZE=64x100: give a multiple of 32 from 32 to 1024, each side"),
    ({"net": "facenet", "size": Rectangle(96, 160)}, "SIZE=160x96: FaceNet runs on"),
    ({"net": "digits", "size": Rectangle(8, 16)}, "SIZE=16x8: the digits have 8"),
    ({"clock": "200"}, "CLOCK=200: give a frequency in Hz, kHz, MHz or GHz"),
    ({"clock": "0MHz"}, "CLOCK=0MHz: give a frequency"),
    ({"clock": "-1MHz"}, "CLOCK=-1MHz: give a frequency"),
    ({"image": Path("a"), "images": Path("b")}, "IMAGES=b: give IMAGE or IMAGES, not both"),
    ({"mode": "fast"}, "MODE=fast: choose full, cut_floor or cut_round"),
    ({"format": "q8"}, r"FORMAT=q8: did you mean q7.8\? choose per_layer or q7.8"),
    ({"slope": "0.1"}, "SLOPE=0.1: choose 1/8 or 13/128"),
    ({"leaky_place": "x"}, "LEAKY_PLACE=x: choose after_requant or before_requant"),
    ({"pool_pad": "x"}, "POOL_PAD=x: choose minus_inf or zero"),
    ({"fit": "x"}, "FIT=x: choose letterbox or plain"),
    ({"sim": "vcs"}, "SIM=vcs: choose verilator or icarus"),
    ({"inject": "x"}, "INJECT=x: choose expected, rtl or stream"),
    ({"array": "0x3"}, "ARRAY=0x3: give input lanes"),
    ({"job": "1"}, "JOB=1: say of which layer"),
    ({"layer": "conv1", "job": "5-3"}, "JOB=5-3: give a job's number, 3, or the first and the"),
    ({"layer": "conv1", "job": "-1"}, "JOB=-1: give a job's number"),
    ({"window": 0}, "WINDOW=0: give at least 1 cycle"),
    ({"bug": "gremlin"}, "BUG=gremlin: docs.tables.diagnosis.md lists all "),
    ({"bug": "stale-weights", "inject": "stream"}, "BUG=stale-weights: it is what INJECT=rtl"),
    ({"mode": "cut_floor"}, "mode cut_floor .* choose that format"),
]


@pytest.mark.parametrize(("given", "line"), REFUSED, ids=lambda case: str(case)[:20])
def test_refuses_in_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=f"^{line}") as caught:
        SimOptions(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "abc", "1234567890"])
def test_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^SEED="):
        parse_natural("SEED", text)


def test_reads_arrays() -> None:
    assert parse_array("2x64") == (2, 64)
    for bad in ("16", "16X16", "3x4", "128x2", "16x16x16", "-4x4"):
        with pytest.raises(ConfigError, match=r"^ARRAY="):
            parse_array(bad)


def test_defaults_are_the_sources() -> None:
    options = SimOptions()
    assert (options.lanes, options.slope, options.format) == ("16x16", "1/8", "per_layer")
    assert SimOptions(sim="icarus").lanes == "4x4"


def test_the_scope_says_how_much_is_simulated() -> None:
    assert SimOptions().scope == "frame" and not SimOptions().golden_inputs
    assert SimOptions(images=Path("x")).scope == "frame"
    assert SimOptions(sim="icarus").scope == "tiles" and SimOptions(sim="icarus").golden_inputs
    for filtered in ({"layer": "conv4"}, {"from_layer": "conv4"}, {"tiles": 2}):
        assert SimOptions(**filtered).scope == "filtered"
    assert not SimOptions(from_layer="conv4").golden_inputs
    assert SimOptions(from_layer="pred_1").job_layers == ("pred_1", "extra_conv_2", "pred_2")
    assert len(SimOptions().job_layers) == 14


def test_jobs_are_one_or_several() -> None:
    assert list(parse_jobs("3")) == [3] and list(parse_jobs("0-2")) == [0, 1, 2]


def test_a_bug_is_what_rtl_puts_in() -> None:
    assert SimOptions().patch is SimOptions(inject="stream").patch is None
    rounding = SimOptions(inject="rtl").patch
    assert rounding is not None and rounding == SimOptions(bug="rounding").patch
    stale = SimOptions(bug="stale-weights")
    assert stale.patch is not None and stale.patch != rounding and stale.injected == "rtl"


def test_clocks_have_units() -> None:
    assert parse_clock("200MHz") == parse_clock("0.2 GHz") == parse_clock("200000kHz") == 2e8


def test_the_command_repeats_the_run() -> None:
    assert SimOptions().command() == "make sim"
    assert SimOptions(from_layer="conv6", tiles=2, size=64, clock="1GHz").command() == (
        "make sim FROM=conv6 TILES=2 SIZE=64 CLOCK=1GHz"
    )
    options = SimOptions(
        layer="conv4", mode="cut_round", format="q7.8", image=Path("a b.png"), seed=3, waves=True
    )
    assert options.command(layer="conv5", job="2") == (
        "make sim LAYER=conv5 JOB=2 MODE=cut_round FORMAT=q7.8 IMAGE='a b.png' SEED=3 WAVES=1"
    )


def test_a_replay_says_what_an_environment_could_change() -> None:
    assert SimOptions(layer="conv4", diagnose=False).replay(job="2-3") == (
        "make sim LAYER=conv4 JOB=2-3 MODE=full ARRAY=16x16 SIM=verilator SEED=1 DIAGNOSE=0"
    )
    assert SimOptions(sim="icarus", bug="rounding").replay() == (
        "make sim MODE=full ARRAY=4x4 SIM=icarus SEED=1 BUG=rounding"
    )


def test_a_model_says_its_size(tmp_path: Path) -> None:
    model = write_user_model(tmp_path, 1, Rectangle(height=384, width=640))
    options = SimOptions(model=model)
    assert (str(options.size), options.size_source) == ("640x384", "model")
    assert f"SIZE=640x384 MODEL={model}" in options.command()
    assert SimOptions(model=model, size=96).size_source == "SIZE"
    assert SimOptions().size_source == "default"
