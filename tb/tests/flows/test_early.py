"""What ``make sim`` refuses before anything slow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from golden.config import InputError
from golden.vision.images import shipped
from tb.flows.early import check_design, check_sim
from tb.flows.sim.frames import pictures
from tb.flows.sim.options import SimOptions
from tb.toolchain.build import ROOT
from tb.toolchain.patch import Patch
from tb.toolchain.simulators import ToolError


def test_pictures_that_cannot_be_read_are_skipped_and_named(tmp_path: Path) -> None:
    """A damaged file and a link to nothing leave the others; if there are none the run is red."""
    images = tmp_path / "pictures"
    images.mkdir()
    for name in ("astronaut.png", "coffee.png"):
        shutil.copy(shipped(name), images)
    (images / "broken.jpg").write_bytes(b"no picture")
    (images / "away.png").symlink_to(tmp_path / "nothing.png")
    lines: list[str] = []
    paths, unreadable = pictures(SimOptions(images=images), lines.append)
    assert [path.name for path in paths] == ["astronaut.png", "coffee.png"]
    assert sorted(unreadable) == ["away.png", "broken.jpg"] and len(lines) == 2
    assert "a link to a file that is not there" in unreadable["away.png"]
    for name in ("astronaut.png", "coffee.png"):
        (images / name).unlink()
    with pytest.raises(InputError, match=r"none of 2 pictures can be read: .*away\.png"):
        pictures(SimOptions(images=images), lines.append)
    (tmp_path / "none").mkdir()
    for name, why in (("none", "no picture is in"), ("absent", "No such")):
        with pytest.raises(InputError, match=why):
            check_sim(SimOptions(images=tmp_path / name))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"image": Path("nonsuch.png")}, "nonsuch.png: no such picture"),
        ({"image": Path(__file__)}, "not a picture"),
        ({"model": Path("nonsuch.pth"), "net": "digits"}, "MODEL=nonsuch.pth: there is no such"),
        ({"retune": "nonsuch.json"}, "RETUNE=nonsuch.json: there is no such file"),
        ({"verilator": "/nonsuch"}, "VERILATOR=/nonsuch: there is no"),
    ],
)
def test_what_is_not_there_is_refused_first(options: dict[str, Any], why: str) -> None:
    """Before a network is read or trained, or a library imported that takes seconds."""
    with pytest.raises(InputError, match=why):
        check_sim(SimOptions(**options))


@pytest.mark.parametrize("sim", ["verilator", "icarus"])
def test_an_error_in_the_design_is_refused_first(sim: str) -> None:
    """By its file, line and words, before anything slow is prepared."""
    patch = Patch("comma", "accumulator.v", "`default_nettype wire", "`default_nettype wire\n,")
    with pytest.raises(ToolError, match=r"rtl/accumulator\.v:\d+(:\d+)?: syntax error"):
        check_design(SimOptions(sim=sim, array="2x2"), patch)


@pytest.mark.parametrize(
    ("options", "draws"),
    [({}, True), ({"layer": "pred_1"}, False), ({"tiles": 1}, False), ({"net": "digits"}, False)],
)
def test_the_last_drawing_stays_where_none_is_made(options: dict[str, Any], draws: bool) -> None:
    """Only a run that draws removes the drawing of the run before."""
    assert SimOptions(**options).draws == draws


@pytest.mark.parametrize("words", [["LAYER=x"], ["MODEL=nonsuch.weights"]])
def test_a_refusal_waits_for_no_slow_library(words: list[str], tmp_path: Path) -> None:
    """Torch alone takes seconds to import; what is compiled and drawn with takes as long."""
    program = (
        "import pathlib, sys\nfrom tb import cli\n"
        f"cli.RUNS = pathlib.Path({str(tmp_path)!r})\n"
        f"sys.argv[1:] = ['sim', *{words!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert end.code\n"
        "print(sorted({'torch', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "report.json").is_file()
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr
