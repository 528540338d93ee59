"""What the judges of a value share: the value that is followed, and what they find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tb.debug.localization.contributions import (
    Contribution,
    Material,
    Value,
    Window,
    value_of,
    windows_of,
)
from tb.debug.localization.descriptor import Descriptor
from tb.debug.probe.events import Figure, Opened, Pass, Probe, Vector
from tb.debug.probe.reader import figure
from tb.duts.conv_pe.pipeline_steps import Step

BIAS_DIGITS: Final = 16
"""Hexadecimal digits of a bias in its stream."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first step whose inputs were right and whose output is not.

    Parameters
    ----------
    step : Step or None
        None where nothing is wrong.
    cycle : int or None
    sentence : str
    certain : bool
        Whether the figures prove it; otherwise it is what they suggest.
    suspects : tuple of str
        What the wrong figure looks like, the best first.
    """

    step: Step | None
    cycle: int | None
    sentence: str
    certain: bool = True
    suspects: tuple[str, ...] = ()


class Followed:
    """One value, as golden has it and as the probe saw it.

    Parameters
    ----------
    material : Material
    probe : Probe
    group, lane, pixel, first_read, last_read : int
        Of the value, the group counted within the job.
    first_group : int
        Output groups that ran before the job since the reset.
    before : int
        Jobs that ran before it.
    """

    def __init__(
        self,
        material: Material,
        probe: Probe,
        *,
        group: int,
        lane: int,
        pixel: int,
        reads: tuple[int, int],
        first_group: int = 0,
        before: int = 0,
    ) -> None:
        self.material, self.probe = material, probe
        self.group, self.lane, self.pixel, self.reads = group, lane, pixel, reads
        self.first_group, self.before = first_group, before

    @property
    def job(self) -> Descriptor:
        """The job's descriptor."""
        return self.material.descriptor

    @property
    def channel(self) -> int:
        """Within the job."""
        return self.group * self.job.config.p_oc + self.lane

    @property
    def number(self) -> int:
        """The group's number since the reset."""
        return self.first_group + self.group

    @property
    def live(self) -> bool:
        """Whether the lane carries a channel."""
        return self.channel < self.job.out_channels

    @cached_property
    def value(self) -> Value:
        """The convolution's value at the followed pixel."""
        return value_of(self.material, self.channel, *divmod(self.pixel, self.job.out_width))

    @cached_property
    def windows(self) -> list[Window]:
        """The values that leave through the followed reads."""
        return windows_of(self.material, self.channel, *self.reads)

    @cached_property
    def passes(self) -> list[tuple[Contribution, Pass]]:
        """Golden's contributions beside what the RTL held."""
        return list(zip(self.value.contributions, self.probe.passes, strict=False))

    @cached_property
    def opened(self) -> Opened | None:
        """When the group took its bank."""
        found = [opened for opened in self.probe.opened if opened.group == self.number]
        return found[0] if found else None

    @property
    def last_sum(self) -> Figure:
        """What the RTL wrote last, where it came to its last pass; else golden's."""
        done = [seen.sum for _, seen in self.passes if seen.add_cycle is not None]
        return done[-1] if len(done) == self.job.passes else self.value.sum


def loaded_bias(followed: Followed, group: int) -> Figure:
    """The bias of the followed lane as it was loaded for a group, counted since the reset."""
    beats = [beat for beat in followed.probe.biases if beat.group == group]
    text = "".join(beat.text for beat in reversed(beats))
    end = len(text) - followed.lane * BIAS_DIGITS
    return figure(text[max(end - BIAS_DIGITS, 0) : end], 4 * BIAS_DIGITS) if end > 0 else None


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


def lanes(vector: Vector | Iterable[int]) -> str:
    """Figures side by side."""
    return "[" + " ".join("x" if figure is None else str(figure) for figure in vector) + "]"


def differing(wanted: Iterable[int], held: Vector) -> str:
    """The first lane in which two vectors differ, in words."""
    for index, (want, have) in enumerate(zip(wanted, held, strict=False)):
        if want != have:
            return f"input lane {index} holds {shown(have)}, not {want}"
    return f"holds {lanes(held)}"
