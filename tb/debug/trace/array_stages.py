"""The array: what the sequencer issues, which operands meet, how sums grow."""

from __future__ import annotations

from typing import Final

import numpy as np

from tb.debug.trace import job_numbers
from tb.debug.trace.transactions import Row, Transactions, Value, View, known, lanes, one, pick
from tb.debug.trace.wave_file import Ints, Wave

SLOT: Final = 32
"""Bits that an operand takes in the array's registers."""
_TO_OPERANDS: Final = 1
"""Cycles from a multiplied word to its operands' registers."""
_TO_SUM: Final = 2
"""Likewise to the accumulator."""


def issues(view: View) -> Transactions:
    """Pixels that the sequencer issues: where in the loop nest, and which word they read."""
    wave = view.wave
    at = _issued(wave)
    places = _loop_indexes(view, at)
    names = {"pixel": "pixel", "address": "address", "outside": "outside", "bank": "bank"}
    for title, name in names.items():
        places[title] = wave.ints(f"compute.sequencer.{name}")[at]
    return Transactions("sequencer", wave.cycles[at], job_numbers.in_array(wave)[at], places)


def operands(view: View) -> Transactions:
    """Operands of one lane's multipliers and the dot product that they make."""
    wave = view.wave
    at = np.flatnonzero(wave.flag("compute.valid_2"))
    job, places = _behind(view, at, _TO_OPERANDS)
    config, first = view.config, view.lane * SLOT
    return Transactions(
        "array",
        wave.cycles[at],
        job,
        places,
        {
            "activations": lanes(wave, "compute.array.act", at, config.p_ic, SLOT, "input"),
            "weights": lanes(
                *(wave, "compute.array.weight", at, config.p_ic, SLOT, "weight"),
                *(first, config.p_oc * SLOT),
            ),
            "dot": one(wave, f"compute.array.g_lane[{view.lane}].sum", at + 1, "sum"),
        },
    )


def additions(view: View) -> Transactions:
    """Sums of one lane: what stood there, or the bias, plus the dot product."""
    wave, acc_w = view.wave, view.config.acc_w
    at = np.flatnonzero(wave.flag("compute.valid_3"))
    job, places = _behind(view, at, _TO_SUM)
    scope = f"compute.accumulators.g_lane[{view.lane}]"
    is_first = wave.flag("compute.group_first_3")[at]
    return Transactions(
        "accumulator",
        wave.cycles[at],
        job,
        {**places, "bank": wave.ints("compute.bank_3")[at]},
        {
            "from": Value(lambda chosen: ["bias" if is_first[n] else "sum" for n in chosen]),
            "old": Value(lambda chosen: _old(wave, acc_w, scope, at[chosen]), "sum"),
            "dot": one(wave, f"{scope}.term", at, "sum"),
            "new": one(wave, f"{scope}.sum", at, "sum", 0, acc_w),
        },
    )


def _old(wave: Wave, acc_w: int, scope: str, at: Ints) -> list[Row]:
    """What a sum starts from: its two memories' words side by side."""
    low = wave.slices(f"{scope}.low", at, 0, 32, signed=False)
    high = wave.slices(f"{scope}.high", at, 0, wave.width(f"{scope}.high"), signed=False)
    half = 1 << (acc_w - 1)
    rows: list[Row] = []
    for lower, upper in zip(low, high, strict=True):
        if isinstance(lower, int) and isinstance(upper, int):
            word = ((upper << 32) | lower) & (2 * half - 1)
            rows.append(word - 2 * half if word >= half else word)
        else:
            rows.append(upper if lower is None else lower)
    return rows


def _issued(wave: Wave) -> Ints:
    found: Ints = np.flatnonzero(wave.flag("compute.issue") & wave.flag("compute.advance"))
    return found


def _loop_indexes(view: View, at: Ints) -> dict[str, Ints]:
    """The loop nest's indexes at some edges, `UNKNOWN` at those before the wave begins."""
    scope, config = "compute.sequencer", view.config

    def of(name: str) -> Ints:
        return pick(view.wave.ints(f"{scope}.{name}"), at)

    group = known(np.subtract, of("out_groups"), of("groups_left"))
    in_group = np.where(of("own") == 1, group, of("in_group"))
    return {
        "channel": known(np.multiply, group, config.p_oc),
        "row": of("oy"),
        "column": of("ox"),
        "in channel": known(np.multiply, in_group, config.p_ic),
        "ky": of("ky"),
        "kx": of("kx"),
        "in row": pick(view.wave.signed(f"{scope}.iy"), at),
        "in column": pick(view.wave.signed(f"{scope}.ix"), at),
    }


def _behind(view: View, at: Ints, cycles: int) -> tuple[Ints, dict[str, Ints]]:
    """Job and place of words that were multiplied so many cycles before.

    A word leaves the sequencer a cycle before it may be multiplied, and waits there where
    its weights are not loaded yet; none overtakes another.
    """
    issued = _issued(view.wave)
    before = np.searchsorted(issued, at - cycles, side="left") - 1
    source = np.where(before < 0, -1, issued[np.maximum(before, 0)] if len(issued) else -1)
    source = np.where(at < cycles, -1, source)
    places = _loop_indexes(view, source)
    channel = known(np.add, places["channel"], view.lane)
    return pick(job_numbers.in_array(view.wave), source), {**places, "channel": channel}
