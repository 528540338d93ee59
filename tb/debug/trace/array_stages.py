"""The array: what the sequencer issues, which operands meet, how sums grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from golden.config import PEConfig
from tb.debug.trace import job_windows
from tb.debug.trace.job_windows import group_of
from tb.debug.trace.transactions import Row, Transactions, Value, lanes, one, pick, plus, times
from tb.debug.trace.wave_file import Ints, Wave

SLOT: Final = 32
"""Bits that an operand takes in the array's registers."""
_TO_OPERANDS: Final = 1
"""Cycles from a multiplied word to its operands' registers."""
_TO_SUM: Final = 2
"""Likewise to the accumulator."""


def issues(wave: Wave, config: PEConfig) -> Transactions:
    """Pixels that the sequencer issues: where in the loop nest, and which word they read."""
    at = _issued(wave)
    places = _nest(wave, config, at)
    names = {"pixel": "pixel", "address": "address", "outside": "outside", "bank": "bank"}
    for title, name in names.items():
        places[title] = wave.ints(f"compute.sequencer.{name}")[at]
    return Transactions("sequencer", wave.cycles[at], job_windows.in_array(wave)[at], places)


def operands(wave: Wave, config: PEConfig, lane: int) -> Transactions:
    """Operands of one lane's multipliers and the dot product that they make."""
    at = np.flatnonzero(wave.flag("compute.valid_2"))
    job, places = _behind(wave, config, at, _TO_OPERANDS, lane)
    return Transactions(
        "array",
        wave.cycles[at],
        job,
        places,
        {
            "activations": lanes(wave, "compute.array.act", at, config.p_ic, SLOT, "input"),
            "weights": _taken(wave, config, at, lane),
            "dot": one(wave, f"compute.array.g_lane[{lane}].sum", at + 1, "sum"),
        },
    )


def additions(wave: Wave, config: PEConfig, lane: int) -> Transactions:
    """Sums of one lane: what stood there, or the bias, plus the dot product."""
    at = np.flatnonzero(wave.flag("compute.valid_3"))
    job, places = _behind(wave, config, at, _TO_SUM, lane)
    scope = f"compute.accumulators.g_lane[{lane}]"
    is_first = wave.flag("compute.group_first_3")[at]
    return Transactions(
        "accumulator",
        wave.cycles[at],
        job,
        {**places, "bank": wave.ints("compute.bank_3")[at]},
        {
            "from": Value(lambda chosen: ["bias" if is_first[n] else "sum" for n in chosen]),
            "old": Value(lambda chosen: _old(wave, config, scope, at[chosen]), "sum"),
            "dot": one(wave, f"{scope}.term", at, "sum"),
            "new": one(wave, f"{scope}.sum", at, "sum", 0, config.acc_w),
        },
    )


def _old(wave: Wave, config: PEConfig, scope: str, at: Ints) -> list[Row]:
    """What a sum starts from: its two memories' words side by side."""
    low = wave.slices(f"{scope}.low", at, 0, 32, signed=False)
    high = wave.slices(f"{scope}.high", at, 0, wave.width(f"{scope}.high"), signed=False)
    half = 1 << (config.acc_w - 1)
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


def _nest(wave: Wave, config: PEConfig, at: Ints) -> dict[str, Ints]:
    """The loop nest's indexes at some edges, `UNKNOWN` at those before the wave begins."""
    scope = "compute.sequencer"

    def of(name: str) -> Ints:
        return pick(wave.ints(f"{scope}.{name}"), at)

    group = group_of(of("groups_left"), of("out_groups"))
    in_group = np.where(of("own") == 1, group, of("in_group"))
    return {
        "channel": times(group, config.p_oc),
        "row": of("oy"),
        "column": of("ox"),
        "in channel": times(in_group, config.p_ic),
        "ky": of("ky"),
        "kx": of("kx"),
        "in row": pick(wave.signed(f"{scope}.iy"), at),
        "in column": pick(wave.signed(f"{scope}.ix"), at),
    }


def _behind(
    wave: Wave, config: PEConfig, at: Ints, cycles: int, lane: int
) -> tuple[Ints, dict[str, Ints]]:
    """Job and place of words that were multiplied so many cycles before.

    A word leaves the sequencer a cycle before it may be multiplied, and waits there where
    its weights are not loaded yet; none overtakes another.
    """
    issued = _issued(wave)
    before = np.searchsorted(issued, at - cycles, side="left") - 1
    source = np.where(before < 0, -1, issued[np.maximum(before, 0)] if len(issued) else -1)
    source = np.where(at < cycles, -1, source)
    places: Mapping[str, Ints] = _nest(wave, config, source)
    job = pick(job_windows.in_array(wave), source)
    return job, {**places, "channel": plus(places["channel"], lane)}


def _taken(wave: Wave, config: PEConfig, at: Ints, lane: int) -> Value:
    """One lane's weights: they lie multiplier by multiplier, the lanes side by side."""
    places = [(n * config.p_oc + lane) * SLOT for n in range(config.p_ic)]

    def read(chosen: Ints) -> list[Row]:
        columns = [wave.slices("compute.array.weight", at[chosen], low, SLOT) for low in places]
        return [list(row) for row in zip(*columns, strict=True)]

    return Value(read, "weight")
