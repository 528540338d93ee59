"""The cycle model on cases that a hand can add up, and what holds for all of them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from golden.config import ConfigError, PEConfig
from golden.dataflow.fused_layer import fused_layers
from golden.dataflow.schedule import add_dependencies, plan_jobs
from golden.dataflow.tile import make_job
from golden.dataflow.tiling import tiles
from golden.dataflow.timing.counters import Counters, bias_beats
from golden.dataflow.timing.cycle_model import Host, layers, predict, utilisation
from golden.dataflow.timing.job_shape import JobShape, frame_shapes, job_shape
from golden.reference.readout import Readout
from golden.tests.small_networks import branches

CONFIG = PEConfig(4, 4, tile_pixels=64, input_words=512)

SMALL = JobShape("small", 2, 3, 1, 1, 2, 3, (1, 1), macs=96)
"""Six pixels, one pass, one group."""


def test_one_small_job_to_the_clock() -> None:
    """START in clock 0.

    Check: 18 and the factors' bits 1 (groups), 2 (rows), 2 (rows), 1 (kernel), 1 (pass
    groups), 1 and 1 (padding), 27 in all. Load: clocks 28 to 36, for six words and three.
    Launch in 37, first pixel issued in 39, products in 40 to 45. The weights, four beats
    after four of biases, came long before. Reads in 50 to 55, last beat in 60.
    """
    (job,) = predict([SMALL], CONFIG)
    assert SMALL.check == 27
    assert (job.start, job.launch, job.end) == (0, 37, 60)
    # Counted from the clock behind START to the one before the end. Other: the check,
    # launch, and two clocks to the first product; drain: all behind the last.
    assert job.counters == Counters(mac=6, input=9, weights=0, drain=14, other=30)


def test_biases_are_as_many_beats_as_hold_64_bits_a_lane() -> None:
    assert [bias_beats(PEConfig(*lanes)) for lanes in ((4, 4), (8, 2), (2, 8), (32, 32))] == [
        *(4, 1, 16, 4)
    ]


def test_a_pass_shorter_than_the_lanes_waits_for_its_weights() -> None:
    """Two pixels, four lanes, nine passes: each but the last takes four clocks."""
    shape = replace(SMALL, rows=1, columns=2, in_rows=3, in_columns=4, kernel=(3, 3))
    (job,) = predict([shape], CONFIG)
    assert job.counters.mac == 9 * 2
    assert job.counters.weights == 8 * (4 - 2)


def test_biases_of_the_next_group_follow_behind_the_last_weights() -> None:
    """Six pixels hide four beats of weights, but not four more of biases."""
    one, two = (predict([replace(SMALL, out_groups=n)], CONFIG)[0] for n in (1, 2))
    # The bias shadow is free one clock after the first product: 1 + 4 + 4 beats, 6 pixels.
    assert two.counters.weights == 1 + 4 + 4 - 6
    assert two.end - one.end == 6 + 3


def test_two_banks_hold_the_array_up_where_the_drain_is_slower() -> None:
    """Upsampling reads each sum four times: from the third group on the array waits."""
    shape = replace(SMALL, readout=Readout(upsample=True))
    ends = [predict([replace(shape, out_groups=n)], CONFIG)[0].end for n in (3, 4, 5)]
    assert shape.reads == 24
    assert [b - a for a, b in pairwise(ends)] == [24 + 2] * 2  # two clocks from bank to bank


@pytest.mark.parametrize("in_base", [0, 320])
def test_a_load_hides_where_it_has_memory_of_its_own(in_base: int) -> None:
    large = replace(SMALL, in_rows=4, in_columns=8, in_groups=2, rows=4, columns=8, out_groups=4)
    found = predict([large, replace(large, in_base=in_base)], CONFIG)
    loads = sum(job.counters.input for job in found)
    # Behind the launch two clocks pass, then products: four groups of two passes.
    last = found[0].launch + 3 + 4 * 2 * 32 - 1
    if in_base:
        assert loads == large.words + 3
        assert found[1].launch == last
    else:
        # It begins in the clock of the last product.
        assert loads == 2 * (large.words + 3) - 1
        assert found[1].launch == last + large.words + 3


def test_a_job_waits_for_the_end_of_what_it_reads_and_for_the_host() -> None:
    free = predict([SMALL, SMALL], CONFIG, Host(1, 30))
    bound = predict([SMALL, replace(SMALL, after=1)], CONFIG, Host(1, 30))
    assert free[1].start == free[0].launch + 2
    assert bound[1].start == bound[0].end + 30
    # What the PE does not do it does not count, but for the clock of the end before.
    assert bound[1].counters.cycles == bound[1].end - bound[1].start
    assert bound[1].counters.drain == free[0].counters.drain + 1


def test_starts_may_be_given() -> None:
    found = predict([SMALL, SMALL], CONFIG, starts=[1000, 1050])
    assert [job.start for job in found] == [1000, 1050]
    assert found[0].end == 1060


def test_at_most_two_jobs_are_in_the_array_and_behind_it() -> None:
    """A slow drain, a job of one pixel, and a third that could be launched behind it."""
    slow = replace(SMALL, in_rows=8, in_columns=8, rows=8, columns=8)
    slow = replace(slow, readout=Readout(upsample=True))
    tiny = replace(SMALL, in_rows=1, in_columns=1, rows=1, columns=1, in_base=256)
    found = predict([slow, tiny, tiny], CONFIG)
    assert found[1].launch < found[0].end
    assert found[2].launch == found[0].end + 1


@pytest.mark.parametrize("sides", [(1, 1), (2, 3), (5, 4), (7, 7)])
def test_reads_are_those_of_the_readouts_order(sides: tuple[int, int]) -> None:
    flags = (False, True)
    readouts = [Readout(), Readout(upsample=True)]
    readouts += [Readout(s, t, b, r) for s, t, b, r in product((2, 3), (1, 2), flags, flags)]
    for readout in readouts:
        try:
            expected = len(readout.order(*sides))
        except ConfigError:
            continue
        shape = replace(SMALL, rows=sides[0], columns=sides[1], readout=readout)
        assert shape.reads == expected, readout


def random_shape(draw: random.Random) -> JobShape:
    rows, columns, channels = draw.randint(1, 8), draw.randint(1, 8), draw.randint(1, 3)
    return JobShape(
        layer="random",
        in_rows=rows,
        in_columns=columns,
        in_groups=channels,
        out_groups=draw.randint(1, 6),
        rows=rows,
        columns=columns,
        kernel=draw.choice(((1, 1), (3, 3), (1, 7))),
        readout=draw.choice((Readout(), Readout(upsample=True))),
        in_base=draw.choice((0, 256)),
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_clock_is_counted_once(seed: int) -> None:
    draw = random.Random(seed)
    shapes = [random_shape(draw) for _ in range(20)]
    shapes = [replace(s, after=draw.choice((0, 0, n))) for n, s in enumerate(shapes)]
    found = predict(shapes, CONFIG)
    assert all(one.end < two.end and one.launch < two.launch for one, two in pairwise(found))
    assert found[0].counters.cycles == found[0].end - 1
    for one, two in pairwise(found):
        assert two.counters.cycles == two.end - max(one.end, two.start)
    assert sum(job.counters.mac for job in found) == sum(s.products for s in shapes)
    for job in found:
        counts = job.counters
        assert min(counts.mac, counts.input, counts.weights, counts.drain, counts.other) >= 0


def test_a_frames_shapes_are_those_of_its_jobs() -> None:
    net = branches((14, 10))
    planned = add_dependencies(net, plan_jobs(fused_layers(net, CONFIG), CONFIG, tiles))
    for shape, job in zip(frame_shapes(planned, CONFIG), planned, strict=True):
        fused = job.fused
        tensor = np.zeros(fused.input_shape, np.int16)
        made = make_job(fused.conv, tensor, job.tile, job.readout, fused.own_channels)
        expected = job_shape(made, CONFIG, job.in_base, shape.after)
        assert shape == replace(expected, macs=job.macs)
        assert shape.words == job.words
        assert shape.after == max((index + 1 for index in job.after), default=0)


def test_layers_add_up_to_the_frame() -> None:
    net = branches((14, 10))
    shapes = frame_shapes(
        add_dependencies(net, plan_jobs(fused_layers(net, CONFIG), CONFIG, tiles)), CONFIG
    )
    found = predict(shapes, CONFIG)
    summed = layers(shapes, found)
    assert [layer.name for layer in summed] == [fused.name for fused in fused_layers(net, CONFIG)]
    # From the first start to the clock in which the last end is seen.
    elapsed = found[-1].end + 1
    assert sum(layer.counters.cycles for layer in summed) == elapsed
    for layer in summed:
        mine = [job for shape, job in zip(shapes, found, strict=True) if shape.layer == layer.name]
        assert layer.counters.mac == sum(s.products for s in shapes if s.layer == layer.name)
        assert layer.counters.drain == sum(job.counters.drain for job in mine)
    macs = sum(layer.macs for layer in summed)
    assert utilisation(summed, CONFIG) == macs / (elapsed * 16)
    assert summed[0].utilisation(CONFIG) == summed[0].macs / (summed[0].counters.cycles * 16)


def test_no_job_takes_no_cycles() -> None:
    assert predict([], CONFIG) == [] and layers([], []) == []
