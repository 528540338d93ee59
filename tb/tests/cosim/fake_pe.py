"""A PE that is no simulator: it computes each job from its input file with the golden kernels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from golden.dataflow.tile import groups
from golden.reference import kernels
from tb.cosim.failure import Failure
from tb.cosim.scoreboard import in_stream_order
from tb.cosim.sequencer import JobEnd
from tb.duts.conv_pe.job_record import NEVER, JobRecord
from tb.duts.conv_pe.packing import Recording, Tap
from tb.duts.conv_pe.registers import StatusCode
from tb.flows.sim.prepare import Prepared

AHEAD = 3
"""Cycles before a job's end that belong to the next one."""
QUEUE = 3
"""Jobs in flight."""


@dataclass
class FakePE:
    """Stands in for `tb.cosim.driver.Driver`.

    Parameters
    ----------
    folder : Path
    prepared : Prepared
        Knows the layers; their numbers are not in the records.
    fault : callable, optional
        Given a job's number and its values (C, H, W) before the readout, returns others.
    """

    folder: Path
    prepared: Prepared
    fault: Callable[[int, Int16Array], Int16Array] = lambda number, values: values
    hangs_at: int | None = None
    rule_broken: bool = False
    started: list[JobRecord] = field(default_factory=list)
    most_in_flight: int = 0
    _ended: int = 0
    _ahead: int = 0
    _clock: int = 1000
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, record: JobRecord) -> None:
        """Wait for a free place and take the job."""
        while len(self.started) - self._ended >= QUEUE:
            self._room.clear()
            await self._room.wait()
        self.started.append(record)
        self.most_in_flight = max(self.most_in_flight, len(self.started) - self._ended)
        self._compute(record, len(self.started) - 1)

    async def result(self) -> JobEnd:
        """The oldest job's end."""
        await asyncio.sleep(0)
        index = self._ended
        self._ended += 1
        self._room.set()
        early = self.started[index].act_drop != NEVER
        status = StatusCode.ACT_EARLY if early else StatusCode.NONE
        # While a job's last values leave, the next one's first products are made.
        ahead = AHEAD if len(self.started) > index + 1 else 0
        products = self.started[index].mac_cycles + ahead - self._ahead
        counters = {"cycles": products + 30, "mac_cycles": products, "stall_input": 20}
        counters |= {"stall_weights": 0, "stall_drain": 7, "stall_other": 3}
        self._ahead, start = ahead, self._clock
        self._clock += products + 30
        timeout = index == self.hangs_at
        number = self.started[index].number
        return JobEnd(number, status, counters, start, self._clock, timeout=timeout)

    def failure(self, record: JobRecord, end: JobEnd) -> Failure | None:
        """A job that hangs."""
        return Failure("timeout", f"{record.layer}: hangs", record.layer) if end.timeout else None

    def _compute(self, record: JobRecord, index: int) -> None:
        planned = self.prepared.jobs[index % len(self.prepared.jobs)]
        config = self.prepared.config
        channels = planned.fused.input_shape[0]
        shape = (planned.window.height, planned.window.width)
        raw = np.fromfile(self.folder / f"{record.stem}.act", f">i{config.act_w // 8}")
        words = raw.reshape(*shape, groups(channels, config.p_ic), config.p_ic)[..., ::-1]
        tensor = words.reshape(*shape, -1)[:, :, :channels].transpose(2, 0, 1).astype(np.int16)
        layer = planned.fused.conv.select(*planned.channels)
        layer = replace(layer, padding=planned.window.padding)
        values = self.fault(index, kernels.conv(np.ascontiguousarray(tensor), layer))
        write_tap(self.folder / f"{record.stem}.tap", values, record, config)
        if record.act_drop != NEVER:
            values = values[:0]
        left = planned.readout.apply(values) if len(values) else values
        write_out(self.folder / f"{record.stem}.out", left, config)


def write_out(path: Path, values: Int16Array, config: PEConfig) -> None:
    """What the recorder would have written, as numpy's arrays."""
    beats, live = (
        in_stream_order(values, config) if len(values) else (np.zeros((0, config.p_oc)),) * 2
    )
    with path.open("wb") as file:
        np.savez(file, beats=beats, live=live)


def write_tap(path: Path, values: Int16Array, record: JobRecord, config: PEConfig) -> None:
    """What the tap's recorder would have written."""
    order = record.readout.order(record.tile.height, record.tile.width)
    channels = groups(len(values), config.p_oc) * config.p_oc
    flat = np.zeros((channels, record.tile.pixels), np.int16)
    flat[: len(values)] = values.reshape(len(values), -1)
    reads = flat[:, order].reshape(-1, config.p_oc, len(order)).transpose(0, 2, 1)
    with path.open("wb") as file:
        np.save(file, reads.reshape(-1, config.p_oc))


def read_out(path: Path, config: PEConfig) -> Recording:
    """Stands in for `tb.duts.conv_pe.packing.read_recording`."""
    with path.open("rb") as file, np.load(file) as found:
        beats, live = found["beats"].astype(np.int16), found["live"].astype(bool)
    last = np.arange(len(beats)) == len(beats) - 1
    return Recording(beats, live, last, np.zeros_like(last), np.arange(len(beats)))


def read_tap(path: Path, config: PEConfig) -> Tap:
    """Stands in for `tb.duts.conv_pe.packing.read_tap`."""
    with path.open("rb") as file:
        values = np.load(file)
    return Tap(values, np.arange(len(values)))
