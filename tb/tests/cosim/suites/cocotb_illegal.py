"""Jobs that cannot run: each has its status code, and the next job is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from golden.config import PEConfig
from tb.cosim.driver import Driver
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.packing import read_recording
from tb.duts.conv_pe.registers import COUNTERS, PE_ID, SLOT_STRIDE, Register, StatusCode
from tb.tests.cosim.material import Jobs, assert_sound, small_job
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS, bench_of

SLVERR = 2
WATCHDOG_CYCLES = 150

KERNEL_FIELDS = {
    "kh": 0,
    "kw": 4,
    "stride": 8,
    "pad_top": 12,
    "pad_bottom": 16,
    "pad_left": 20,
    "pad_right": 24,
}


def size(rows: int, columns: int) -> int:
    """Word of IN_SIZE, OUT_SIZE or (outputs, inputs) CHANNELS."""
    return rows << 16 | columns


def kernel(base: int, **changes: int) -> int:
    """KERNEL with some fields replaced."""
    for name, value in changes.items():
        width = 3 if name == "stride" else 15
        shift = KERNEL_FIELDS[name]
        base = base & ~(width << shift) | value << shift
    return base


def illegal_descriptors(
    record: JobRecord, driver: Driver
) -> list[tuple[StatusCode, dict[int, int]]]:
    """Every way to ask for what the PE cannot do, from a legal 3x3 job on 4x4 pixels."""
    good, config = record.registers[Register.KERNEL], driver.config
    code = StatusCode
    sizes = [0, 1024, 0xFFFF]
    cases: list[tuple[StatusCode, dict[int, int]]] = []
    for bad in sizes:
        cases += [(code.SIZE, {Register.IN_SIZE: size(bad, 4)})]
        cases += [(code.SIZE, {Register.IN_SIZE: size(4, bad)})]
        cases += [(code.SIZE, {Register.OUT_SIZE: size(bad, 4)})]
        cases += [(code.SIZE, {Register.OUT_SIZE: size(4, bad)})]
    for bad in (0, 4096, 0xFFFF):
        cases += [(code.SIZE, {Register.CHANNELS: size(bad, 4)})]
        cases += [(code.SIZE, {Register.CHANNELS: size(4, bad)})]
    for bad in (0, 8, 9, 15):
        cases += [(code.KERNEL, {Register.KERNEL: kernel(good, kh=bad)})]
        cases += [(code.KERNEL, {Register.KERNEL: kernel(good, kw=bad)})]
    for bad in (0, 3):
        cases += [(code.STRIDE, {Register.KERNEL: kernel(good, stride=bad)})]
    for side in ("pad_top", "pad_bottom", "pad_left", "pad_right"):
        cases += [(code.PADDING, {Register.KERNEL: kernel(good, **{side: 3})})]
        cases += [(code.GEOMETRY, {Register.KERNEL: kernel(good, **{side: 0})})]
    for rows, columns in ((3, 4), (5, 4), (4, 3), (4, 5)):
        cases += [(code.GEOMETRY, {Register.IN_SIZE: size(rows, columns)})]
        cases += [(code.GEOMETRY, {Register.OUT_SIZE: size(rows, columns)})]
    words = config.input_words
    wide = size(2, words // 2 + 1)
    one = kernel(0, kh=1, kw=1, stride=1)
    cases += [
        (code.INPUT_MEMORY, {Register.IN_BASE: words - 15}),
        (code.INPUT_MEMORY, {Register.IN_BASE: 0xFFFF}),
        (
            code.INPUT_MEMORY,
            {Register.IN_SIZE: wide, Register.OUT_SIZE: wide, Register.KERNEL: one},
        ),
        (code.INPUT_MEMORY, {Register.CHANNELS: size(4, 4095)}),
        (
            code.TILE_PIXELS,
            {
                Register.IN_SIZE: size(1, config.tile_pixels + 1),
                Register.OUT_SIZE: size(1, config.tile_pixels + 1),
                Register.KERNEL: one,
            },
        ),
    ]
    for bad in (config.acc_w, 63):
        cases += [(code.SHIFT, {Register.POST: bad})]
    cases += [(code.ACTIVATION, {Register.POST: 3 << 12})]
    return cases + illegal_readouts(config)


def illegal_readouts(config: PEConfig) -> list[tuple[StatusCode, dict[int, int]]]:
    """Windows larger than what they pool, contradictions, channels that are not the input's."""
    one = kernel(0, kh=1, kw=1, stride=1)
    two, three, stride_2, pad_bottom, pad_right, up, own = 2, 3, 16, 32, 64, 256, 4096
    cases: list[tuple[StatusCode, dict[int, int]]] = [
        (StatusCode.POOL, {Register.POOL: word}) for word in (stride_2, up | two, up | three)
    ]
    for rows, columns, word in (
        *((1, 4, two), (4, 1, two), (1, 4, two | pad_right), (4, 1, two | pad_bottom)),
        *((2, 4, three | stride_2), (4, 2, three), (2, 4, three | pad_right)),
    ):
        tile: dict[int, int] = {
            Register.IN_SIZE: size(rows, columns),
            Register.OUT_SIZE: size(rows, columns),
        }
        cases += [(StatusCode.POOL, {**tile, Register.KERNEL: one, Register.POOL: word})]
    for outputs, inputs in ((4, 5), (5, 4), (8, 4)):
        channels: dict[int, int] = {Register.CHANNELS: size(outputs, inputs)}
        cases += [(StatusCode.OWN_CHANNELS, {**channels, Register.POOL: own})]
    if config.p_ic != config.p_oc:
        cases += [(StatusCode.OWN_CHANNELS, {Register.POOL: own})]
    return cases


