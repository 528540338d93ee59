"""The PE's cycles against the cycle model, where no stream keeps it waiting."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import cocotb

from golden.arithmetic.fixed import Int16Array
from golden.dataflow.tile import Job
from golden.dataflow.timing.counters import Counters
from golden.dataflow.timing.cycle_model import layers, predict
from golden.dataflow.timing.job_shape import JobShape, job_shape
from golden.graph.conv_layer import Padding
from golden.reference.readout import PLAIN, Readout
from tb.cosim.sequencer import JobEnd
from tb.tests.cosim.material import Jobs, pool_only_job, small_job
from tb.tests.cosim.suites.cocotb_queue import Order, run_all
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS, bench_of

KERNELS = ((1, 1), (1, 1), (3, 3), (1, 3), (3, 1), (2, 2))
READOUTS = (
    *(PLAIN, PLAIN, Readout(2, 2), Readout(2, 1, True, True), Readout(2, 1, False, True)),
    *(Readout(3, 2), Readout(upsample=True)),
)
READ_CLOCKS = 32
SIDES = ((1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4), (7, 7), (8, 8), (3, 9))


def random_job(jobs: Jobs, draw: random.Random) -> tuple[Job, Int16Array]:
    """A job of any kind, from a single pixel to a full accumulator bank."""
    config, seed = jobs.driver.config, draw.randrange(1 << 30)
    rows, columns = draw.choice(SIDES)
    readout = draw.choice([r for r in READOUTS if r.size <= min(rows, columns)])
    if config.p_ic == config.p_oc and draw.random() < 0.2:
        return pool_only_job(config, draw.randint(1, 20), (rows, columns), readout, seed)
    channels = draw.randint(1, 9), draw.choice((1, 4, 5, 12, 30))
    kernel = draw.choice(KERNELS)
    stride = draw.choice((1, 1, 2)) if rows * columns < 25 else 1
    padding = draw.choice((Padding(), Padding(kernel[0] - 1, 0, kernel[1] // 2, 0)))
    return small_job(config, *channels, kernel, (rows, columns), stride, padding, seed, readout)


def counted(end: JobEnd) -> Counters:
    """The PE's own counters."""
    stalls = [field.name for field in fields(Counters) if field.name != "mac"]
    return Counters(
        mac=end.counters["mac_cycles"],
        **{name: end.counters[f"stall_{name}"] for name in stalls},
    )


def read_in_time(ends: Sequence[JobEnd]) -> list[bool]:
    """Whether the bench has read each job's counters before the job after the next has ended.

    It has 14 clocks of work, and as many where it writes a descriptor meanwhile; three jobs of
    a pixel or two may be over sooner.
    """
    found, done = [], 0
    for number, end in enumerate(ends):
        done = max(done, end.end_cycle) + READ_CLOCKS
        found.append(number + 2 >= len(ends) or ends[number + 2].end_cycle > done)
    return found


async def run_jobs(
    jobs: Jobs, draw: random.Random, count: int
) -> tuple[list[JobShape], list[JobEnd]]:
    """Random jobs as close as the PE takes them, on tile memory that they share or do not."""
    memory = jobs.driver.config.input_words
    orders, shapes = [], []
    for number in range(count):
        job, expected = random_job(jobs, draw)
        words = job_shape(job, jobs.driver.config).words
        in_base = draw.choice((0, memory // 2 * (number % 2), (memory - words) * (number % 2)))
        in_base = min(in_base, memory - words)
        record = jobs.write(job, expected, in_base=in_base)
        orders.append(Order(record, dict(record.registers)))
        shapes.append(job_shape(job, jobs.driver.config, in_base))
    return shapes, await run_all(jobs.driver, jobs, orders)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_what_the_model_counts(dut: Any) -> None:
    """Each job's end and counters, to the clock, from the clocks of the starts."""
    for seed in range(4):
        driver = await bench_of(dut)
        shapes, ends = await run_jobs(Jobs(driver), random.Random(seed), 12)
        starts = [end.start_cycle for end in ends]
        predicted = predict(shapes, driver.config, starts=starts)
        assert [job.end + 1 for job in predicted] == [end.end_cycle for end in ends], seed
        in_time = read_in_time(ends)
        assert sum(in_time) >= len(ends) // 2
        for number in range(len(ends)):
            model, pe = predicted[number].counters, counted(ends[number])
            text = f"seed {seed}, job {number}: {model}, {pe}: {shapes[number]}"
            assert model == pe or not in_time[number], text
            assert model.cycles == ends[number].counters["cycles"] or not in_time[number], text


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def starts_as_soon_as_the_model(dut: Any) -> None:
    """The whole time, with the bench's own latency, within 2 in a hundred."""
    for seed in range(4, 6):
        driver = await bench_of(dut)
        shapes, ends = await run_jobs(Jobs(driver), random.Random(seed), 12)
        elapsed = ends[-1].end_cycle - ends[0].start_cycle
        predicted = layers(shapes, predict(shapes, driver.config))
        expected = sum(layer.counters.cycles for layer in predicted)
        assert abs(elapsed - expected) <= 0.02 * elapsed, (seed, elapsed, expected)
