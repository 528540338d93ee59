"""cocotb test: jobs of a folder, timed, every beat of which plain Python moves.

The plain way to write such a test bench: tasks that wake up at each clock edge, set and
read the ports of ``port_top``, and go on to the next beat. What moves a stream's beats
is the caller's of `run_jobs`, so that several ways can be timed on the same jobs.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotb.utils import get_sim_time

from golden.config import PEConfig
from tb.cosim.axil_driver import AxiLiteDriver
from tb.cosim.scoreboard import in_stream_order
from tb.duts.conv_pe.job_record import JobRecord, read_jobs
from tb.duts.conv_pe.registers import Control, Register, StatusCode
from tb.toolchain.waves import CYCLE_NS

DRIVEN: Final = "driven.json"
"""Where the simulation leaves its `Driven`."""
RESET_CLOCKS: Final = 4
DATA_ENDINGS: Final = ("act", "wgt")


@dataclass(frozen=True, slots=True)
class Driven:
    """What the jobs of a folder took, from the first start to the last end."""

    jobs: int
    beats: int
    cycles: int
    cpu_seconds: float
    wall_seconds: float


class Streams(Protocol):
    """Moves the beats of the three streams."""

    def load(self, number: int, act: bytes, wgt: bytes) -> None:
        """Take a job's beats, top byte first, into whatever form is sent."""

    async def send(self, number: int) -> None:
        """Begin to send a job's activations and weights."""

    async def receive(self) -> bytes:
        """Await a job's output to its last beat; the bytes, lowest first."""


async def begin(dut: Any) -> None:
    """Start the clock, which Python makes, and reset the design."""
    for name in ("aw", "w", "ar"):
        getattr(dut, f"s_axil_{name}valid").value = 0
    dut.rst.value = 1
    Clock(dut.clk, CYCLE_NS, unit="ns").start()
    for _ in range(RESET_CLOCKS):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def run_jobs(dut: Any, streams: Streams) -> None:
    """Run the jobs of the working folder one by one, compare, and write down what they took."""
    folder = Path.cwd()
    config, records = read_jobs(folder)
    for record in records:
        act, wgt = ((folder / f"{record.stem}.{ending}").read_bytes() for ending in DATA_ENDINGS)
        streams.load(record.number, act, wgt)
    registers = AxiLiteDriver(dut, config)
    outputs = []
    begun = time.process_time(), time.monotonic(), get_sim_time("ns")
    for record in records:
        outputs.append(await _run_job(dut, registers, streams, record))
    ended = time.process_time(), time.monotonic(), get_sim_time("ns")
    for record, output in zip(records, outputs, strict=True):
        _compare(folder, record, output, config)
    await ReadOnly()
    assert dut.rule_broken.value == 0, (folder / "checker.txt").read_text()
    cpu, wall, clocks = (after - before for before, after in zip(begun, ended, strict=True))
    beats = sum(record.act_beats + record.wgt_beats + record.out_beats for record in records)
    driven = Driven(len(records), beats, round(clocks / CYCLE_NS), cpu, wall)
    (folder / DRIVEN).write_text(json.dumps(asdict(driven)))


async def _run_job(
    dut: Any, registers: AxiLiteDriver, streams: Streams, record: JobRecord
) -> bytes:
    for address, word in record.registers.items():
        await registers.write(address, word)
    receiving = cocotb.start_soon(streams.receive())
    await streams.send(record.number)
    await registers.write(Register.CONTROL, Control.START | Control.IRQ_CLEAR)
    output: bytes = await receiving
    while dut.irq.value != 1:
        await RisingEdge(dut.clk)
    status = await registers.status()
    assert status is StatusCode.NONE, f"{record.layer}: job {record.number} ended with {status}"
    return output


def _compare(folder: Path, record: JobRecord, output: bytes, config: PEConfig) -> None:
    """Assert that every value of a job is what the reference model expects."""
    expected = np.load(folder / f"{record.stem}.expected.npy")
    values, live = in_stream_order(expected, config)
    found = np.frombuffer(output, f"<i{config.act_w // 8}").reshape(-1, config.p_oc)
    name = f"{record.layer}: job {record.number}"
    assert found.shape == values.shape, f"{name}: {len(found)} beats of {len(values)}"
    wrong = int((found != values)[live].sum())
    assert not wrong, f"{name}: {wrong} of {expected.size} values differ"


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
