"""The command ``bisect``: a dump judged, two compared, the RTL run on the reference's inputs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from golden.config import ConfigError, InputError, PEConfig
from golden.dataflow.tile import Tile
from golden.export.memory_files import write_hex
from golden.networks.yolov3_tiny.files.fetch import ModelFiles
from golden.study.dumps.dump import Dump, read_dump, write_dump
from tb.cli import app
from tb.commands.inference.bisect_report import verdicts
from tb.duts.conv_pe.frame_record import RESULTS, FrameJob, FrameSchedule, Region, read_schedule
from tb.duts.conv_pe.job_record import JobRecord
from tb.flows.sim import isolated_layers
from tb.flows.sim.isolated_layers import RtlLayers, run_layers
from tb.flows.sim.options import SimOptions
from tb.tests.commands.commands import results, run
from tb.toolchain import build
from tb.toolchain.simulators import Simulator

SMALL = ("--size", "32")
POOLS = {"pool1", "pool2", "pool3", "pool4", "pool6"}

pytestmark = pytest.mark.usefixtures("official")


def red(*words: object) -> str:
    """Run a command that has to find something wrong; return what it prints."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 1, done.output
    return str(done.output)


@pytest.fixture(scope="module")
def right(official: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump without faults."""
    path = tmp_path_factory.mktemp("bisect") / "right.npz"
    run("infer", *SMALL, "--dump", path)
    return path


@pytest.fixture(scope="module")
def wrong(right: Path) -> Path:
    """A run whose conv7 has made a wrong value, and all behind it what follows from that."""
    dump, path = read_dump(right), right.with_name("wrong.npz")
    dump.tensors["conv7"] = dump.tensors["conv7"].copy()
    dump.tensors["conv7"][300:, 0, 0] += 2_000
    write_dump(path, dump)
    words = ("--from", "conv_set_2", "--input", path, "--dump", right.with_name("rest.npz"))
    run("infer", *SMALL, *words)
    rest = read_dump(right.with_name("rest.npz")).tensors
    write_dump(path, Dump({**dump.tensors, **rest}, dump.fracs))
    return path


def by_verdict(found: dict[str, Any]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for layer in found["layers"]:
        names.setdefault(layer["verdict"], []).append(layer["name"])
    return names


def test_a_right_dump(right: Path) -> None:
    assert "every value of 21 layers is right" in run("bisect", *SMALL, right)


def test_a_wrong_one(wrong: Path, tmp_path: Path) -> None:
    shown = red("bisect", *SMALL, wrong, "--json", tmp_path / "b.json")
    found = results(tmp_path / "b.json")
    names = by_verdict(found)
    assert names["own fault"] == ["conv7"]
    behind = ["conv_set_2", "conv_1x1_2", "upsample", "concat", "conv_set_1", "pred_1"]
    assert names["consequence"] == [*behind, "extra_conv_2", "pred_2"]
    assert found["conclusion"] in shown
    assert "conv7 is wrong on its own account; 8 layers only inherit it" in shown
    (conv7,) = (layer for layer in found["layers"] if layer["name"] == "conv7")
    assert conv7["first"]["channel"] == 300 and conv7["wrong"] == 724
    assert conv7["first"]["actual"] - conv7["first"]["expected"] == 2_000


def test_a_boards_memories(wrong: Path, tmp_path: Path) -> None:
    """Two layers as the PE's stream leaves them; the reference model makes what lies between."""
    tensors = read_dump(wrong).tensors
    for name in ("pool6", "conv_set_2"):
        channels, rows, columns = tensors[name].shape
        stream = tensors[name].reshape(channels // 4, 4, rows, columns).transpose(0, 2, 3, 1)
        write_hex(tmp_path / f"{name}.hex", stream)
    text = (tmp_path / "pool6.hex").read_text().split()
    beats = ["".join(text[at : at + 4][::-1]) for at in range(0, len(text), 4)]
    (tmp_path / "pool6.hex").write_text("\n".join(beats))
    text = (tmp_path / "conv_set_2.hex").read_text().split()
    beats = ["".join(text[at : at + 4][::-1]) for at in range(0, len(text), 4)]
    (tmp_path / "conv_set_2.hex").write_text("\n".join(beats))
    words = ("--layout", "pe", "--array", "4x4")
    shown = red("bisect", *SMALL, tmp_path, *words)
    assert "no image is in the dump" in shown
    assert re.search(r"pool6 .* right", shown)
    assert re.search(r"conv_set_2 .* own fault, or conv7's", shown)
    named = f"pool6={tmp_path / 'pool6.hex'}"
    assert "every value of 1 layer is right" in run("bisect", *SMALL, named, *words)
    shown = red("bisect", *SMALL, wrong.with_name("right.npz"), tmp_path, *words)
    assert "2 layers compared, the first that differs is conv_set_2" in shown


def test_two_dumps(right: Path, wrong: Path, tmp_path: Path) -> None:
    assert "22 layers compared, all are equal to the bit" in run("bisect", right, right)
    shown = red("bisect", right, wrong, "--json", tmp_path / "b.json")
    assert "22 layers compared, the first that differs is conv7" in shown
    found = results(tmp_path / "b.json")
    assert next(one["name"] for one in found["layers"] if one["wrong"]) == "conv7"
    fewer = Dump({"conv7": read_dump(right).tensors["conv7"]})
    write_dump(tmp_path / "few.npz", fewer)
    assert f"only in {right}: image, conv1" in run("bisect", right, tmp_path / "few.npz")


def test_what_it_refuses(right: Path, tmp_path: Path) -> None:
    (tmp_path / "conv1.hex").write_text("1\n")
    np.savez(tmp_path / "f.npz", conv1=np.full((16, 32, 32), 1 / 3))
    for words, message in (
        ([right, right, right], "give one dump, two to compare"),
        ([right, "conv1=a.hex"], "give one dump, two to compare"),
        ([right, "--layer", "conv1"], "--layer, --tiles and --bug are for the RTL"),
        ([right, *SMALL, "--image", "a.png"], "the dump has its own image"),
        ([*SMALL, "--act-bits", "8"], "the RTL is run with 16 bits"),
        ([*SMALL, "--layer", "nix"], "LAYER=nix: choose"),
        ([*SMALL, tmp_path / "f.npz"], "array conv1 holds floats that"),
        ([*SMALL, f"conv1={tmp_path / 'conv1.hex'}"], "1 words of 1 x 16 bits are in it"),
        ([right, "--layout", "wch"], "layout wch"),
    ):
        with pytest.raises((InputError, ConfigError), match=message):
            run("bisect", *words)


def test_it_goes_on_behind_a_layer_that_ends_the_simulation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second layer's first job ends the first simulation; the third layer is still run."""
    layers = ["a", "a", "b", "b", "c"]
    config, tile = PEConfig(4, 4), Tile(0, 0, 1, 1, 0, 1)
    record = JobRecord(0, "a", 0, tile, {}, 1, 1, 1, 1, 0, 1)
    jobs = tuple(
        FrameJob(replace(record, layer=name), "image", Region(0, 0, 1, 1), name, name, tile, 0)
        for name in layers
    )
    ran: list[list[str]] = []

    def simulate(made: object, module: str, folder: Path, **more: Any) -> None:
        now = [job.record.layer for job in read_schedule(folder).jobs]
        ran.append(now)
        ended = now[:3] if "b" in now else now
        lines = [json.dumps({"layer": name}) for name in ended]
        (tmp_path / "frame_00000" / RESULTS).write_text("\n".join([*lines, ""]))
        more["poll"]()

    monkeypatch.setattr(build, "run", simulate)
    (tmp_path / "frame_00000").mkdir()
    told: list[tuple[int, int]] = []
    listed = FrameSchedule(config, jobs, {"image": (1, 1, 1)}, {}, golden_inputs=True)
    made: Any = None
    found = isolated_layers._simulate(made, tmp_path, listed, 1, lambda *count: told.append(count))
    assert ran == [layers, ["c"]]
    assert [result["layer"] for result in found] == ["a", "a", "b", "c"]
    assert told == [(3, 5), (4, 5)]


def layers_of(done: RtlLayers) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for layer in verdicts(done):
        names.setdefault(layer.verdict.value, []).append(layer.name)
    return names


@pytest.mark.slow
def test_every_layer_of_a_broken_design(tmp_path: Path) -> None:
    """The rounding is wrong wherever a sum is shifted; pools only hand it on."""
    options = SimOptions(array="4x4", size=32, bug="rounding")
    told: list[tuple[int, int]] = []
    done = run_layers(options, lambda text: None, lambda *jobs: told.append(jobs), base=tmp_path)
    names = layers_of(done)
    assert set(names["consequence"]) <= POOLS | {"upsample"} and len(names["consequence"]) >= 5
    assert {"conv1", "conv7", "conv_1x1_2", "pred_1"} <= set(names["own fault"])
    assert not POOLS.intersection(names["own fault"])
    assert names["right"][-1] != "conv1" and "pool5" in names["right"]
    assert len(done.made) == 20 and told
    line = done.replay("conv3")
    assert line is not None and line.startswith("make sim LAYER=conv3 JOB=0 ")
    assert "BUG=rounding" in line and "ARRAY=4x4" in line
    assert done.replay("pool5") is None
    done.tidy()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_on_the_rtl(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated_layers, "BASE", tmp_path)
    words = ("--size", "64", "--array", "4x4", "--sim", simulator.name, "--layer", "conv2")
    tiles = ("--tiles", "1") if simulator.name == "icarus" else ()
    shown = run("bisect", *words, *tiles, "--json", tmp_path / "b.json")
    assert "every value of 2 layers is right" in shown
    found = results(tmp_path / "b.json")
    assert found["simulator"] == simulator.name
    assert [layer["name"] for layer in found["layers"]] == ["conv2", "pool2"]
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]
    broken = red("bisect", *words, "--tiles", "1", "--bug", "rounding")
    assert "conv2 is wrong on its own account" in broken
    assert "pool2" in broken and "its jobs have failed with conv2" in broken
    line = f"TILES=1 JOB=0 MODE=full ARRAY=4x4 SIZE=64 SIM={simulator.name} SEED=1 BUG=rounding"
    assert f"replay: make sim LAYER=conv2 {line}" in broken
