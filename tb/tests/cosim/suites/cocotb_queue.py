"""The descriptor queue: jobs that load and drain behind one another, and failures among them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from golden.arithmetic.fixed import Int16Array
from golden.config import PoolPad
from golden.dataflow.tile import Job
from golden.reference.readout import PLAIN, Readout
from tb.cosim.driver import Driver
from tb.cosim.sequencer import JobEnd
from tb.duts.conv_pe.job_record import JobRecord, Stalls
from tb.duts.conv_pe.packing import read_recording
from tb.duts.conv_pe.registers import Register, StatusCode
from tb.tests.cosim.material import Jobs, assert_sound, pool_only_job, small_job
from tb.tests.cosim.suites.cocotb_illegal import assert_closed, resized
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS, bench_of

KERNELS = ((1, 1), (3, 3), (1, 3), (2, 2))
READOUTS = (
    *(PLAIN, PLAIN, Readout(2, 2), Readout(upsample=True)),
    *(Readout(2, 1, True, True, pad) for pad in PoolPad),
)
RATES = (0, 0, 64, 200)


@dataclass(frozen=True, slots=True)
class Order:
    """A job of a sequence, and how it has to end."""

    record: JobRecord
    registers: dict[int, int]
    code: StatusCode = StatusCode.NONE


def random_order(jobs: Jobs, draw: random.Random, stalls: Stalls, in_base: int) -> Order:
    """A small job of any kind."""
    config, seed = jobs.driver.config, draw.randrange(1 << 30)
    readout = draw.choice(READOUTS)
    size = (draw.randint(2, 5), draw.randint(2, 5))
    made: tuple[Job, Int16Array]
    if draw.random() < 0.2:
        made = pool_only_job(config, draw.randint(1, 9), size, readout, seed)
    else:
        channels = draw.randint(1, 9), draw.randint(1, 12)
        made = small_job(config, *channels, draw.choice(KERNELS), size, seed=seed, readout=readout)
    record = jobs.write(*made, stalls, in_base)
    return Order(record, dict(record.registers))


def random_orders(jobs: Jobs, draw: random.Random, count: int) -> list[Order]:
    """Small jobs of any kind, on tile memory that they share or do not."""
    stalls = Stalls(*(draw.choice(RATES) for _ in range(3)))
    half = jobs.driver.config.input_words // 2
    return [
        random_order(jobs, draw, stalls, draw.choice((0, half * (number % 2))))
        for number in range(count)
    ]


async def run_all(driver: Driver, jobs: Jobs, orders: Sequence[Order]) -> list[JobEnd]:
    """Start each job as soon as the PE is ready for it; judge each at its end."""

    async def start_all() -> None:
        for order in orders:
            await driver.start(order.record, order.registers)

    starter = cocotb.start_soon(start_all())
    ends = []
    for number, order in enumerate(orders):
        while number >= driver.started:
            await RisingEdge(driver.dut.clk)
        end = await driver.result()
        assert end.number == order.record.number
        assert_sound(driver, order.record, end)
        assert end.status is order.code, f"job {number}: {end.status.name}, {order.code.name}"
        if order.code is StatusCode.NONE:
            verdict = driver.compare(order.record, jobs.folder, end)
            assert verdict.failure is None, verdict.failure.message
            assert verdict.values_compared >= order.record.out_tile.values
        else:
            assert_closed(order.record, jobs)
        ends.append(end)
    await starter
    return ends


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def computes_every_value_of_overlapping_jobs(dut: Any) -> None:
    """Sequences of jobs of any kind, with and without stalls, as close as the PE takes them."""
    driver = await bench_of(dut)
    for seed in range(25):
        draw = random.Random(seed)
        jobs = Jobs(driver)
        await run_all(driver, jobs, random_orders(jobs, draw, 12))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def loads_behind_a_job_that_computes(dut: Any) -> None:
    """On tile memory of their own, jobs' loads cost nothing; on shared memory they wait."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    half = driver.config.input_words // 2
    waits = []
    for bases in ((0, half), (0, 0)):
        made = [small_job(driver.config, 8, 8, output=(5, 5), seed=seed) for seed in range(6)]
        records = [jobs.write(*job, in_base=bases[n % 2]) for n, job in enumerate(made)]
        orders = [Order(record, dict(record.registers)) for record in records]
        ends = await run_all(driver, jobs, orders)
        waits.append(sum(end.counters["stall_input"] for end in ends[1:]))
    assert waits[0] == 0
    assert waits[1] >= 4 * records[0].act_beats


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def waits_only_for_tile_memory_that_is_shared(dut: Any) -> None:
    """Inputs side by side do not disturb each other; one word in common makes the second wait."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    made = [small_job(driver.config, 8, 8, output=(5, 5), seed=seed) for seed in range(2)]
    words = jobs.write(*made[0]).act_beats
    base = driver.config.input_words // 2
    waits = []
    for distance in (words, -words, words - 1, 1 - words, 0):
        bases = base, base + distance
        records = [jobs.write(*made[n], in_base=bases[n]) for n in range(2)]
        ends = await run_all(driver, jobs, [Order(r, dict(r.registers)) for r in records])
        waits.append(sum(end.counters["stall_input"] for end in ends))
    apart, shared = waits[:2], waits[2:]
    assert max(apart) + words // 2 < min(shared), f"loaded early or late: {waits}"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_three_jobs_and_no_more(dut: Any) -> None:
    """One job is fetched, one computes, one drains; a fourth has to wait for an end."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    made = [small_job(driver.config, 1, 1, (1, 1), (1, 1), seed=seed) for seed in range(8)]
    records = [jobs.write(*job, Stalls(out=255)) for job in made]
    most = 0

    async def count() -> None:
        nonlocal most
        while True:
            await RisingEdge(dut.clk)
            most = max(most, driver.started - int(dut.ended.value))
            assert most <= 3, f"{most} jobs in flight"

    counter = cocotb.start_soon(count())
    await run_all(driver, jobs, [Order(record, dict(record.registers)) for record in records])
    counter.cancel()
    assert most == 3


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def counts_overlapping_jobs_without_gaps(dut: Any) -> None:
    """The jobs' cycles add up to the time from the first start to the last end."""
    driver = await bench_of(dut)
    for seed in range(4):
        jobs = Jobs(driver)
        ends = await run_all(driver, jobs, random_orders(jobs, random.Random(seed), 10))
        for end in ends:
            counted = dict(end.counters)
            cycles = counted.pop("cycles")
            assert sum(counted.values()) == cycles
        elapsed = ends[-1].end_cycle - ends[0].start_cycle
        idle = sum(max(0, b.start_cycle - a.end_cycle) for a, b in pairwise(ends))
        busy = sum(end.counters["cycles"] for end in ends)
        assert abs(elapsed - idle - busy) <= 4 * len(ends)


