"""The PE's registers, driven over AXI4-Lite from within the simulator."""

from __future__ import annotations

from typing import Any

from cocotb.handle import HierarchyObject
from cocotb.triggers import Lock, ReadOnly, RisingEdge

from golden.config import PEConfig
from tb.duts.conv_pe.registers import Register, StatusCode, build_registers


class BusError(AssertionError):
    """AXI4-Lite answered otherwise than expected."""


class AxiLiteDriver:
    """The AXI4-Lite port of ``sim_top``; one write and one read at a time, whoever asks.

    Parameters
    ----------
    dut : HierarchyObject
        ``sim_top``.
    config : PEConfig
        What it was built with; `check_build` asks the design.
    """

    def __init__(self, dut: HierarchyObject, config: PEConfig) -> None:
        self.dut: Any = dut
        self.config = config
        self._writing, self._reading = Lock(), Lock()
        self._written: dict[int, int] = {}

    async def clocks(self, count: int) -> None:
        """Let `count` clocks pass."""
        for _ in range(count):
            await RisingEdge(self.dut.clk)

    async def status(self) -> StatusCode:
        """How the last job ended."""
        return StatusCode((await self.read(Register.STATUS)) >> 8 & 0xFF)

    async def write(self, register: int, word: int) -> None:
        """Write one register.

        Raises
        ------
        BusError
            The PE refused it.
        """
        response = await self.try_write(register, word)
        if response != 0:
            raise BusError(f"write of {word:#x} to {Register(register).name} answered {response}")

    async def try_write(self, register: int, word: int, strobe: int = 0b1111) -> int:
        """Write one register and return the response: 0 OKAY, 2 SLVERR."""
        dut = self.dut
        self._written.pop(register, None)
        async with self._writing:
            dut.s_axil_awaddr.value = register
            dut.s_axil_awvalid.value = 1
            dut.s_axil_wdata.value = word
            dut.s_axil_wstrb.value = strobe
            dut.s_axil_wvalid.value = 1
            dut.s_axil_bready.value = 1
            await RisingEdge(dut.clk)
            dut.s_axil_awvalid.value = 0
            dut.s_axil_wvalid.value = 0
            await ReadOnly()
            assert int(dut.s_axil_bvalid.value) == 1, "AXI4-Lite write got no response"
            response = int(dut.s_axil_bresp.value)
            await RisingEdge(dut.clk)
        if response == 0:
            self._written[register] = word
        return response

    async def try_read(self, address: int) -> tuple[int, int]:
        """Read one register and return its word and the response."""
        dut = self.dut
        async with self._reading:
            dut.s_axil_araddr.value = address
            dut.s_axil_arvalid.value = 1
            dut.s_axil_rready.value = 1
            await RisingEdge(dut.clk)
            dut.s_axil_arvalid.value = 0
            await ReadOnly()
            assert int(dut.s_axil_rvalid.value) == 1, "AXI4-Lite read got no response"
            word, response = int(dut.s_axil_rdata.value), int(dut.s_axil_rresp.value)
            await RisingEdge(dut.clk)
        return word, response

    async def read(self, address: int) -> int:
        """Read one register.

        Raises
        ------
        BusError
            The PE refused it.
        """
        word, response = await self.try_read(address)
        if response != 0:
            raise BusError(f"read of {address:#x} answered {response}")
        return word

    async def check_build(self) -> None:
        """Assert that the design was built with `config`."""
        for register, expected in build_registers(self.config).items():
            found = await self.read(register)
            assert found == expected, (
                f"the design reports {register.name} {found:#x}, the configuration {expected:#x}"
            )
