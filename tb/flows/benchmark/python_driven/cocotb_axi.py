"""cocotb test: streams driven by the models of ``cocotbext-axi``, a dependency of the tests."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from tb.flows.benchmark.python_driven.cocotb_python import begin, run_jobs


class ModelStreams:
    """A model for each stream; a job's stream is one frame."""

    def __init__(self, dut: Any) -> None:
        self._sources = {
            name: AxiStreamSource(AxiStreamBus.from_prefix(dut, f"s_axis_{name}"), dut.clk, dut.rst)
            for name in ("act", "wgt")
        }
        self._sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_out"), dut.clk, dut.rst)
        self._sizes = {
            name: len(getattr(dut, f"s_axis_{name}_tdata")) // 8 for name in self._sources
        }
        self._frames: dict[tuple[int, str], AxiStreamFrame] = {}

    def load(self, number: int, act: bytes, wgt: bytes) -> None:
        """Turn a job's beats into frames, which have the lowest byte first."""
        for name, data in (("act", act), ("wgt", wgt)):
            size = self._sizes[name]
            beats = (data[at : at + size][::-1] for at in range(0, len(data), size))
            self._frames[number, name] = AxiStreamFrame(b"".join(beats))

    async def send(self, number: int) -> None:
        """Hand both frames to their models."""
        for name, source in self._sources.items():
            await source.send(self._frames[number, name])

    async def receive(self) -> bytes:
        """Await a frame. The model drops bytes that are not kept: channels must fill the lanes."""
        frame = await self._sink.recv()
        return bytes(frame.tdata)


@cocotb.test()
async def computes_every_value_when_models_drive_each_beat(dut: Any) -> None:
    """The jobs of the working folder, timed."""
    streams = ModelStreams(dut)
    await begin(dut)
    await run_jobs(dut, streams)
