"""Reads ``probe.txt``, which ``tb/hdl/job_probe.v`` writes into the working folder.

A line is an event: a tag, the cycle, and figures in hexadecimal. A figure in which a digit
is X or Z is None here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from golden.config import InputError
from tb.debug.probe.events import (
    Beat,
    BiasBeat,
    Copies,
    Counts,
    Figure,
    Mark,
    Opened,
    OtherSum,
    OutBeat,
    Pass,
    Probe,
    Read,
    ReadoutSettings,
    Sample,
    Settings,
    Unknown,
    Vector,
    Write,
)
from tb.debug.probe.names import GIVEN, KEPT, PORTS, READOUT, SETTINGS

PROBE_FILE: Final = "probe.txt"
DIGITS: Final = frozenset("0123456789abcdefABCDEF")
BIAS_W: Final = 64
SLOT_W: Final = 32
COUNTS: Final = ("start", "fetch", "stream", "run", "end", "clear", "gave_up")
_Words = Mapping[str, Callable[[str], Any]]
"""The words of a line: the field that each is, and what reads it."""


def figure(text: str, bits: int = 0) -> Figure:
    """A hexadecimal number, signed if its width in bits is given; None with an X or a Z.

    >>> figure("00ff"), figure("ff", 8), figure("0x3"), figure("1ff", 9)
    (255, -1, None, -1)
    """
    if not set(text) <= DIGITS:
        return None
    value = int(text, 16)
    if not bits:
        return value
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


def vector(text: str, bits: int) -> Vector:
    """Signed numbers of a whole number of digits, the last of the text first.

    >>> vector("fffe0001", 16)
    (1, -2)
    """
    digits = bits // 4
    ends = range(len(text), 0, -digits)
    return tuple(figure(text[max(end - digits, 0) : end], bits) for end in ends)


def named(names: tuple[str, ...], text: str) -> dict[str, Figure]:
    """Slots of 32 bits side by side, by their names.

    >>> named(("own", "size"), "0000000100000003")
    {'own': 1, 'size': 3}
    """
    texts = [text[end - 8 : end] for end in range(8, len(text) + 1, 8)]
    return dict(zip(names, map(figure, texts), strict=True))


def read_probe(path: Path) -> Probe:
    """Read what a probe wrote; a last line that was cut off is left out.

    Raises
    ------
    InputError
        The file is not a probe's.
    """
    lines = path.read_text().split("\n")[:-1]
    words = [line.split() for line in lines]
    if not words or words[0][0] != "build" or len(words[0]) != 9:
        raise InputError(f"{path}: not a probe's file")
    reader = _Reader(*(_count(word) for word in words[0][4:8]))
    for number, line in enumerate(words[1:], 2):
        try:
            reader.take(line[0], int(line[1]), line[2:])
        except (IndexError, KeyError, ValueError):
            raise InputError(f"{path}: line {number} is not a probe's: {' '.join(line)}") from None
    return Probe(**{name: tuple(events) for name, events in reader.found.items()})


class _Reader:
    """Gathers events; the figures of a later stage go to the first event that lacks them."""

    def __init__(self, act_w: int, weight_w: int, acc_w: int, dot_w: int) -> None:
        self.found: dict[str, list[Any]] = {name: [] for name in Probe.__dataclass_fields__}
        self._events = _events(act_w, weight_w, acc_w)
        self._stages = _stages(act_w, acc_w, dot_w)
        self._came = dict.fromkeys(self._stages, 0)

    def take(self, tag: str, cycle: int, words: list[str]) -> None:
        """Take in one line."""
        if tag in COUNTS:
            self.found["counts"].append(Counts(tag, cycle, *map(_count, words)))
        elif tag in self._stages:
            name, fields = self._stages[tag]
            self._add(tag, self.found[name], int(words[0], 16), cycle, _read(fields, words[1:]))
        elif tag in ("given", "kept"):
            module = int(words[0], 16)
            names = (GIVEN if tag == "given" else KEPT)[module]
            self.found[tag].append(Copies(cycle, module, named(names, words[1])))
        else:
            name, event, fields = self._events[tag]
            self.found[name].append(event(cycle=cycle, **_read(fields, words)))

    def _add(
        self, tag: str, events: list[Any], number: int, cycle: int, fields: dict[str, Any]
    ) -> None:
        """Add a later stage's figures to the pass or read of that number."""
        for index in range(self._came[tag], len(events)):
            if events[index].number == number:
                events[index] = replace(events[index], **fields, **{f"{tag}_cycle": cycle})
                self._came[tag] = index + 1
                return