def assert_closed(record: JobRecord, jobs: Jobs) -> None:
    """The output is one empty beat with TLAST and TUSER, after whatever came before."""
    recording = read_recording(jobs.folder / f"{record.stem}.out", jobs.driver.config)
    assert recording.last.tolist() == [False] * (len(recording.last) - 1) + [True]
    assert recording.user[-1] and not recording.user[:-1].any()
    assert not recording.keep[-1].any()


async def expect(
    driver: Driver, jobs: Jobs, record: JobRecord, code: StatusCode, case: str
) -> None:
    """Await the running job's end with this code and a closed output."""
    end = await driver.result()
    assert_sound(driver, record, end)
    assert end.status is code, f"{case}: status {end.status.name}, {code.name} expected"
    printed = await driver.status()
    assert printed is code, f"{case}: STATUS says {printed.name}, {code.name} expected"
    assert_closed(record, jobs)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def names_every_illegal_descriptor(dut: Any) -> None:
    """Each descriptor that the PE cannot run ends with its code; the next job is right."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    good = small_job(driver.config, output=(4, 4))
    record = jobs.write(*good)
    for code, changes in illegal_descriptors(record, driver):
        case = f"{ {Register(r).name: hex(w) for r, w in changes.items()} }"
        await driver.start(record, {**record.registers, **changes})
        await expect(driver, jobs, record, code, case)
        await jobs.check(*small_job(driver.config, 2, 3, (1, 1), (1, 2), seed=int(code)))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def names_every_stream_that_ends_at_the_wrong_beat(dut: Any) -> None:
    """TLAST early at every beat, and late by one and by many, on both inputs."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    job, expected = small_job(driver.config, 5, 6, (2, 2), (2, 2), seed=9)
    whole = jobs.write(job, expected)
    for stream, beats in (("act", whole.act_beats), ("wgt", whole.wgt_beats)):
        for count in [*range(1, beats), beats + 1, beats + 9]:
            record = resized(jobs, jobs.write(job, expected), stream, count)
            end = "EARLY" if count < beats else "LATE"
            await driver.start(record)
            case = f"{stream} of {count} beats, not {beats}"
            await expect(driver, jobs, record, StatusCode[f"{stream.upper()}_{end}"], case)
        await jobs.check(job, expected)


