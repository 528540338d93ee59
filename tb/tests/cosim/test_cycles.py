"""Golden's cycle model against the RTL."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from golden.config import PEConfig, ProductMode
from golden.dataflow.timing.cycle_model import LayerCycles, layers, predict
from golden.dataflow.timing.job_shape import frame_shapes
from tb.cosim.failure import read_results
from tb.duts.conv_pe.frame_record import RESULTS, frame_folder
from tb.flows.sim.command import simulate
from tb.flows.sim.options import SimOptions
from tb.flows.sim.prepare import prepare
from tb.tests.configs import TINY
from tb.tests.cosim.suite import assert_passes
from tb.tests.cosim.test_rtl import OTHER_SHAPES
from tb.toolchain.simulators import Simulator

CLOCKS = 20
"""The model lets the bench write seven words for a job that waits; each that stays saves two."""


def test_the_rtl_takes_the_predicted_cycles(simulator: Simulator, tmp_path: Path) -> None:
    assert_passes(simulator, TINY[ProductMode.FULL], "cocotb_cycles", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("config", OTHER_SHAPES)
def test_other_shapes_of_array_take_the_predicted_cycles(
    simulator: Simulator, config: PEConfig, tmp_path: Path
) -> None:
    assert_passes(simulator, config, "cocotb_cycles", tmp_path)


def figures(layer: LayerCycles) -> dict[str, int]:
    """A predicted layer's clocks by the report's names."""
    counters = layer.counters
    return {
        "cycles": counters.cycles,
        "mac_cycles": counters.mac,
        "input": counters.input,
        "weights": counters.weights,
        "drain": counters.drain,
    }


def measured(layer: dict[str, Any]) -> dict[str, int]:
    """The same figures of a report's layer."""
    found = {name: layer[name] for name in ("cycles", "mac_cycles")}
    return found | {name: layer["stalls"][name] for name in ("input", "weights", "drain")}


@pytest.mark.slow
@pytest.mark.parametrize(("array", "size"), [("16x16", 416), ("32x32", 128), ("4x4", 64)])
def test_each_layer_of_a_frame_takes_the_predicted_cycles(
    array: str, size: int, tmp_path: Path
) -> None:
    options = SimOptions(array=array, size=size)
    simulate(options, Console(file=StringIO()), tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["passed"]
    prepared = prepare(options, lambda text: None)
    shapes = frame_shapes(prepared.jobs, prepared.config)

    results = read_results(frame_folder(tmp_path / report["run"], 0) / RESULTS)
    starts = [result["start_cycle"] for result in results]
    jobs = predict(shapes, prepared.config, starts=starts)
    assert [job.end + 1 for job in jobs] == [result["end_cycle"] for result in results]

    expected = layers(shapes, predict(shapes, prepared.config))
    found = {layer["name"]: measured(layer) for layer in report["layers"] if layer["cycles"]}
    assert list(found) == [layer.name for layer in expected]
    for layer in expected:
        limit = min(CLOCKS, 0.02 * layer.counters.cycles)
        for figure, clocks in figures(layer).items():
            difference = found[layer.name][figure] - clocks
            assert abs(difference) <= limit, (layer, figure, difference)
