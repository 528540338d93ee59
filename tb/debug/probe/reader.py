"""Reads ``probe.txt``, which ``tb/hdl/job_probe.v`` writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from golden.config import InputError
from tb.debug.probe.counts import Counts
from tb.debug.probe.events import (
    PORTS,
    SETTINGS,
    WALK,
    Beat,
    Figure,
    Mark,
    Opened,
    Other,
    OutBeat,
    Pass,
    Probe,
    Read,
    Settings,
    Unknown,
    Vector,
    Walk,
    Write,
)

DIGITS: Final = frozenset("0123456789abcdefABCDEF")
BIAS_W: Final = 64
SLOT_W: Final = 32
COUNTS: Final = ("start", "fetch", "stream", "run", "end", "clear", "gave_up")


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


@dataclass(frozen=True, slots=True)
class _Widths:
    """The design's parameters, from the file's first line."""

    act_w: int
    weight_w: int
    acc_w: int
    dot_w: int


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
    _, _, _, _, act_w, weight_w, acc_w, dot_w, _ = (figure(word) or 0 for word in words[0])
    reader = _Reader(_Widths(act_w, weight_w, acc_w, dot_w))
    for number, line in enumerate(words[1:], 2):
        try:
            reader.take(line[0], int(line[1]), line[2:])
        except (IndexError, KeyError, ValueError):
            raise InputError(f"{path}: line {number} is not a probe's: {' '.join(line)}") from None
    return reader.probe()


class _Reader:
    """Gathers events; what a later stage tells goes to the first that still lacks it."""

    def __init__(self, widths: _Widths) -> None:
        self._widths = widths
        self._found: dict[str, list[Any]] = {name: [] for name in Probe.__dataclass_fields__}
        self._came: dict[str, int] = {}

    def take(self, tag: str, cycle: int, words: list[str]) -> None:
        """Take in one line."""
        if tag in COUNTS:
            self._add("counts", Counts(tag, cycle, *(figure(word) or 0 for word in words)))
        else:
            getattr(self, _METHODS[tag])(cycle, words)

    def probe(self) -> Probe:
        """All of it."""
        return Probe(**{name: tuple(events) for name, events in self._found.items()})

    def _add(self, name: str, event: object) -> None:
        self._found[name].append(event)

    def _stage(self, name: str, stage: str, number: int, **figures: object) -> None:
        """Add a later stage's figures to the pass or read of that number."""
        events = self._found[name]
        for index in range(self._came.get(stage, 0), len(events)):
            event = events[index]
            if (event.number if isinstance(event, Pass) else event.index) == number:
                events[index] = replace(event, **figures)
                self._came[stage] = index + 1
                return

    def _job(self, cycle: int, words: list[str]) -> None:
        self._add("settings", Settings(cycle, named(SETTINGS, words[0]), named(PORTS, words[1])))

    def _walk(self, cycle: int, words: list[str]) -> None:
        self._add("walks", Walk(cycle, int(words[0], 16), named(WALK, words[1])))

    def _unknown(self, cycle: int, words: list[str]) -> None:
        self._add("unknowns", Unknown(cycle, int(words[0], 16)))

    def _write(self, cycle: int, words: list[str]) -> None:
        self._add("writes", Write(cycle, figure(words[0]), vector(words[1], self._widths.act_w)))

    def _bias(self, cycle: int, words: list[str]) -> None:
        group, number = int(words[0], 16), int(words[1], 16)
        self._add("biases", Beat(cycle, group, number, vector(words[2], BIAS_W), words[2]))

    def _load(self, cycle: int, words: list[str]) -> None:
        self._add("loads", self._weights(cycle, words))

    def _swap(self, cycle: int, words: list[str]) -> None:
        self._add("swaps", self._weights(cycle, words))

    def _weights(self, cycle: int, words: list[str]) -> Beat:
        data = vector(words[2], self._widths.weight_w)
        return Beat(cycle, int(words[0], 16), int(words[1], 16), data, words[2])

    def _take(self, cycle: int, words: list[str]) -> None:
        data = (figure(words[1], BIAS_W),)
        self._add("takes", Beat(cycle, int(words[0], 16), 0, data, words[1]))

    def _open(self, cycle: int, words: list[str]) -> None:
        group, bank, free, _ = map(figure, words)
        self._add("opened", Opened(cycle, group or 0, bank, free))

    def _issue(self, cycle: int, words: list[str]) -> None:
        number, address, outside, pixel, bank, in_group, ky, kx, first, last = map(figure, words)
        place = Pass(
            number or 0, cycle, address, outside, pixel, bank, in_group, ky, kx, first, last
        )
        self._add("passes", place)

    def _word(self, cycle: int, words: list[str]) -> None:
        word = vector(words[2], self._widths.act_w)
        outside = figure(words[1])
        number = int(words[0], 16)
        self._stage("passes", "word", number, word=word, word_outside=outside, word_cycle=cycle)

    def _operands(self, cycle: int, words: list[str]) -> None:
        act, weight = vector(words[1], SLOT_W), vector(words[2], SLOT_W)
        number = int(words[0], 16)
        self._stage("passes", "operands", number, act=act, weight=weight, act_cycle=cycle)

    def _sum(self, cycle: int, words: list[str]) -> None:
        acc_w = self._widths.acc_w
        first, bank, pixel = map(figure, words[1:4])
        self._stage(
            "passes",
            "add",
            int(words[0], 16),
            first=first,
            add_bank=bank,
            add_pixel=pixel,
            dot=figure(words[4], self._widths.dot_w),
            bias=figure(words[5], acc_w),
            old=figure(words[6], acc_w),
            sum=figure(words[7], acc_w),
            add_cycle=cycle,
        )

    def _other(self, cycle: int, words: list[str]) -> None:
        group, number = int(words[0], 16), int(words[1], 16)
        total = figure(words[2], self._widths.acc_w)
        turn, issued = map(figure, words[3:])
        self._add("others", Other(cycle, group, number, total, turn, issued))

    def _done(self, cycle: int, words: list[str]) -> None:
        group, bank, count = map(figure, words)
        self._add("finished", Mark(cycle, group or 0, bank, count))

    def _begin(self, cycle: int, words: list[str]) -> None:
        group, bank, held = map(figure, words)
        self._add("begun", Mark(cycle, group or 0, bank, held))

    def _drained(self, cycle: int, words: list[str]) -> None:
        group, count = map(figure, words)
        self._add("drained", Mark(cycle, group or 0, None, count))

    def _read(self, cycle: int, words: list[str]) -> None:
        index, bank, pixel, first, end, clipped, last, post, pool = map(figure, words)
        asked = Read(index or 0, cycle, bank, pixel, first, end, clipped, last, post, pool)
        self._add("reads", asked)

    def _sums(self, cycle: int, words: list[str]) -> None:
        acc_w = self._widths.acc_w
        total, half = figure(words[1], acc_w), figure(words[2], acc_w)
        self._stage(
            "reads",
            "sums",
            int(words[0], 16),
            sum=total,
            half=half,
            word_post=figure(words[3]),
            word_bank=figure(words[4]),
            sum_cycle=cycle,
        )

    def _round(self, cycle: int, words: list[str]) -> None:
        rounded, post = figure(words[1], self._widths.acc_w + 4), figure(words[2])
        number = int(words[0], 16)
        self._stage("reads", "round", number, rounded=rounded, round_post=post, round_cycle=cycle)

    def _value(self, cycle: int, words: list[str]) -> None:
        first, floor, emit = map(figure, words[2:])
        self._stage(
            "reads",
            "value",
            int(words[0], 16),
            value=figure(words[1], self._widths.act_w),
            value_first=first,
            value_floor=floor,
            value_emit=emit,
            value_cycle=cycle,
        )

    def _highest(self, cycle: int, words: list[str]) -> None:
        emitted, keep, last, beat = map(figure, words[3:])
        self._stage(
            "reads",
            "highest",
            int(words[0], 16),
            highest=vector(words[1], self._widths.act_w),
            out=figure(words[2], self._widths.act_w),
            emitted=emitted,
            keep=keep,
            last_beat=last,
            beat=beat,
            highest_cycle=cycle,
        )

    def _beat(self, cycle: int, words: list[str]) -> None:
        number, _, keep, last, user = map(figure, words)
        value = figure(words[1], self._widths.act_w)
        self._add("beats", OutBeat(cycle, number or 0, value, keep, last, user))


_METHODS: Final = {
    **{
        tag: f"_{tag}"
        for tag in (
            *("job", "write", "bias", "load", "swap", "take", "open", "issue", "word", "operands"),
            *("other", "done", "begin", "drained", "read", "sums", "round", "value", "highest"),
            *("beat", "walk", "unknown"),
        )
    },
    "add": "_sum",
}
"""What takes in a line, by its tag."""
