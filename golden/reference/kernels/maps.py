"""Compiled loops over maps: laying them out flat, the output stage, pools."""

from __future__ import annotations

from typing import Any, NamedTuple

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.reference.kernels.jit import compiled


class Stage(NamedTuple):
    """The output stage in integers: what `golden.reference.spec.output_stage` does."""

    shift: int
    half: int
    low: int
    high: int
    wraps: bool
    before: bool
    scale: int
    scale_shift: int


@compiled
def lay_out(x: Int16Array, top: int, left: int, step: int, up: Int64Array, flat: Any) -> None:
    """Copy `x` (I, H, W), each channel shifted left by `up`, into planes of zeros.

    `flat` is (I, step, step, rows, columns) of padded maps, or (I/2, ..., columns, 2) where
    channels lie in pairs.
    """
    pairs = flat.shape[-1]
    for channel in range(x.shape[0]):
        for row in range(x.shape[1]):
            y, line = row + top, x[channel, row]
            for phase in range(step):
                first = (phase - left) % step
                begin = (first + left) // step
                some = line[first::step]
                to = flat[channel // pairs, y % step, phase, y // step, begin:, channel % pairs]
                for i in range(some.size):
                    to[i] = some[i] << up[channel]


@compiled
def finish(sums: Int64Array, bias: int, stage: Stage, out: Int16Array) -> None:
    """Write the activated 16-bit values of a run of sums."""
    for i in range(sums.size):
        value = sums[i] + bias
        if stage.before and value < 0:
            value = (value * stage.scale) >> stage.scale_shift
        value = (value + stage.half) >> stage.shift
        wrapped = ((value - stage.low) & (stage.high - stage.low)) + stage.low
        value = wrapped if stage.wraps else min(max(value, stage.low), stage.high)
        if not stage.before and value < 0:
            value = (value * stage.scale) >> stage.scale_shift
        out[i] = value


@compiled
def place(run: Any, start: int, row: int, out: Any) -> None:
    """Write a run of a flat map, from position `start`, into (OH, OW) without its padding."""
    stop = start + run.size
    for y in range(start // row, (stop - 1) // row + 1):
        first, last = max(start, y * row), min(stop, y * row + out.shape[1])
        if first < last:
            out[y, first - y * row : last - y * row] = run[first - start : last - start]


@compiled
def highest(x: Int16Array, size: int, step: int, beyond: int, out: Int16Array) -> None:
    """Write the maximum over windows of `x` (C, H, W), `beyond` outside it, to (C, OH, OW)."""
    _, height, width = x.shape
    for channel in range(out.shape[0]):
        for y in range(out.shape[1]):
            to = out[channel, y]
            to[:] = -32768
            for dy in range(size):
                inside = y * step + dy < height
                for dx in range(size):
                    known = min(to.size, (width - 1 - dx) // step + 1) if inside else 0
                    line = x[channel, y * step + dy, dx::step] if inside else x[channel, 0]
                    for i in range(known):
                        to[i] = max(to[i], line[i])
                    for i in range(known, to.size):
                        to[i] = max(to[i], beyond)
