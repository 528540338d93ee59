"""What the probe records: a dataclass for each kind of event."""

from __future__ import annotations

from dataclasses import dataclass, field

from tb.debug.probe.names import STATE

Figure = int | None
"""A number that the design held; None with an X or a Z in it."""
Vector = tuple[Figure, ...]
"""Numbers side by side, lane 0 first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What had gone through each stage since the reset, at an event."""

    event: str
    """``start``, ``fetch`` (the tile begins to load), ``stream`` (the weights begin to load),
    ``run`` (the array takes the job), ``end``, ``clear`` or ``gave_up``.
    """
    cycle: int
    status: int
    """Of a job's end."""
    acts: int
    wgts: int
    """Beats taken of the input streams."""
    biases: int
    loads: int
    """Of the latter those of biases and those of weights."""
    passes: int
    pixels: int
    sums: int
    """Passes that took their weights, pixels issued, sums written."""
    opened: int
    finished: int
    drained: int
    """Output groups."""
    reads: int
    values: int
    """Words read by the drain, values activated."""
    entered: int
    left: int
    """Beats into the output's buffer and out of it."""
    state: int
    """What the stages wait for, bit by bit (`waits`)."""

    def waits(self, name: str) -> int:
        """One field of the state, by the name that ``sim_top`` has for it."""
        low, bits = STATE[name]
        return self.state >> low & ((1 << bits) - 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """A job's settings in the array and the drain, by the names of `SETTINGS`.

    `ports` has the same where it comes in, by the names of `PORTS`.
    """

    cycle: int
    figures: dict[str, Figure]
    ports: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copies:
    """What one of the modules of `GIVEN` or `KEPT` is given with a job, or keeps of it."""

    cycle: int
    module: int
    """Its place there."""
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Sample:
    """What the watched lane made of a sum of the watched group, whichever pixel it is."""

    cycle: int
    sum: Figure
    rounded: Figure
    value: Figure


@dataclass(frozen=True, slots=True)
class ReadoutSettings:
    """What the readout goes by from a cycle of a group's drain on, by the names of `READOUT`."""

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
class BiasBeat:
    """A beat of a group's biases, by its number in the group, as hexadecimal text.

    A 64-bit bias may span beats.
    """

    cycle: int
    group: int
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The lane's weights of a pass, or its bias, as loaded or as taken from the shadow."""

    cycle: int
    group: int
    data: Vector
    number: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """An output group takes a bank."""

    cycle: int
    group: int
    bank: Figure
    bank_free: Figure


@dataclass(frozen=True, slots=True)
class Pass:
    """The watched pixel in one pass: what stood in each stage; None where it never came."""

    number: int
    """Counted in the group."""
    cycle: int
    """Of stage 0; each stage behind it has its own."""
    address: Figure
    outside: Figure
    pixel: Figure
    bank: Figure
    in_group: Figure
    ky: Figure
    kx: Figure
    group_first: Figure
    group_last: Figure
    """What the sequencer issued."""
    rd_en: Figure = None
    rd_addr: Figure = None
    wr_en: Figure = None
    wr_addr: Figure = None
    """The ports of the tile memory in that cycle."""
    word: Vector = ()
    word_outside: Figure = None
    word_cycle: int | None = None
    """Stage 1: what the tile memory gave, P_IC activations."""
    act: Vector = ()
    weight: Vector = ()
    operands_cycle: int | None = None
    """Stage 2: the operands, P_IC each."""
    bank_rd_en: Figure = None
    bank_rd_addr: Figure = None
    bank_wr_en: Figure = None
    bank_wr_addr: Figure = None
    """The ports of the bank in that cycle, in which the old sum is read."""
    first: Figure = None
    add_bank: Figure = None
    add_pixel: Figure = None
    dot: Figure = None
    bias: Figure = None
    old: Figure = None
    sum: Figure = None
    add_cycle: int | None = None
    """Stage 3: the product sum, the bias register, what the accumulator started from, and what it
    wrote.
    """


@dataclass(frozen=True, slots=True)
class OtherSum:
    """Something else was written to the watched pixel's place in the accumulator."""

    cycle: int
    group: int
    number: int
    """Whose sum it was: output group and pass."""
    sum: Figure
    turn: Figure = None
    """The pixel whose turn it was, counted from the begin of the pass."""
    issued: Figure = None
    """The number that the sequencer gave it."""


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the drain that makes the watched value, stage by stage."""

    number: int
    """Counted in the group."""
    cycle: int
    """Of the read; each stage behind it has its own."""
    bank: Figure
    pixel: Figure
    window_first: Figure
    window_last: Figure
    clipped: Figure
    last: Figure
    post: Figure
    pool: Figure
    """What the drain asked for, and the settings it goes by."""
    stage_post: Figure = None
    """The setting POST where it comes in at the output stage."""
    rd_en: Figure = None
    rd_addr: Figure = None
    wr_en: Figure = None
    wr_addr: Figure = None
    """The ports of the bank in that cycle."""
    sum: Figure = None
    half: Figure = None
    word_post: Figure = None
    word_bank: Figure = None
    sums_cycle: int | None = None
    """Fetched, with what is added for rounding, the settings, and the bank of the word."""
    rounded: Figure = None
    round_post: Figure = None
    round_cycle: int | None = None
    """Behind the shift."""
    value: Figure = None
    value_first: Figure = None
    value_floor: Figure = None
    value_emit: Figure = None
    value_cycle: int | None = None
    """Activated, with the window's flags."""
    highest: Vector = ()
    out: Figure = None
    emitted: Figure = None
    keep: Figure = None
    last_beat: Figure = None
    beat: Figure = None
    highest_cycle: int | None = None
    """The maximum so far, of every lane; what the lane hands to the output; whether it leaves, and
    as which beat since the reset.
    """


@dataclass(frozen=True, slots=True)
class Mark:
    """A group is finished, begins to be drained, or has been drained.

    `bank` is None for the last, and `count` is the number of sums written, of the group that
    the bank holds, or of the group's reads.
    """

    cycle: int
    group: int
    bank: Figure = None
    count: Figure = None


@dataclass(frozen=True, slots=True)
class OutBeat:
    """A beat that left the PE: the watched lane's value, and the whole of TKEEP."""

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
    """All events, in order."""

    counts: tuple[Counts, ...] = ()
    settings: tuple[Settings, ...] = ()
    during: tuple[Settings, ...] = ()
    """Settings and ports that have changed while the job is in the array."""
    given: tuple[Copies, ...] = ()
    kept: tuple[Copies, ...] = ()
    writes: tuple[Write, ...] = ()
    biases: tuple[BiasBeat, ...] = ()
    loads: tuple[Beat, ...] = ()
    swaps: tuple[Beat, ...] = ()
    takes: tuple[Beat, ...] = ()
    opened: tuple[Opened, ...] = ()
    passes: tuple[Pass, ...] = ()
    others: tuple[OtherSum, ...] = ()
    finished: tuple[Mark, ...] = ()
    begun: tuple[Mark, ...] = ()
    readouts: tuple[ReadoutSettings, ...] = ()
    reads: tuple[Read, ...] = ()
    samples: tuple[Sample, ...] = ()
    drained: tuple[Mark, ...] = ()
    beats: tuple[OutBeat, ...] = ()
    unknowns: tuple[Unknown, ...] = ()

    def of_job(self, event: str, before: int) -> range:
        """Cycles from a job's event to the next job's; empty where the event never came."""
        marks = self.marks(event)
        if len(marks) <= before:
            return range(0)
        last = marks[before + 1].cycle if len(marks) > before + 1 else self.counts[-1].cycle + 1
        return range(marks[before].cycle, last)

    def marks(self, event: str) -> tuple[Counts, ...]:
        """The counts at every event of one kind."""
        return tuple(counts for counts in self.counts if counts.event == event)
