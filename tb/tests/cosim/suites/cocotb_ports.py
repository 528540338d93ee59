"""The ports: no output moves with an input, and AXI4-Lite takes its channels in every order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge, Timer, with_timeout

from tb.duts.conv_pe.registers import PE_ID, Register
from tb.tests.cosim.material import small_job
from tb.tests.cosim.suites.cocotb_axi import LIMIT_US, OKAY, SLVERR, AxiBench, pauses, watch_rules
from tb.tests.cosim.suites.cocotb_streams import LIMIT_MS
from tb.toolchain.waves import CYCLE_NS

INPUTS: Final = (
    *("s_axil_awaddr", "s_axil_awvalid", "s_axil_wdata", "s_axil_wstrb", "s_axil_wvalid"),
    *("s_axil_bready", "s_axil_araddr", "s_axil_arvalid", "s_axil_rready"),
    *("s_axis_act_tdata", "s_axis_act_tvalid", "s_axis_act_tlast"),
    *("s_axis_wgt_tdata", "s_axis_wgt_tvalid", "s_axis_wgt_tlast", "m_axis_out_tready"),
)
"""All but the reset, whose edges the AXI models follow."""
OUTPUTS: Final = (
    *("s_axil_awready", "s_axil_wready", "s_axil_bresp", "s_axil_bvalid", "s_axil_arready"),
    *("s_axil_rdata", "s_axil_rresp", "s_axil_rvalid", "irq"),
    *("s_axis_act_tready", "s_axis_wgt_tready"),
    *("m_axis_out_tdata", "m_axis_out_tkeep", "m_axis_out_tvalid", "m_axis_out_tlast"),
    "m_axis_out_tuser",
)
STAGED: Final = (
    *(Register.WATCHDOG, Register.IN_SIZE, Register.OUT_SIZE, Register.CHANNELS),
    *(Register.KERNEL, Register.POST, Register.IN_BASE, Register.POOL),
)
"""Registers that keep any word."""


def outputs(dut: Any) -> dict[str, str]:
    """What stands on the output ports."""
    return {name: str(getattr(dut, name).value) for name in OUTPUTS}


async def meddle(dut: Any) -> None:
    """Change inputs at random in the middle of each cycle, and put them back before its end."""
    draw = random.Random(1)
    while True:
        await FallingEdge(dut.clk)
        before = outputs(dut)
        were = {name: getattr(dut, name).value for name in INPUTS}
        for name in INPUTS:
            handle = getattr(dut, name)
            handle.value = draw.choice((0, (1 << len(handle)) - 1))
        await Timer(1, "ns")
        await ReadOnly()
        after = outputs(dut)
        moved = [name for name in OUTPUTS if after[name] != before[name]]
        assert not moved, f"{', '.join(moved)} moves with an input within a cycle"
        await Timer(1, "ns")
        for name, value in were.items():
            getattr(dut, name).value = value


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def holds_every_output_between_two_clocks(dut: Any) -> None:
    """Whatever the inputs do between two clock edges, no output port follows."""
    bench = AxiBench(dut)
    await bench.reset()
    channels = (
        *(bench.act, bench.wgt, bench.out, bench.registers.write_if.aw_channel),
        *(bench.registers.write_if.w_channel, bench.registers.read_if.r_channel),
    )
    for number, channel in enumerate(channels):
        channel.set_pause_generator(pauses(number))
    meddler = cocotb.start_soon(meddle(dut))
    for seed in range(2):
        await bench.check(*small_job(bench.config, 5, 6, (2, 3), (2, 2), seed=seed))
    meddler.cancel()


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def offers_its_output_before_it_is_asked(dut: Any) -> None:
    """TVALID does not wait for TREADY."""
    bench = AxiBench(dut)
    await bench.reset()
    bench.out.pause = True
    job, expected = small_job(bench.config, 2, 3)
    await bench.start(job)
    if not int(dut.m_axis_out_tvalid.value):
        await with_timeout(RisingEdge(dut.m_axis_out_tvalid), LIMIT_US, "us")
    await bench.reset()
    for model in (bench.act, bench.wgt, bench.out):
        model.clear()
    bench.out.pause = False
    await bench.check(job, expected)


async def quieten(dut: Any) -> None:
    """Reset the PE with every input low, and leave the ports to the test: no model drives them."""
    Clock(dut.clk, CYCLE_NS, unit="ns").start()
    for name in INPUTS:
        getattr(dut, name).value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 1)
    cocotb.start_soon(watch_rules(dut))


@dataclass(frozen=True, slots=True)
class Write:
    """A write, the clocks that each channel waits before it, and the answer it must get."""

    address: int
    word: int
    strobe: int
    answer: int
    waits: tuple[int, int, int]
    """Before AWVALID, WVALID and BREADY."""


class Channels:
    """The AXI4-Lite port, each of its channels driven on its own."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut

    async def send(self, channel: str, words: Iterable[tuple[int, dict[str, int]]]) -> None:
        """Offer payloads in turn, each after so many clocks, until it is taken; then spoil it."""
        valid = getattr(self.dut, f"s_axil_{channel}valid")
        ready = getattr(self.dut, f"s_axil_{channel}ready")
        for wait, payload in words:
            await self._idle(wait)
            for name, value in payload.items():
                getattr(self.dut, f"s_axil_{name}").value = value
            valid.value = 1
            await RisingEdge(self.dut.clk)
            while not int(ready.value):
                await RisingEdge(self.dut.clk)
            valid.value = 0
            for name, value in payload.items():
                handle = getattr(self.dut, f"s_axil_{name}")
                handle.value = ~value & ((1 << len(handle)) - 1)

    async def take(self, channel: str, waits: Iterable[int]) -> list[tuple[int, ...]]:
        """Take answers, each so many clocks after it is offered; ready is low until then."""
        names = {"b": ("bresp",), "r": ("rresp", "rdata")}[channel]
        valid = getattr(self.dut, f"s_axil_{channel}valid")
        ready = getattr(self.dut, f"s_axil_{channel}ready")
        taken = []
        for wait in waits:
            await self._offered(valid)
            await self._idle(wait)
            ready.value = 1
            await RisingEdge(self.dut.clk)
            taken.append(tuple(int(getattr(self.dut, f"s_axil_{n}").value) for n in names))
            ready.value = 0
            await RisingEdge(self.dut.clk)
        return taken

    async def _offered(self, valid: Any) -> None:
        for _ in range(200):
            if int(valid.value):
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError("no answer within 200 clocks")

    async def _idle(self, clocks: int) -> None:
        if clocks:
            await ClockCycles(self.dut.clk, clocks)


