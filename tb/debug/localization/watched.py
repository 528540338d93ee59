"""What the checks of a value share: the value that is watched, and the culprit that they find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

from tb.debug.localization.contributions import (
    Contribution,
    JobStreams,
    Value,
    Window,
    value_of,
    windows_of,
)
from tb.debug.localization.descriptor import Descriptor
from tb.debug.probe.events import Figure, Mark, Opened, Pass, Probe, Vector
from tb.debug.probe.reader import figure
from tb.duts.conv_pe.pipeline_steps import Step

BIAS_DIGITS: Final = 16
"""Hexadecimal digits of a bias in its stream."""
_Label = TypeVar("_Label")


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first step whose inputs were right and whose output is not."""

    step: Step | None
    """None where nothing is wrong."""
    cycle: int | None
    sentence: str
    """What happened, in words."""
    explanations: tuple[str, ...] = ()
    """What the wrong figure looks like, the best first."""
    certain: bool = True
    """Whether the figures prove it; otherwise it is what they suggest."""


@dataclass(kw_only=True, eq=False)
class WatchedValue:
    """One value, as the reference model has it and as the probe recorded it."""

    streams: JobStreams
    probe: Probe
    group: int
    """Output group, counted within the job."""
    lane: int
    pixel: int
    reads: tuple[int, int]
    """First and last of the drain's reads that it leaves by."""
    first_group: int = 0
    """Output groups that ran before the job since the reset."""
    before: int = 0
    """Jobs that ran before it."""

    @property
    def number(self) -> int:
        """The group's number since the reset."""
        return self.first_group + self.group

    @property
    def job(self) -> Descriptor:
        """The job's descriptor."""
        return self.streams.descriptor

    @property
    def channel(self) -> int:
        """Within the job."""
        return self.group * self.job.config.p_oc + self.lane

    @property
    def live(self) -> bool:
        """Whether the lane carries a channel."""
        return self.channel < self.job.out_channels

    @cached_property
    def value(self) -> Value:
        """The convolution's value at the watched pixel."""
        return value_of(self.streams, self.channel, *divmod(self.pixel, self.job.out_width))

    @cached_property
    def windows(self) -> list[Window]:
        """The values that leave through the watched reads."""
        return windows_of(self.streams, self.channel, *self.reads)

    @cached_property
    def passes(self) -> list[tuple[Contribution, Pass]]:
        """The reference model's contributions, each with what the RTL held."""
        return list(zip(self.value.contributions, self.probe.passes, strict=False))

    @cached_property
    def opened(self) -> Opened | None:
        """When the group took its bank."""
        return next((opened for opened in self.probe.opened if opened.group == self.number), None)

    def mark(self, marks: Iterable[Mark]) -> Mark | None:
        """The first of these marks that is the group's."""
        return next((mark for mark in marks if mark.group == self.number), None)

    @property
    def last_sum(self) -> Figure:
        """What the RTL wrote last, where it came to its last pass; else the reference model's."""
        done = [held.sum for _, held in self.passes if held.add_cycle is not None]
        return done[-1] if len(done) == self.job.passes else self.value.sum

    def loaded_bias(self, group: int) -> Figure:
        """The lane's bias as it was loaded for a group, counted since the reset."""
        beats = [beat for beat in self.probe.biases if beat.group == group]
        text = "".join(beat.text for beat in reversed(beats))
        end = len(text) - self.lane * BIAS_DIGITS
        return figure(text[max(end - BIAS_DIGITS, 0) : end], 4 * BIAS_DIGITS) if end > 0 else None


def differences(
    entries: Iterable[tuple[_Label, Figure, Figure]],
) -> Iterator[tuple[_Label, Figure, Figure]]:
    """The entries whose second and third figure, wanted and held, are not the same."""
    return (entry for entry in entries if entry[1] != entry[2])


def wrapped(value: int, bits: int) -> int:
    """The low bits, signed.

    >>> wrapped(0x1FF, 8), wrapped(-129, 8)
    (-1, 127)
    """
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


def shown(figure: Figure) -> str:
    """A figure in a sentence."""
    return "unknown (X)" if figure is None else str(figure)


def differing(wanted: Iterable[int], held: Vector) -> str:
    """The first lane in which two vectors differ, in words."""
    for index, (want, have) in enumerate(zip(wanted, held, strict=False)):
        if want != have:
            return f"input lane {index} holds {shown(have)}, not {want}"
    return "holds [" + " ".join("x" if figure is None else str(figure) for figure in held) + "]"
