"""Which tensors of a model become 8-bit codes, and with how many fraction bits."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from golden.arithmetic.sm8 import Best, Codes, Sm8Mode, check_fraction, encode
from golden.config import ConfigError
from golden.study.parameters.model_parameters import Parameter
from golden.study.parameters.sm8_errors import Sm8Errors, best_fraction, errors_of

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """How tensors become codes.

    Raises
    ------
    ConfigError
        If fraction bits are out of range.
    """

    mode: Sm8Mode = Sm8Mode.REFERENCE
    n: int | None = None
    """Fraction bits of every tensor; None: the best of each."""
    best: Best = Best.MSE
    """Which are the best."""
    given: tuple[tuple[str, int], ...] = ()
    """Fraction bits of the tensors that a pattern matches; the last that does counts."""

    def __post_init__(self) -> None:
        if self.n is not None:
            check_fraction(self.n, "all tensors")
        for pattern, n in self.given:
            check_fraction(n, pattern)

    def fraction(self, parameter: Parameter) -> int:
        """Fraction bits of one tensor."""
        for pattern, n in reversed(self.given):
            if fnmatch.fnmatchcase(parameter.name, pattern):
                return n
        if self.n is not None:
            return self.n
        return best_fraction(parameter.values, self.best, self.mode, parameter.name)


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tensor, its codes, and what they cost."""

    parameter: Parameter
    n: int
    """Fraction bits."""
    mode: Sm8Mode
    codes: Codes
    """The shape of the tensor."""
    errors: Sm8Errors


def coded(parameter: Parameter, choice: Choice) -> Coded:
    """Quantise one tensor.

    Raises
    ------
    InputError
        If a value is NaN or infinite.
    """
    n, name = choice.fraction(parameter), parameter.name
    codes = encode(parameter.values, n, choice.mode, name)
    errors = errors_of(parameter.values, n, choice.mode, name)
    return Coded(parameter, n, choice.mode, codes, errors)


def parse_given(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Read ``PATTERN=N``.

    Raises
    ------
    ConfigError
        If a text is anything else.

    >>> parse_given(["*/beta=5"])
    (('*/beta', 5),)
    """
    found = []
    for text in texts:
        pattern, equals, number = text.rpartition("=")
        if not (pattern and equals and re.fullmatch(r"-?\d{1,3}", number)):
            raise ConfigError(f"{text}: give PATTERN=N, such as '*/beta=5'")
        found.append((pattern, int(number)))
    return tuple(found)


def select(parameters: Iterable[Parameter], patterns: Iterable[str]) -> tuple[Parameter, ...]:
    """Keep the tensors that any pattern matches; all where there is none.

    Raises
    ------
    ConfigError
        If a pattern matches no tensor.
    """
    kept = tuple(parameters)
    several = tuple(patterns)
    check_patterns(kept, several)
    if not several:
        return kept
    return tuple(one for one in kept if any(fnmatch.fnmatchcase(one.name, p) for p in several))


def check_patterns(parameters: Iterable[Parameter], patterns: Iterable[str]) -> None:
    """Refuse a pattern that matches no tensor.

    Raises
    ------
    ConfigError
        Naming it, and a few tensors.
    """
    names = [one.name for one in parameters]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            some = ", ".join(names[:_SHOWN])
            raise ConfigError(f"{pattern} matches none of {len(names)} tensors, such as {some}")
