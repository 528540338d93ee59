"""The cocotb suites of the PE, on both simulators."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.config import PEConfig, ProductMode
from tb.tests.configs import TINY, TINY_BYTES
from tb.tests.cosim.suite import assert_passes
from tb.toolchain.simulators import Simulator

OTHER_SHAPES = [
    pytest.param(PEConfig(8, 2, acc_w=48, tile_pixels=64, input_words=512), id="8x2"),
    pytest.param(
        PEConfig(2, 8, acc_w=32, act_w=8, weight_w=8, tile_pixels=64, input_words=512),
        id="2x8-8bit",
    ),
]


OTHER_NUMBERS = [
    pytest.param(TINY[ProductMode.CUT_FLOOR], id="cut_floor"),
    pytest.param(TINY[ProductMode.CUT_ROUND], id="cut_round"),
    pytest.param(TINY_BYTES, id="8bit"),
]


@pytest.mark.parametrize(
    "module",
    ["cocotb_streams", "cocotb_readout", "cocotb_queue", "cocotb_resets", "cocotb_illegal"],
)
def test_suite(simulator: Simulator, module: str, tmp_path: Path) -> None:
    assert_passes(simulator, TINY[ProductMode.FULL], module, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cocotb_streams", "cocotb_readout", "cocotb_queue"])
@pytest.mark.parametrize("config", OTHER_SHAPES)
def test_other_shapes_of_array(
    simulator: Simulator, config: PEConfig, module: str, tmp_path: Path
) -> None:
    assert_passes(simulator, config, module, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cocotb_readout", "cocotb_queue"])
@pytest.mark.parametrize("config", OTHER_NUMBERS)
def test_other_modes_and_widths(
    simulator: Simulator, config: PEConfig, module: str, tmp_path: Path
) -> None:
    assert_passes(simulator, config, module, tmp_path)


@pytest.mark.slow
def test_independent_axi_models(simulator: Simulator, tmp_path: Path) -> None:
    config = TINY[ProductMode.FULL]
    assert_passes(simulator, config, "cocotb_axi", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["cocotb_ports", "cocotb_watchdog"])
def test_every_port_by_itself(simulator: Simulator, module: str, tmp_path: Path) -> None:
    assert_passes(simulator, TINY[ProductMode.FULL], module, tmp_path)
