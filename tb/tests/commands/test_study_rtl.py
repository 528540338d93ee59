"""What the study's commands say of a product and of a convolution, held against the RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden.arithmetic.fixed import dequantize
from golden.config import ProductMode
from golden.dataflow.tile import whole_job
from golden.reference import spec
from golden.study.errors.uniform_conv import ConvShape, draw
from golden.study.multiplier import FRAC, Operand, Result, parse_operand, result
from golden.tests.stimulus.directed import Vector, make_vector
from tb.cosim import cocotb_test
from tb.cosim.failure import first_failure, read_results
from tb.cosim.frame_memory import from_beats
from tb.duts.conv_pe.job_record import write_job, write_jobs
from tb.duts.conv_pe.packing import read_recording
from tb.tests.configs import TINY
from tb.tests.cosim.test_vectors import run_vectors
from tb.toolchain import build
from tb.toolchain.simulators import Simulator

MODES = [
    pytest.param(mode, marks=() if mode is ProductMode.FULL else pytest.mark.slow)
    for mode in ProductMode
]
"""The cut modes need designs that only slow tests compile."""
PAIRS = (
    ("1.1234", "1.1234"),
    ("0x3DC3", "0x3DC3"),
    ("-1.5", "2"),
    ("-0.01", "0.3"),
    ("-128", "-128"),
    ("300", "raw:-1"),
)


def vector(pair: tuple[Operand, Operand], product: Result) -> Vector:
    """The product as a job of one pixel, with the result that the command shows."""
    name = "x".join(operand.text for operand in pair)
    factors = (pair[0].integer, pair[1].integer)
    shift = FRAC if product.mode is ProductMode.FULL else 0
    return make_vector(name, [factors], 0, product.integer, mode=product.mode, shift=shift)


@pytest.mark.parametrize("mode", MODES)
def test_the_pe_multiplies_as_the_command_shows(
    simulator: Simulator, mode: ProductMode, tmp_path: Path
) -> None:
    operands = [(parse_operand(a), parse_operand(w)) for a, w in PAIRS]
    vectors = [vector(pair, result(*pair, mode)) for pair in operands]
    worked = {ProductMode.FULL: 32767, ProductMode.CUT_FLOOR: -6526, ProductMode.CUT_ROUND: -6525}
    assert [v.expected for v in vectors[:2]] == [324, worked[mode]]
    run_vectors(simulator, TINY[mode], vectors, tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_the_pe_convolves_uniform_numbers_as_golden_does(
    simulator: Simulator, mode: ProductMode, tmp_path: Path
) -> None:
    """The RTL's error against float64 is of the order of 0.01, but for the floor's bias."""
    config, shape = TINY[mode], ConvShape(16, 16, 3, 8)
    experiment = draw(shape, seed=1)
    layer = experiment.layer(mode)
    job = whole_job(layer, experiment.pixels)
    record = write_job(tmp_path, 0, job, spec.conv(experiment.pixels, layer), config)
    write_jobs(tmp_path, config, [record])
    build.run(build.build(simulator, config), cocotb_test.__name__, tmp_path)
    results = read_results(tmp_path / cocotb_test.RESULTS)
    assert first_failure(results) is None
    recording = read_recording(tmp_path / f"{record.stem}.out", config)
    outputs = from_beats(recording.values, shape.out_channels, shape.size, shape.size)
    assert outputs.size == results[0]["verdict"]["values_compared"] == 16 * 8 * 8
    error = dequantize(outputs, FRAC) - experiment.real()
    bias = -0.23 if mode is ProductMode.CUT_FLOOR else 0.0
    assert abs(error.mean() - bias) < 0.02
    if not bias:
        assert 0.005 < np.sqrt((error**2).mean()) < 0.02