def _read(fields: _Words, words: list[str]) -> dict[str, Any]:
    pairs = zip(fields.items(), words, strict=True)
    return {name: read(word) for (name, read), word in pairs if name}


def _count(text: str) -> int:
    return figure(text) or 0


def _plain(*names: str) -> _Words:
    return dict.fromkeys(names, figure)


def _events(act_w: int, weight_w: int, acc_w: int) -> dict[str, tuple[str, type, _Words]]:
    """By tag: the list of `Probe` that a line is an event of, its class, and its words."""
    group: _Words = {"group": _count}
    numbered: _Words = {**group, "number": _count}
    weights: _Words = {**numbered, "data": partial(vector, bits=weight_w)}
    bias: _Words = {**group, "data": partial(vector, bits=BIAS_W)}
    other: _Words = {**numbered, "sum": partial(figure, bits=acc_w), **_plain("turn", "issued")}
    settings: _Words = {"figures": partial(named, SETTINGS), "ports": partial(named, PORTS)}
    readout: _Words = {**group, "figures": partial(named, READOUT)}
    issued = ("address", "outside", "pixel", "bank", "in_group", "ky", "kx")
    asked = ("bank", "pixel", "window_first", "window_last", "clipped", "last", "post", "pool")
    ports = ("rd_en", "rd_addr", "wr_en", "wr_addr")
    value, total = partial(figure, bits=act_w), partial(figure, bits=acc_w)
    rounded = partial(figure, bits=acc_w + 4)
    return {
        "job": ("settings", Settings, settings),
        "during": ("during", Settings, settings),
        "write": ("writes", Write, {"address": figure, "word": partial(vector, bits=act_w)}),
        "bias": ("biases", BiasBeat, {**numbered, "text": str}),
        "load": ("loads", Beat, weights),
        "swap": ("swaps", Beat, weights),
        "take": ("takes", Beat, bias),
        "open": ("opened", Opened, {**group, **_plain("bank", "bank_free", "")}),
        "issue": (
            "passes",
            Pass,
            {"number": _count, **_plain(*issued, "group_first", "group_last", *ports)},
        ),
        "other": ("others", OtherSum, other),
        "done": ("finished", Mark, {**group, **_plain("bank", "count")}),
        "begin": ("begun", Mark, {**group, **_plain("bank", "count")}),
        "walk": ("readouts", ReadoutSettings, readout),
        "read": ("reads", Read, {"number": _count, **_plain(*asked, "stage_post", *ports)}),
        "sample": ("samples", Sample, {"sum": total, "rounded": rounded, "value": value}),
        "drained": ("drained", Mark, {**group, "count": figure}),
        "beat": (
            "beats",
            OutBeat,
            {"number": _count, "value": value, **_plain("keep", "last", "user")},
        ),
        "unknown": ("unknowns", Unknown, {"stage": _count}),
    }


def _stages(act_w: int, acc_w: int, dot_w: int) -> dict[str, tuple[str, _Words]]:
    """By tag: the list whose event a line goes on with, and its words behind the number."""
    value, acts = partial(figure, bits=act_w), partial(vector, bits=act_w)
    slots, total = partial(vector, bits=SLOT_W), partial(figure, bits=acc_w)
    added: _Words = {"dot": partial(figure, bits=dot_w), "bias": total, "old": total, "sum": total}
    rounded = partial(figure, bits=acc_w + 4)
    bank = ("bank_rd_en", "bank_rd_addr", "bank_wr_en", "bank_wr_addr")
    return {
        "word": ("passes", {"word_outside": figure, "word": acts}),
        "operands": ("passes", {"act": slots, "weight": slots, **_plain(*bank)}),
        "add": ("passes", {**_plain("first", "add_bank", "add_pixel"), **added}),
        "sums": ("reads", {"sum": total, "half": total, **_plain("word_post", "word_bank")}),
        "round": ("reads", {"rounded": rounded, "round_post": figure}),
        "value": (
            "reads",
            {"value": value, **_plain("value_first", "value_floor", "value_emit")},
        ),
        "highest": (
            "reads",
            {"highest": acts, "out": value, **_plain("emitted", "keep", "last_beat", "beat")},
        ),
    }
