"""What ``make sim`` accepts, and the line that it answers to the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from golden.config import ConfigError
from tb.options import SimOptions, parse_array, parse_natural

REFUSED = [
    ({"layer": "conv99"}, "LAYER=conv99: choose conv1, .* or pred_1"),
    ({"mode": "fast"}, "MODE=fast: choose full, cut_floor or cut_round"),
    ({"format": "q8"}, "FORMAT=q8: choose per_layer or q7.8"),
    ({"slope": "0.1"}, "SLOPE=0.1: choose 1/8 or 13/128"),
    ({"leaky_place": "x"}, "LEAKY_PLACE=x: choose after_requant or before_requant"),
    ({"pool_pad": "x"}, "POOL_PAD=x: choose minus_inf or zero"),
    ({"fit": "x"}, "FIT=x: choose letterbox or plain"),
    ({"sim": "vcs"}, "SIM=vcs: choose verilator or icarus"),
    ({"inject": "x"}, "INJECT=x: choose expected, rtl or stream"),
    ({"array": "0x3"}, "ARRAY=0x3: give input lanes"),
    ({"job": 1}, "JOB=1: say of which layer"),
    ({"mode": "cut_floor"}, "mode cut_floor .* give FORMAT=q7.8"),
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


def test_the_command_repeats_the_run() -> None:
    assert SimOptions().command() == "make sim"
    options = SimOptions(
        layer="conv4", mode="cut_round", format="q7.8", image=Path("a b.png"), seed=3, waves=True
    )
    assert options.command(layer="conv5", job="2") == (
        "make sim LAYER=conv5 JOB=2 MODE=cut_round FORMAT=q7.8 IMAGE='a b.png' SEED=3 WAVES=1"
    )
