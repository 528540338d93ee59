"""What of a job decides its cycles, whatever its tensors hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from golden.config import PEConfig
from golden.dataflow.schedule import PlannedJob
from golden.dataflow.tile import Job, groups
from golden.reference.readout import PLAIN, Readout

CHECK: Final = 18
"""Clocks from START to the end of the check, besides one a bit of the factors (job_check)."""


@dataclass(frozen=True, slots=True)
class JobShape:
    """What of a job decides its cycles."""

    layer: str
    in_rows: int
    in_columns: int
    """Input pixels."""
    in_groups: int
    out_groups: int
    """Lane groups of the channels."""
    rows: int
    columns: int
    """Pixels of the convolution."""
    kernel: tuple[int, int]
    """(KH, KW)."""
    pad_top: int = 0
    pad_left: int = 0
    readout: Readout = PLAIN
    own_channels: bool = False
    in_base: int = 0
    """First word of the tile memory."""
    after: int = 0
    """So many jobs of the list must have ended before."""
    macs: int = 0
    """Useful multiplications."""

    @property
    def words(self) -> int:
        """Words of the tile memory."""
        return self.in_rows * self.in_columns * self.in_groups

    @property
    def pixels(self) -> int:
        """Clocks of a pass, as long as the weights keep up."""
        return self.rows * self.columns

    @property
    def passes(self) -> int:
        """Passes of one group of output channels."""
        return self._pass_groups * self.kernel[0] * self.kernel[1]

    @property
    def products(self) -> int:
        """Clocks in which a pixel enters the array."""
        return self.out_groups * self.passes * self.pixels

    @property
    def reads(self) -> int:
        """Sums that the drain reads for one group of output channels."""
        out_rows, out_columns = self.readout.shape(self.rows, self.columns)
        if self.readout.upsample:
            return out_rows * out_columns
        return self._read(out_rows, self.rows) * self._read(out_columns, self.columns)

    @property
    def check(self) -> int:
        """Clocks of the descriptor check: a serial multiplier takes one a bit of a factor."""
        factors = (
            *(self.in_groups, self.in_rows, self.rows, self.kernel[1], self._pass_groups),
            *(self.pad_top, self.pad_left),
        )
        return CHECK + sum(max(1, factor.bit_length()) for factor in factors)

    @property
    def _pass_groups(self) -> int:
        return 1 if self.own_channels else self.in_groups

    def _read(self, outputs: int, side: int) -> int:
        """Pixels that all windows along one axis read, those in the padding left out."""
        size, stride = self.readout.size, self.readout.stride
        return sum(min(size, side - index * stride) for index in range(outputs))


def job_shape(
    job: Job | PlannedJob, config: PEConfig, in_base: int = 0, after: int = 0
) -> JobShape:
    """The shape of a job, whatever its tensors."""
    if isinstance(job, Job):
        conv, padding, own_channels = job.layer, job.layer.padding, job.own_channels
    else:
        conv, padding, own_channels = job.fused.conv, job.window.padding, job.fused.own_channels
    channels, rows, columns = job.input_shape
    return JobShape(
        layer=conv.name,
        in_rows=rows,
        in_columns=columns,
        in_groups=groups(channels, config.p_ic),
        out_groups=groups(job.tile.last_channel - job.tile.first_channel, config.p_oc),
        rows=job.tile.height,
        columns=job.tile.width,
        kernel=conv.kernel,
        pad_top=padding.top,
        pad_left=padding.left,
        readout=job.readout,
        own_channels=own_channels,
        in_base=in_base,
        after=after,
        macs=job.macs,
    )


def frame_shapes(jobs: Iterable[PlannedJob], config: PEConfig) -> list[JobShape]:
    """The shapes of a frame's plan."""
    return [job_shape(job, config, job.in_base, max(job.after, default=-1) + 1) for job in jobs]
