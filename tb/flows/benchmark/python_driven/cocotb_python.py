"""cocotb test: streams driven from plain Python, a wake-up a clock edge."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from tb.flows.benchmark.python_driven.timed_jobs import begin, run_jobs


class PythonStreams:
    """Tasks that set and read the ports, one beat after the other."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self._beats: dict[tuple[int, str], list[int]] = {}
        dut.s_axis_act_tvalid.value = dut.s_axis_wgt_tvalid.value = 0
        dut.m_axis_out_tready.value = 0

    def load(self, number: int, act: bytes, wgt: bytes) -> None:
        """Turn a job's beats into the integers that the ports take."""
        for name, data in (("act", act), ("wgt", wgt)):
            size = len(getattr(self._dut, f"s_axis_{name}_tdata")) // 8
            self._beats[number, name] = [
                int.from_bytes(data[at : at + size], "big") for at in range(0, len(data), size)
            ]

    async def send(self, number: int) -> None:
        """Begin to send both streams, each in a task of its own."""
        for name in ("act", "wgt"):
            cocotb.start_soon(self._drive(f"s_axis_{name}", self._beats[number, name]))

    async def _drive(self, prefix: str, beats: list[int]) -> None:
        dut = self._dut
        data, last = getattr(dut, f"{prefix}_tdata"), getattr(dut, f"{prefix}_tlast")
        valid, ready = getattr(dut, f"{prefix}_tvalid"), getattr(dut, f"{prefix}_tready")
        valid.value = 1
        for left, beat in zip(range(len(beats) - 1, -1, -1), beats, strict=True):
            data.value = beat
            last.value = left == 0
            await RisingEdge(dut.clk)
            while ready.value != 1:
                await RisingEdge(dut.clk)
        valid.value = 0

    async def receive(self) -> bytes:
        """Take beats until the last one of a job."""
        dut = self._dut
        size = len(dut.m_axis_out_tdata) // 8
        taken = []
        dut.m_axis_out_tready.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.m_axis_out_tvalid.value == 1:
                taken.append(dut.m_axis_out_tdata.value.to_unsigned().to_bytes(size, "little"))
                if dut.m_axis_out_tlast.value == 1:
                    return b"".join(taken)


@cocotb.test()
async def computes_every_value_when_python_drives_each_beat(dut: Any) -> None:
    """The jobs of the working folder, timed."""
    streams = PythonStreams(dut)
    await begin(dut)
    await run_jobs(dut, streams)
