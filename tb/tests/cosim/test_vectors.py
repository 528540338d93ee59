"""Hand-worked results, held against the hardware in every build that can form them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden.config import PEConfig, ProductMode
from golden.dataflow.tile import whole_job
from golden.tests.stimulus.directed import VECTORS, Vector, shift_vectors
from tb.cosim import cocotb_test
from tb.cosim.failure import first_failure, read_results
from tb.duts.conv_pe.job_record import write_job, write_jobs
from tb.tests.configs import TINY, TINY_BYTES
from tb.toolchain import build
from tb.toolchain.simulators import Simulator


def run_vectors(
    simulator: Simulator, config: PEConfig, vectors: list[Vector], folder: Path
) -> None:
    """Run each vector as a job of one pixel."""
    records = [
        write_job(
            folder,
            number,
            whole_job(vector.layer, vector.input),
            np.full((1, 1, 1), vector.expected, np.int16),
            config,
        )
        for number, vector in enumerate(vectors)
    ]
    write_jobs(folder, config, records)
    build.run(build.build(simulator, config), cocotb_test.__name__, folder)
    results = read_results(folder / cocotb_test.RESULTS)
    assert first_failure(results) is None
    assert len(results) == sum(result["verdict"]["values_compared"] for result in results)
    assert len(results) == len(vectors)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ProductMode)
def test_the_pe_gives_the_hand_worked_results(
    simulator: Simulator, mode: ProductMode, tmp_path: Path
) -> None:
    config = TINY[mode]
    table = [v for v in VECTORS if v.layer.mode is mode and v.layer.act_w == 16]
    assert table
    run_vectors(simulator, config, [*table, *shift_vectors(mode, config.acc_w)], tmp_path)


@pytest.mark.slow
def test_the_pe_of_8_bits_gives_the_hand_worked_results(
    simulator: Simulator, tmp_path: Path
) -> None:
    run_vectors(simulator, TINY_BYTES, [v for v in VECTORS if v.layer.act_w == 8], tmp_path)