def spoiled(jobs: Jobs, order: Order, way: str) -> Order:
    """The job with a fault in its descriptor or in one of its streams."""
    record = order.record
    if way == "descriptor":
        return replace(order, registers={**order.registers, 0x40: 0}, code=StatusCode.SIZE)
    stream, end = way.split("_")
    beats = getattr(record, f"{stream}_beats")
    count = beats // 2 if end == "early" else beats + 3
    return replace(order, record=resized(jobs, record, stream, count), code=StatusCode[way.upper()])


@cocotb.test(timeout_time=2 * LIMIT_MS, timeout_unit="ms")
async def fails_one_job_and_no_other(dut: Any) -> None:
    """A faulty job between good ones: those before it are whole, those behind it run."""
    driver = await bench_of(dut)
    ways = ("descriptor", "act_early", "act_late", "wgt_early", "wgt_late")
    for seed in range(40):
        draw = random.Random(seed)
        jobs = Jobs(driver)
        orders = random_orders(jobs, draw, 6)
        for number in draw.sample(range(6), 1 + seed % 2):
            way = draw.choice(ways)
            if way.endswith("early") and getattr(orders[number].record, f"{way[:3]}_beats") < 2:
                way = "descriptor"
            orders[number] = spoiled(jobs, orders[number], way)
        await run_all(driver, jobs, orders)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def fails_a_job_of_a_pixel_or_two_behind_one_that_drains(dut: Any) -> None:
    """Too many weights are seen when the last sums are as good as made: they may not leave."""
    driver = await bench_of(dut)
    cases = product((0, 128, 240), (1, 2, 3), ("wgt_late", "wgt_early"), range(4))
    for seed, (rate, pixels, way, odd) in enumerate(cases):
        jobs = Jobs(driver)
        sizes = ((2, 3 + odd), (1, pixels), (2, 2))
        made = [
            small_job(driver.config, 2, 3, (1, 1), size, seed=seed + number)
            for number, size in enumerate(sizes)
        ]
        records = [jobs.write(*job, Stalls(out=rate)) for job in made]
        orders = [Order(record, dict(record.registers)) for record in records]
        orders[1] = spoiled(jobs, orders[1], way)
        await run_all(driver, jobs, orders)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def ends_every_job_in_flight_when_the_watchdog_expires(dut: Any) -> None:
    """A blocked stream with one job, two or three in flight: as many ends, then a reset."""
    driver = await bench_of(dut)
    for seed, started in enumerate((1, 2, 3) * 3):
        jobs = Jobs(driver)
        draw = random.Random(seed)
        await driver.write(Register.WATCHDOG, 400)
        orders = [random_order(jobs, draw, Stalls(), 0) for _ in range(started)]
        record = replace(orders[-1].record, limit=100_000)
        for order in orders[:-1]:
            await driver.start(order.record)
        # The last one's weights stop, or its input: nothing behind it can move.
        stream = ("act", "wgt")[seed % 2]
        await driver.start(record, hold={stream: 0})
        ends = [await driver.result() for _ in range(started)]
        codes = [end.status for end in ends]
        assert codes == [StatusCode.NONE] * (started - 1) + [StatusCode.WATCHDOG], codes
        recording = read_recording(jobs.folder / f"{record.stem}.out", driver.config)
        assert recording.user[-1] and recording.last[-1]
        await driver.soft_reset()
        await driver.write(Register.WATCHDOG, 0)
        await jobs.check(*small_job(driver.config, 2, 3, seed=seed))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def ends_the_job_behind_one_whose_rest_never_comes(dut: Any) -> None:
    """Weights without TLAST that dry up while they are dropped: the job behind falls too."""
    driver = await bench_of(dut)
    for seed in range(4):
        jobs = Jobs(driver)
        await driver.write(Register.WATCHDOG, 400)
        job, expected = small_job(driver.config, 9, 8, seed=seed)
        late = jobs.write(job, expected)
        count = late.wgt_beats + 3
        late = resized(jobs, late, "wgt", count)
        behind = jobs.write(*small_job(driver.config, 2, 3, seed=seed))
        await driver.start(late, hold={"wgt": count - 1})
        await driver.start(behind)
        codes = [(await driver.result()).status for _ in range(2)]
        assert codes == [StatusCode.WGT_LATE, StatusCode.WATCHDOG], codes
        await driver.soft_reset()
        await driver.write(Register.WATCHDOG, 0)
        await jobs.check(*small_job(driver.config, 2, 3, seed=seed))
