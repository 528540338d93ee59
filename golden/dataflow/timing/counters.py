"""What the PE does in each clock, in spans, and the counters that follow for each job.

The causes and their order of precedence are those of ``rtl/perf_counters.v``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from enum import IntEnum
from itertools import pairwise

from golden.config import PEConfig
from golden.dataflow.tile import groups

BIAS_BITS = 64


def bias_beats(config: PEConfig) -> int:
    """Beats of the weight stream that hold the biases of one group of output channels."""
    return groups(config.p_oc * BIAS_BITS, config.p_ic * config.weight_w)


@dataclass(frozen=True, slots=True)
class Counters:
    """Clocks by cause, as ``rtl/perf_counters.v`` counts them."""

    mac: int = 0
    """A pixel entered the array."""
    input: int = 0
    weights: int = 0
    drain: int = 0
    """What the array waited for."""
    other: int = 0
    """Checks, pipeline latency, and nothing to do."""

    @property
    def cycles(self) -> int:
        """All of them."""
        return self.mac + self.input + self.weights + self.drain + self.other

    def __add__(self, more: Counters) -> Counters:
        return Counters(*(a + b for a, b in zip(astuple(self), astuple(more), strict=True)))

    def within(self, cycles: int) -> Counters:
        """The same, with so many clocks in all: what is left over is ``other``."""
        return replace(self, other=self.other + cycles - self.cycles)


class Span(IntEnum):
    """What a span of clocks is counted as; the numbers are places in `Counters`."""

    MAC = 0
    INPUT = 1
    WEIGHTS = 2
    DRAIN = 3
    OTHER = 4


@dataclass(slots=True)
class Timeline:
    """The array's clocks, one span after another.

    A span is (begin, stop, cause, period, products): of every `period` clocks the first
    `products` are products, the others have the cause.
    """

    last_mac: int = -1
    _spans: list[tuple[int, int, Span, int, int]] = field(default_factory=list)

    def add(self, begin: int, stop: int, cause: Span) -> None:
        """Clocks of one kind; none if they end before they begin."""
        if begin < stop:
            self._spans.append((begin, stop, cause, 1, 0))

    def add_passes(self, begin: int, stop: int, period: int, pixels: int) -> None:
        """Passes, each with its pixels and then a wait for weights."""
        if begin < stop:
            self._spans.append((begin, stop, Span.WEIGHTS, period, pixels))

    def gap(self, begin: int, stop: int, start: int, load: tuple[int, int], ended: int) -> None:
        """The clocks in which the array has no job.

        Parameters
        ----------
        start : int
            When the next job was started.
        load : tuple of int
            While its input is loaded.
        ended : int
            When the job before it ended.
        """
        edges = {begin, stop, self.last_mac, self.last_mac + 1, *load, ended + 1, start + 1}
        marks = sorted(edge for edge in edges if begin <= edge <= stop)
        for at, until in pairwise(marks):
            if at == self.last_mac:
                cause = Span.MAC
            elif load[0] <= at < load[1]:
                cause = Span.INPUT
            elif at < self.last_mac:
                cause = Span.WEIGHTS
            elif at <= ended:
                cause = Span.DRAIN
            elif at > start:
                cause = Span.OTHER
            else:
                continue  # the PE has nothing to do
            self.add(at, until, cause)

    def cut(self, ends: Sequence[int]) -> list[Counters]:
        """The counters of each job: from the end of the one before it to its own."""
        found = []
        spans = iter(self._spans)
        begin, stop, cause, period, products = next(spans)
        at = begin
        for end in ends:
            counts = [0, 0, 0, 0, 0]
            while True:
                until = min(stop, end)
                if at < until:
                    done = _products(until - begin, period, products)
                    done -= _products(at - begin, period, products)
                    counts[Span.MAC] += done
                    counts[cause] += until - at - done
                    at = until
                if stop >= end:
                    break
                begin, stop, cause, period, products = next(spans)
                at = begin
            found.append(Counters(*counts))
        return found


def _products(clocks: int, period: int, products: int) -> int:
    """Products within the first clocks of a span."""
    whole, rest = divmod(clocks, period)
    return whole * products + min(rest, products)
