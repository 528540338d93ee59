"""What the probe saw: a dataclass for each kind of event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tb.debug.probe.counts import Counts

Figure = int | None
"""A number that the design held; None with an X or a Z in it."""
Vector = tuple[Figure, ...]
"""Numbers side by side, lane 0 first."""


SETTINGS: Final = (
    *("in_size", "out_size", "channels", "kernel", "post", "pool", "in_groups", "out_groups"),
    *("read_w", "read_h", "row_pitch", "origin", "passes"),
)
CORE: Final = (
    *("in_groups", "out_groups", "own", "in_w", "in_h", "out_w", "out_h", "kw", "kh"),
    *("stride_2", "pad_top", "pad_left", "row_pitch", "origin"),
)
WALK: Final = ("width", "height", "out_width", "out_height", "size", "stride_2", "upsample")
PORTS: Final = (
    *(f"compute.{name}" for name in CORE),
    *(f"drainer.{name}" for name in (*WALK[:4], "post", "pool", "channels")),
)
"""Ports of ``conv_pe`` through which the array and the drain take a job's settings in."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the array and the drain were told of a job, by the names of `SETTINGS`.

    `ports` has the same where it comes in, by the names of `PORTS`.
    """

    cycle: int
    figures: dict[str, Figure]
    ports: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walk:
    """What the readout goes by from a cycle of a group's drain on, by the names of `WALK`."""

    cycle: int
    group: int
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Write:
    """A word written into the tile memory."""

    cycle: int
    address: Figure
    word: Vector


@dataclass(frozen=True, slots=True)
class Beat:
    """A weight or bias beat of a group, or what a shadow held when it was taken.

    Parameters
    ----------
    cycle : int
    group : int
    number : int
        Of the pass; of a bias beat its place in the group.
    data : tuple of int or None
        Weights of the lane, or the beat's biases; 64-bit biases may span beats.
    text : str
        The same in hexadecimal.
    """

    cycle: int
    group: int
    number: int
    data: Vector
    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An output group takes a bank."""

    cycle: int
    group: int
    bank: Figure
    bank_free: Figure


@dataclass(frozen=True, slots=True)
class Pass:
    """The followed pixel in one pass: what stood in each stage; None where it never came.

    Parameters
    ----------
    number : int
        Counted in the group.
    cycle : int
        Of stage 0; each stage behind it has its own.
    address, outside, pixel, bank, in_group, ky, kx, group_first, group_last : int or None
        What the sequencer issued.
    word, word_outside, word_cycle
        Stage 1: what the tile memory gave, P_IC activations.
    act, weight, act_cycle
        Stage 2: the operands, P_IC each.
    first, add_bank, add_pixel, dot, bias, old, sum, add_cycle
        Stage 3: the product sum, the bias register, what the accumulator started from, and
        what it wrote.
    """

    number: int
    cycle: int
    address: Figure
    outside: Figure
    pixel: Figure
    bank: Figure
    in_group: Figure
    ky: Figure
    kx: Figure
    group_first: Figure
    group_last: Figure
    word: Vector = ()
    word_outside: Figure = None
    word_cycle: int | None = None
    act: Vector = ()
    weight: Vector = ()
    act_cycle: int | None = None
    first: Figure = None
    add_bank: Figure = None
    add_pixel: Figure = None
    dot: Figure = None
    bias: Figure = None
    old: Figure = None
    sum: Figure = None
    add_cycle: int | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """Something else was written to the followed pixel's place in the accumulator.

    Parameters
    ----------
    cycle : int
    group, number : int
        Whose sum it was: output group and pass.
    sum : int or None
    turn : int or None
        The pixel whose turn it was, counted from the begin of the pass.
    issued : int or None
        The number that the sequencer gave it.
    """

    cycle: int
    group: int
    number: int
    sum: Figure
    turn: Figure = None
    issued: Figure = None


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the drain that makes the followed value, stage by stage.

    Parameters
    ----------
    index : int
        In the group.
    cycle : int
        Of the read; each stage behind it has its own.
    bank, pixel, window_first, window_last, clipped, last, post, pool : int or None
        What the drain asked for, and the settings it goes by.
    sum, half, word_post, word_bank, sum_cycle
        Fetched, beside what is added for rounding, the settings, and the bank whose word is
        taken.
    rounded, round_post, round_cycle
        Behind the shift.
    value, value_first, value_floor, value_emit, value_cycle
        Activated, with the window's flags.
    highest, out, emitted, keep, last_beat, beat, highest_cycle
        The maximum so far, of every lane; what the lane hands to the output; whether it
        leaves, and as which beat since the reset.
    """

    index: int
    cycle: int
    bank: Figure
    pixel: Figure
    window_first: Figure
    window_last: Figure
    clipped: Figure
    last: Figure
    post: Figure
    pool: Figure
    sum: Figure = None
    half: Figure = None
    word_post: Figure = None
    word_bank: Figure = None
    sum_cycle: int | None = None
    rounded: Figure = None
    round_post: Figure = None
    round_cycle: int | None = None
    value: Figure = None
    value_first: Figure = None
    value_floor: Figure = None
    value_emit: Figure = None
    value_cycle: int | None = None
    highest: Vector = ()
    out: Figure = None
    emitted: Figure = None
    keep: Figure = None
    last_beat: Figure = None
    beat: Figure = None
    highest_cycle: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A group is finished, begins to be drained, or has been drained.

    `bank` is None for the last, and `count` is the number of sums written, of the group that
    the bank holds, or of the group's reads.
    """

    cycle: int
    group: int
    bank: Figure
    count: Figure


@dataclass(frozen=True, slots=True)
class OutBeat:
    """A beat that left the PE: the followed lane's value, and the whole of TKEEP."""

    cycle: int
    number: int
    value: Figure
    keep: Figure
    last: Figure
    user: Figure


@dataclass(frozen=True, slots=True)
class Unknown:
    """The first X or Z of any lane in a stage behind the accumulator, from 0, its sums, on."""

    cycle: int
    stage: int


@dataclass(frozen=True, slots=True)
class Probe:
    """What the probe saw, in order."""

    counts: tuple[Counts, ...] = ()
    settings: tuple[Settings, ...] = ()
    writes: tuple[Write, ...] = ()
    biases: tuple[Beat, ...] = ()
    loads: tuple[Beat, ...] = ()
    swaps: tuple[Beat, ...] = ()
    takes: tuple[Beat, ...] = ()
    opened: tuple[Opened, ...] = ()
    passes: tuple[Pass, ...] = ()
    others: tuple[Other, ...] = ()
    finished: tuple[Mark, ...] = ()
    begun: tuple[Mark, ...] = ()
    walks: tuple[Walk, ...] = ()
    reads: tuple[Read, ...] = ()
    drained: tuple[Mark, ...] = ()
    beats: tuple[OutBeat, ...] = ()
    unknowns: tuple[Unknown, ...] = ()

    def marks(self, event: str) -> tuple[Counts, ...]:
        """The counts at every event of one kind."""
        return tuple(counts for counts in self.counts if counts.event == event)
