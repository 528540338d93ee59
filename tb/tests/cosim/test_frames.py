"""Frames job by job through the sequencer, on a PE that computes with the golden kernels."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig, PoolPad, ProductMode
from golden.dataflow.fused_layer import fused_layers
from golden.dataflow.schedule import add_dependencies, plan_jobs
from golden.dataflow.tile import Tile
from golden.dataflow.tiling import tiles
from golden.graph.network import Network
from golden.reference.readout import Readout
from golden.reference.run import run
from golden.tests.small_networks import branches, chain, residuals
from tb.cosim import sequences
from tb.cosim.failure import first_failure, read_results
from tb.cosim.frame_memory import from_reads
from tb.cosim.scoreboard import Verdict
from tb.cosim.sequencer import Sequencer
from tb.cosim.sequences import FrameSequence
from tb.duts.conv_pe.frame_record import DONE, RESULTS, FrameSchedule, frame_folder, read_schedule
from tb.flows.sim.frame_writer import write_frame, write_run_files
from tb.flows.sim.layer_results import layer_progress, summed
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import Picture, Prepared
from tb.networks.registry import QuantizedNetwork
from tb.tests.cosim.fake_pe import FakePE, read_out, read_tap

CONFIG = PEConfig(4, 4, tile_pixels=16, input_words=128)
NETWORKS = [
    chain(PoolPad.ZERO, (20, 20)),
    branches((14, 10), ProductMode.CUT_ROUND),
    residuals((19, 15)),
]


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "read_recording", read_out)
    monkeypatch.setattr(sequences, "read_tap", read_tap)


@dataclass
class Ran:
    """A run that has ended."""

    listed: FrameSchedule
    pe: FakePE
    folder: Path
    network: Network
    expected: list[dict[str, Int16Array]]

    def results(self, frame: int = 0) -> list[dict[str, Any]]:
        return read_results(frame_folder(self.folder, frame) / RESULTS)

    def layers(self, frame: int = 0) -> dict[str, Any]:
        kinds = {node.name: node.kind for node in self.network.nodes}
        progress = layer_progress(self.listed, kinds, self.results(frame))
        return {entry.report.name: entry.report for entry in progress}


def run_frames(
    network: Network, folder: Path, options: SimOptions | None = None, frames: int = 1, **pe: Any
) -> Ran:
    options = options or SimOptions()
    found = fused_layers(network, CONFIG)
    jobs = plan_jobs(found, CONFIG, tiles)
    linked = jobs if options.golden_inputs else add_dependencies(network, jobs)
    prepared = Prepared(QuantizedNetwork(network, ""), CONFIG, found, tuple(linked))
    write_run_files(folder, prepared, options, frames)
    listed = read_schedule(folder)
    expected = []
    for number in range(frames):
        draw = np.random.default_rng(number)
        image = draw.integers(-900, 900, network.input_shape).astype(np.int16)
        expected.append(run(network, image))
        pixels = np.zeros((1, 1, 3), np.uint8)
        write_frame(folder, number, prepared, listed, Picture(Path(), pixels, expected[-1]))

    async def go() -> FakePE:
        fake = FakePE(folder, prepared, **pe)
        sequencer = Sequencer(fake, FrameSequence(folder, listed), asyncio.Event)
        feeding = asyncio.create_task(sequencer.start_jobs())
        await asyncio.wait_for(sequencer.collect_results(), 60)
        feeding.cancel()
        return fake

    return Ran(listed, asyncio.run(go()), folder, network, expected)


@pytest.mark.parametrize("network", NETWORKS, ids=["chain", "branches", "residuals"])
def test_every_value_of_every_node_is_compared_once(network: Network, tmp_path: Path) -> None:
    ran = run_frames(network, tmp_path)
    shapes = network.shapes()
    layers = ran.layers()
    assert list(layers) == [node.name for node in network.nodes]
    assert first_failure(ran.results()) is None
    for name, layer in layers.items():
        assert layer.values_compared == layer.values_expected
        if name != "conv3" or "pool4" not in layers:  # its pool leaves a rim alone
            assert layer.values_expected == np.prod(shapes[name])
        assert layer.mismatches == 0
    assert sum(layer.macs for layer in layers.values()) > 0
    for node in network.nodes:
        if node.kind == "concat":
            continue
        values = np.load(frame_folder(tmp_path, 0) / f"{node.name}.npy")
        rim = np.s_[:, :9, :9] if node.name == "conv3" and len(network.nodes) == 8 else np.s_[:]
        assert np.array_equal(values[rim], ran.expected[0][node.name][rim])
    assert (frame_folder(tmp_path, 0) / DONE).is_file()
    assert ran.pe.most_in_flight > 1


def test_figures_of_the_layers_add_up(tmp_path: Path) -> None:
    ran = run_frames(NETWORKS[1], tmp_path)
    layers, results = ran.layers(), ran.results()
    assert sum(layer.cycles for layer in layers.values()) == (
        results[-1]["end_cycle"] - results[0]["start_cycle"]
    )
    for name, layer in layers.items():
        assert layer.cycles == layer.mac_cycles + sum(vars(layer.stalls).values())
        assert layer.macs <= layer.mac_cycles * CONFIG.p_ic * CONFIG.p_oc
        assert (layer.cycles > 0) == (name in {job.record.layer for job in ran.listed.jobs})
        assert (layer.macs > 0) == (layer.kind == "conv")


def test_one_frame_after_another(tmp_path: Path) -> None:
    ran = run_frames(NETWORKS[1], tmp_path, SimOptions(images=Path("x")), frames=3)
    for number in range(3):
        folder = frame_folder(tmp_path, number)
        assert (folder / DONE).is_file()
        assert [path.stem for path in sorted(folder.glob("*.npy"))] == [
            "conv5",
            "conv6",
            "conv7",
            "input",
        ]
        assert np.array_equal(np.load(folder / "conv7.npy"), ran.expected[number]["conv7"])
    whole = summed([list(ran.layers(number).values()) for number in range(3)])
    one = ran.layers()
    assert [layer.values_compared for layer in whole] == [
        3 * n.values_compared for n in one.values()
    ]


def test_a_wrong_value_ends_the_frame_with_its_layer(tmp_path: Path) -> None:
    network = NETWORKS[1]
    jobs = [job.fused.name for job in plan_jobs(fused_layers(network, CONFIG), CONFIG, tiles)]
    bad = jobs.index("conv3") + 1

    def fault(number: int, values: Int16Array) -> Int16Array:
        if number == bad:
            values = values.copy()
            values[2, 0, 1] += 1
        return values

    ran = run_frames(network, tmp_path, fault=fault)
    failure, layers = first_failure(ran.results()), ran.layers()
    assert failure is not None and failure.kind == "mismatch" and failure.layer == "conv3"
    tile = ran.listed.jobs[bad].record.tile
    assert (failure.channel, failure.row, failure.column) == (2, tile.row, tile.column + 1)
    assert failure.actual is not None and failure.expected == failure.actual - 1
    assert layers["conv3"].mismatches == 1 and layers["up"].mismatches == 4
    for name in ("conv1", "conv2", "pool2", "conv3", "up"):
        assert layers[name].values_compared == layers[name].values_expected
    assert layers["conv4"].values_compared < layers["conv4"].values_expected
    assert layers["conv7"].values_compared == 0
    assert not (frame_folder(tmp_path, 0) / DONE).exists()
    # The files of the failed job stay, with what was expected.
    stem = f"job_{bad:05d}"
    names = sorted(path.name for path in tmp_path.glob(f"{stem}.*") if path.suffix != ".wgt")
    assert names == [f"{stem}.{e}" for e in ("act", "activated.npy", "expected.npy", "out", "tap")]


def test_a_wrong_value_in_a_halo_is_found(tmp_path: Path) -> None:
    network = NETWORKS[0]
    planned = plan_jobs(fused_layers(network, CONFIG), CONFIG, tiles)
    bad = next(i for i, job in enumerate(planned) if job.own.height < job.tile.height)

    def fault(number: int, values: Int16Array) -> Int16Array:
        if number == bad:
            values = values.copy()
            values[0, -1, 0] -= 200
        return values

    ran = run_frames(network, tmp_path, fault=fault)
    failure = first_failure(ran.results())
    assert failure is not None and failure.layer == planned[bad].fused.conv.name
    assert ran.layers()[failure.layer].mismatches == 0  # another job counts that value


@pytest.mark.parametrize("which", [{}, {"layer": "conv1"}, {"tiles": 9}])
def test_a_flipped_expected_bit_is_one_mismatch(which: dict[str, Any], tmp_path: Path) -> None:
    for number, network in enumerate(NETWORKS):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = run_frames(network, folder, SimOptions(inject="expected", **which))
        failure = first_failure(ran.results())
        assert failure is not None and failure.layer == "conv1"
        assert failure.expected is not None and failure.actual is not None
        assert bin((failure.expected ^ failure.actual) & 0xFFFF).count("1") == 1
        assert sum(layer.mismatches for layer in ran.layers().values()) == 1
        done = len(ran.results())
        assert (done == len(ran.listed.jobs)) == bool(which)


def test_a_lost_beat_is_a_shortage(tmp_path: Path) -> None:
    ran = run_frames(NETWORKS[1], tmp_path, SimOptions(inject="stream"))
    failure = first_failure(ran.results())
    assert failure is not None and failure.kind == "shortage" and failure.layer == "conv1"
    assert "ACT_EARLY" in failure.message
    layer = ran.layers()["conv1"]
    assert 0 < layer.values_compared < layer.values_expected and layer.mismatches == 0


def test_a_job_that_hangs_ends_everything(tmp_path: Path) -> None:
    ran = run_frames(NETWORKS[1], tmp_path, hangs_at=4)
    assert len(ran.results()) == 5
    failure = first_failure(ran.results())
    assert failure is not None and failure.kind == "timeout"


def test_an_input_is_what_the_rtl_made(tmp_path: Path) -> None:
    """A fault that no comparison sees must still reach the layers behind it."""
    network = NETWORKS[1]

    def blind(*given: Any) -> Verdict:
        return Verdict(0, 0, 0, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequences, "compare", blind)
        patch.setattr(sequences, "compare_tap", blind)
        patch.setattr(FrameSequence, "_compare_join", blind)
        run_frames(network, tmp_path, fault=lambda number, values: values * (number > 0))
    values = np.load(frame_folder(tmp_path, 0) / "conv7.npy")
    assert not np.array_equal(values, run_frames_expected(network)["conv7"])


def run_frames_expected(network: Network) -> dict[str, Int16Array]:
    draw = np.random.default_rng(0)
    return run(network, draw.integers(-900, 900, network.input_shape).astype(np.int16))


def test_golden_inputs_are_read_where_asked_for(tmp_path: Path) -> None:
    ran = run_frames(
        NETWORKS[1],
        tmp_path,
        SimOptions(tiles=99),
        fault=lambda number, values: values + (number == 0),
    )
    red = [result["layer"] for result in ran.results() if result["verdict"]["failure"]]
    assert red == ["conv1"] and len(ran.results()) == len(ran.listed.jobs)
    assert "concat" not in ran.layers()


def test_reads_of_a_tap_become_a_tile() -> None:
    draw = np.random.default_rng(3)
    for readout in (
        Readout(2, 2),
        Readout(2, 1, True, False),
        Readout(3, 2),
        Readout(upsample=True),
    ):
        values = draw.integers(-99, 99, (6, 5, 7)).astype(np.int16)
        order = readout.order(5, 7)
        flat = np.zeros((8, 35), np.int16)
        flat[:6] = values.reshape(6, -1)
        reads = flat[:, order].reshape(2, 4, -1).transpose(0, 2, 1).reshape(-1, 4)
        found = from_reads(reads, readout, Tile(0, 0, 5, 7, 3, 9))
        seen = np.isin(np.arange(35), order).reshape(5, 7)
        assert np.array_equal(found, np.where(seen, values, 0))