def resized(jobs: Jobs, record: JobRecord, stream: str, beats: int) -> JobRecord:
    """The record with one stream cut or drawn out to another number of beats."""
    path = jobs.folder / f"{record.stem}.{stream}"
    raw = np.fromfile(path, np.uint8)
    width = raw.size // getattr(record, f"{stream}_beats")
    np.resize(raw, beats * width).tofile(path)
    if stream == "act":
        return replace(record, act_beats=beats)
    return replace(record, wgt_beats=beats)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def ends_a_stream_that_never_comes(dut: Any) -> None:
    """Nothing, or a part without TLAST, on either input: the watchdog ends the job."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    job, expected = small_job(driver.config, 5, 6, (2, 2), (2, 2), seed=9)
    whole = jobs.write(job, expected)
    for stream, beats in (("act", whole.act_beats), ("wgt", whole.wgt_beats)):
        for count in (0, 1, beats // 2, beats - 1):
            await driver.write(Register.WATCHDOG, WATCHDOG_CYCLES)
            record = jobs.write(job, expected)
            await driver.start(record, hold={stream: count})
            await expect(driver, jobs, record, StatusCode.WATCHDOG, f"{stream} stops at {count}")
            await driver.soft_reset()
            await driver.write(Register.WATCHDOG, 0)
            await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def waits_for_ever_without_a_watchdog(dut: Any) -> None:
    """With WATCHDOG 0 the PE keeps waiting; the bench's own limit tells of it."""
    driver = await bench_of(dut)
    jobs = Jobs(driver)
    job, expected = small_job(driver.config, 2, 2)
    record = replace(jobs.write(job, expected), act_beats=0, limit=2000)
    _, verdict = await driver.run(record, jobs.folder)
    failure = verdict.failure
    assert failure is not None and failure.kind == "timeout"
    await driver.soft_reset()
    await jobs.check(job, expected)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refuses_unknown_and_read_only_registers(dut: Any) -> None:
    """Bad addresses and partial writes answer SLVERR and change nothing."""
    driver = await bench_of(dut)
    results = {*COUNTERS, Register.ERROR}
    known = {int(register) for register in Register} | {r + SLOT_STRIDE for r in results}
    writable = {
        *(Register.CONTROL, Register.WATCHDOG, Register.IN_SIZE, Register.OUT_SIZE),
        *(Register.CHANNELS, Register.KERNEL, Register.POST, Register.IN_BASE, Register.POOL),
    }
    for address in range(256):
        if address not in writable:
            assert await driver.try_write(address, 0) == SLVERR, hex(address)
        if address not in known - {Register.CONTROL}:
            assert (await driver.try_read(address))[1] == SLVERR, hex(address)
    for register in sorted(writable - {Register.CONTROL}):
        await driver.write(register, 0x1234_5678)
        for strobe in range(15):
            assert await driver.try_write(register, 0, strobe) == SLVERR
        assert await driver.read(register) == 0x1234_5678
    await driver.reset()
    await Jobs(driver).check(*small_job(driver.config))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def holds_a_response_until_it_is_taken(dut: Any) -> None:
    """A write's and a read's answer stay as they are while nobody takes them."""
    driver = await bench_of(dut)
    dut.s_axil_bready.value = 0
    dut.s_axil_awaddr.value = Register.WATCHDOG
    dut.s_axil_wdata.value = 0
    dut.s_axil_wstrb.value = 0b1111
    dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 1
    dut.s_axil_rready.value = 0
    dut.s_axil_araddr.value = Register.ID
    dut.s_axil_arvalid.value = 1
    await driver.clocks(1)
    dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = dut.s_axil_arvalid.value = 0
    await driver.clocks(8)
    assert not driver.rule_broken, (Jobs(driver).folder / "checker.txt").read_text()
    assert int(dut.s_axil_bvalid.value) == int(dut.s_axil_rvalid.value) == 1
    assert int(dut.s_axil_bresp.value) == int(dut.s_axil_rresp.value) == 0
    assert int(dut.s_axil_rdata.value) == PE_ID
    dut.s_axil_bready.value = dut.s_axil_rready.value = 1
    await driver.clocks(2)
    assert int(dut.s_axil_bvalid.value) == int(dut.s_axil_rvalid.value) == 0
