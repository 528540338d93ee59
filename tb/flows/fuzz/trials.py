"""Runs a failing job again: alone, smaller, or with the jobs around it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tb.cosim.failure import Failure
from tb.flows.fuzz.cases import Case, run_cases, write_cases
from tb.toolchain import build

IN_FLIGHT: Final = 3
"""Jobs that the PE holds at a time, so that one may disturb another."""


class Trials:
    """Simulations of some cases each, on one design, in a folder that is removed between two."""

    def __init__(self, made: build.Build, folder: Path) -> None:
        self._made, self._folder = made, folder

    def together(self, cases: Sequence[Case]) -> list[Failure | None]:
        """How each case fails, one behind the other as close as the PE takes them."""
        shutil.rmtree(self._folder, ignore_errors=True)
        write_cases(self._folder, self._made.config, cases)
        failures = run_cases(self._made, self._folder, len(cases)).failures
        shutil.rmtree(self._folder)
        return failures

    def alone(self, case: Case) -> Failure | None:
        """How a case fails that has the PE to itself."""
        return self.together([case])[0]

    def each(self, cases: Sequence[Case]) -> list[Failure | None]:
        """How the first case fails that does so alone; None for all others.

        They run together, since that is faster, and those that fail or stand behind one
        that does run alone.
        """
        found: list[Failure | None] = [None] * len(cases)
        failures = self.together(cases)
        failing = [index for index, failure in enumerate(failures) if failure is not None]
        suspects = {index + ahead for index in failing for ahead in range(IN_FLIGHT)}
        for index in sorted(suspects & set(range(len(cases)))):
            found[index] = self.alone(cases[index])
            if found[index] is not None:
                break
        return found

    def shortest(self, cases: Sequence[Case], first: int) -> tuple[range, Failure | None]:
        """The shortest run of cases around the first failing one in which a case fails.

        Returns
        -------
        range
            Indices of the cases: two at least.
        Failure or None
            How it fails; None if it failed in the long run alone.
        """
        last = len(cases) - 1
        spans = {
            (max(first - before, 0), min(first + after, last))
            for before in (0, 1, 2, 3, 4, 6, 8, 16, 32, first)
            for after in range(IN_FLIGHT)
        }
        # Of spans of one length first those with more jobs before the failing one.
        for start, end in sorted(spans, key=lambda span: (span[1] - span[0], span[0])):
            if start == end:
                continue
            span = range(start, end + 1)
            failures = self.together(cases[start : end + 1])
            how = next((failure for failure in failures if failure is not None), None)
            if how is not None:
                return span, how
        return range(min(first + IN_FLIGHT, last + 1)), None