async def write_all(dut: Any, writes: list[Write]) -> None:
    """Send writes, address and data each at its own pace, and judge the answers."""
    port = Channels(dut)
    for channel, payload in (
        ("aw", [(w.waits[0], {"awaddr": w.address}) for w in writes]),
        ("w", [(w.waits[1], {"wdata": w.word, "wstrb": w.strobe}) for w in writes]),
    ):
        cocotb.start_soon(port.send(channel, payload))
    answers = await port.take("b", [w.waits[2] for w in writes])
    assert answers == [(w.answer,) for w in writes]


async def read_all(dut: Any, addresses: list[int], waits: list[tuple[int, int]]) -> list[int]:
    """Read registers, addresses and answers each at its own pace."""
    port = Channels(dut)
    payload = [(wait[0], {"araddr": a}) for a, wait in zip(addresses, waits, strict=True)]
    cocotb.start_soon(port.send("ar", payload))
    answers = await port.take("r", [wait[1] for wait in waits])
    assert [answer for answer, _ in answers] == [OKAY] * len(addresses)
    return [word for _, word in answers]


def random_writes(draw: random.Random, kept: dict[int, int]) -> Iterator[Write]:
    """Writes that are taken, to every register that keeps its word, and writes that are not."""
    orders = itertools.product((0, 1, 2, 7), repeat=3)
    for waits in [*orders, *(tuple(draw.choices(range(5), k=3)) for _ in range(60))]:
        address, word = draw.choice(STAGED), draw.getrandbits(32)
        strobe, answer = 0b1111, OKAY
        if draw.random() < 0.25:
            strobe, answer = draw.choice(((draw.randrange(15), SLVERR), (0b1111, OKAY)))
        if answer == OKAY:
            kept[address] = word
        yield Write(address, word, strobe, answer, (waits[0], waits[1], waits[2]))


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_address_data_and_answers_in_every_order(dut: Any) -> None:
    """AW before W, W before AW, both at once, answers left waiting; reads at the same time."""
    await quieten(dut)
    draw = random.Random(1)
    kept: dict[int, int] = {}
    writes = list(random_writes(draw, kept))
    writer = cocotb.start_soon(write_all(dut, writes))
    waits = [(draw.randrange(4), draw.randrange(4)) for _ in range(80)]
    assert set(await read_all(dut, [Register.ID] * 80, waits)) == {PE_ID}
    await writer
    words = await read_all(dut, list(kept), [(0, 0)] * len(kept))
    assert dict(zip(kept, words, strict=True)) == kept


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def takes_a_write_every_two_clocks(dut: Any) -> None:
    """Address and data together, the answer taken at once: ten writes in twenty clocks."""
    await quieten(dut)
    dut.s_axil_awaddr.value = Register.WATCHDOG
    dut.s_axil_wdata.value = 7
    dut.s_axil_wstrb.value = 0b1111
    for signal in ("awvalid", "wvalid", "bready"):
        getattr(dut, f"s_axil_{signal}").value = 1
    taken = 0
    for _ in range(20):
        await RisingEdge(dut.clk)
        assert str(dut.s_axil_awready.value) == str(dut.s_axil_wready.value)
        taken += int(dut.s_axil_awready.value)
    assert taken == 10
