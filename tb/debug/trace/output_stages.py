"""What comes out of the PE: reads of finished sums, the output arithmetic, the stream."""

from __future__ import annotations

from typing import Final

import numpy as np

from tb.debug.trace import job_numbers
from tb.debug.trace.transactions import (
    Row,
    Transactions,
    Value,
    View,
    known,
    lanes,
    one,
    pick,
    split,
)
from tb.debug.trace.wave_file import UNKNOWN, Cell, Ints

_SUM: Final = 1
_ROUNDED: Final = 2
_VALUE: Final = 3
_HIGHEST: Final = 4
"""Steps of the drain from a read to each register."""


def reads(view: View) -> Transactions:
    """Finished sums that the drain fetches, in the order of the readout."""
    wave = view.wave
    at = np.flatnonzero(wave.flag("drain_read"))
    job, places = _read_places(view, at)
    shown = {"pixel": "drain_pixel", "bank": "drain_bank", "window ends": "drainer.window_last"}
    return Transactions(
        "drain",
        wave.cycles[at],
        job,
        {**places, **{title: wave.ints(name)[at] for title, name in shown.items()}},
    )


def values(view: View) -> Transactions:
    """One lane's way from a sum to a value and to the window's highest."""
    wave, lane = view.wave, view.lane
    steps = np.flatnonzero(wave.flag("step"))
    number = np.flatnonzero(wave.flag("value_valid")[steps])
    job, places = _behind(view, steps, number - _VALUE)
    scope = f"post_stage.g_lane[{lane}].lane"
    at = {name: _at(steps, number - _VALUE + name) for name in (_SUM, _ROUNDED, _VALUE, _HIGHEST)}
    return Transactions(
        "output-stage",
        wave.cycles[steps[number]],
        job,
        {**places, "channel": known(np.add, places["channel"], lane)},
        {
            "sum": one(wave, f"{scope}.sum", at[_SUM], "sum"),
            "rounded": one(wave, f"{scope}.rounded", at[_ROUNDED], "output"),
            "value": one(wave, f"{scope}.value", at[_VALUE], "output"),
            "highest": one(wave, f"{scope}.highest", at[_HIGHEST], "output"),
        },
    )


def beats(view: View) -> Transactions:
    """Beats that leave on ``m_axis_out``: up to P_OC channels of one output pixel."""
    wave = view.wave
    moved = wave.flag("m_axis_out_tvalid") & wave.flag("m_axis_out_tready")
    at = np.flatnonzero(moved)
    ready = wave.flag("skid_ready")
    entered = np.flatnonzero((wave.flag("control.close_valid") | wave.flag("out_valid")) & ready)
    held = int(wave.flag("out_skid.out_valid")[0]) + int(wave.flag("out_skid.spare_valid")[0])
    source = _at(entered, np.arange(len(at)) - held)
    closing = pick(wave.flag("control.close_valid").astype(np.int64), source) == 1
    steps = np.flatnonzero(wave.flag("step"))
    number = np.searchsorted(steps, source) - _HIGHEST
    number = np.where((source == UNKNOWN) | closing, -1, number)
    _, places = _behind(view, steps, number)
    return Transactions(
        "output",
        wave.cycles[at],
        job_numbers.ended(wave)[at],
        {
            "channel": places["channel"],
            "row": places["out row"],
            "column": places["out column"],
            "last": wave.ints("m_axis_out_tlast")[at],
            "failed": wave.ints("m_axis_out_tuser")[at],
        },
        {"values": _kept(view, at)},
    )


def _kept(view: View, at: Ints) -> Value:
    """The lanes of an output beat whose bytes are kept."""
    wave, config = view.wave, view.config
    every = lanes(wave, "m_axis_out_tdata", at, config.p_oc, config.act_w)
    size = config.act_w // 8

    def read(chosen: Ints) -> list[Row]:
        keep = [
            wave.slices("m_axis_out_tkeep", at[chosen], lane * size, size, signed=False)
            for lane in range(config.p_oc)
        ]
        rows: list[Row] = []
        for row, kept in zip(every.read(chosen), zip(*keep, strict=True), strict=True):
            assert isinstance(row, list)
            live: list[Cell] = [
                cell for cell, mask in zip(row, kept, strict=True) if mask == (1 << size) - 1
            ]
            rows.append(live)
        return rows

    return Value(read, "output")


def _at(edges: Ints, numbers: Ints) -> Ints:
    """Edges by number, `UNKNOWN` before the first and behind the last."""
    if not len(edges):
        return np.full(len(numbers), UNKNOWN)
    within = (numbers >= 0) & (numbers < len(edges))
    found: Ints = np.where(within, edges[np.clip(numbers, 0, len(edges) - 1)], UNKNOWN)
    return found


def _behind(view: View, steps: Ints, numbers: Ints) -> tuple[Ints, dict[str, Ints]]:
    """Job and places of words that were read at steps of the drain, by the step's number."""
    source = _at(steps, numbers)
    was_read = pick(view.wave.flag("drain_read").astype(np.int64), source) == 1
    return _read_places(view, np.where(was_read, source, -1))


def _read_places(view: View, at: Ints) -> tuple[Ints, dict[str, Ints]]:
    """Job and places of reads at some edges; nothing is known of those before the wave."""
    job = pick(job_numbers.draining(view.wave), at)

    def of(name: str) -> Ints:
        return pick(view.wave.ints(f"drainer.{name}"), at)

    total = job_numbers.channels(view.wave, job, view.channels)
    row, column = split(of("read_pixel"), of("bank_width"))
    return job, {
        "channel": known(np.subtract, total, of("bank_channels")),
        "row": row,
        "column": column,
        "out row": known(np.subtract, of("bank_out_height"), of("walk.y_left")),
        "out column": known(np.subtract, of("bank_out_width"), of("walk.x_left")),
    }
