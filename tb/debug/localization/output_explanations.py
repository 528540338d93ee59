"""Explains a wrong figure behind the sum: rounding, clipping, activation, maximum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from golden.arithmetic.fixed import activate, saturate, shift_right, wrap
from golden.config import Activation, LeakyPlace, Overflow, Rounding, Slope
from tb.debug.localization.contributions import Window
from tb.debug.localization.descriptor import Arithmetic
from tb.debug.localization.explanations import MOST, Guess, matching
from tb.debug.localization.watched import wrapped
from tb.debug.probe.events import Figure, Vector
from tb.duts.conv_pe.pipeline_steps import Step

Pair = tuple[Figure, Figure]
"""What went into a step, and what it made of it."""
_SLOPES: Final = (
    *((f"1/{1 << shift}", 1, shift) for shift in (1, 2, 4, 5, 6, 7)),
    *((f"{factor}/128", factor, 7) for factor in (5, 9, 10, 11, 12, 14, 15)),
    *((f"13/{1 << shift}", 13, shift) for shift in (5, 6, 8)),
)
"""Slopes that are no layer's: name, factor, shift."""


def half(arithmetic: Arithmetic, held: Figure) -> tuple[str, ...]:
    """What the rounding constant is instead."""
    return matching(
        held,
        (
            ("no rounding: the shift floors", 0),
            ("a whole LSB is added where half of one belongs", 2 * arithmetic.half),
            ("a quarter of an LSB is added", arithmetic.half // 2),
            ("one too little is added: a half rounds down", arithmetic.half - 1),
            ("rounding where the shift is to floor", 1 << max(arithmetic.shift - 1, 0)),
        ),
    )


def rounded(
    arithmetic: Arithmetic, seen: Pair, made: Iterable[Pair]
) -> tuple[tuple[str, ...], Step]:
    """What the shift or the activation before it did instead, and which of them is to blame.

    Parameters
    ----------
    seen : tuple
        A sum and the wrong figure that became of it.
    made : iterable of tuple
        All that the lane made of sums: what explains one must explain all.
    """
    early = arithmetic.place is LeakyPlace.BEFORE_REQUANT
    pairs = known((seen, *made))
    shifts = _common(pairs, lambda x: _other_shifts(arithmetic, x), arithmetic.rounded)
    activations = _common(pairs, lambda x: _other_activations(arithmetic, x), arithmetic.rounded)
    hints = (activations + shifts)[:MOST]
    if activations and not shifts:
        return hints, Step.ACTIVATION
    if early and not shifts and _negative_alone(pairs, arithmetic.rounded):
        return ("negative sums alone are wrong",), Step.ACTIVATION
    return hints, Step.REQUANTISER


def known(pairs: Iterable[Pair]) -> list[tuple[int, int]]:
    """The pairs of figures without an X."""
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _common(
    pairs: list[tuple[int, int]],
    guesses: Callable[[int], Iterable[Guess]],
    right: Callable[[int], int],
) -> tuple[str, ...]:
    """The phrases that explain the first pair, and every other one as well."""
    if not pairs:
        return ()
    left = {phrase for phrase, _ in guesses(pairs[0][0])}
    for x, held in pairs:
        offered: dict[str, set[object]] = {}
        for phrase, value in guesses(x):
            offered.setdefault(phrase, set()).add(value)
        left = {phrase for phrase in left if held in offered.get(phrase, {right(x)})}
        if not left:
            return ()
    order = dict.fromkeys(phrase for phrase, _ in guesses(pairs[0][0]))
    return tuple(phrase for phrase in order if phrase in left)[:MOST]


def _negative_alone(pairs: list[tuple[int, int]], right: Callable[[int], int]) -> bool:
    """Whether every wrong figure is of a negative one, although there are positive ones."""
    return any(x > 0 for x, _ in pairs) and all(x < 0 for x, y in pairs if y != right(x))


def _other_shifts(arithmetic: Arithmetic, total: int) -> Iterator[Guess]:
    early = arithmetic.place is LeakyPlace.BEFORE_REQUANT
    x = arithmetic.activated(total) if early else total
    up, shift = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY, arithmetic.shift
    yield "rounding is missing: the shift floors", int(shift_right(x, shift, Rounding.FLOOR))
    yield "rounding where the shift is to floor", int(shift_right(x, shift, up))
    yield "a whole LSB is added where half of one belongs", (x + 2 * arithmetic.half) >> shift
    yield "a half rounds down", (x + arithmetic.half - 1) >> shift
    for other in (shift - 1, shift + 1):
        if other >= 0:  # with the rounding constant, which is a register of its own, checked before
            yield f"shifted by {other}", (x + arithmetic.half) >> other
    if x < 0:
        toward_zero = -((-x + arithmetic.half) >> shift)
        yield "a half rounds away from zero", toward_zero
        yield "rounded toward zero", -(-x >> shift)


def _other_activations(arithmetic: Arithmetic, total: int) -> Iterator[Guess]:
    """Activations before the shift other than the layer's."""
    if arithmetic.place is not LeakyPlace.BEFORE_REQUANT:
        after = int(activate(total, arithmetic.activation, arithmetic.slope))
        if after != total:
            late = int(shift_right(after, arithmetic.shift, arithmetic.rounding))
            yield "activated before the shift instead of after it", late
        return
    for phrase, value in _activations(arithmetic, total):
        yield phrase, int(shift_right(value, arithmetic.shift, arithmetic.rounding))


def _activations(arithmetic: Arithmetic, x: int) -> Iterator[tuple[str, int]]:
    right = arithmetic.activated(x)
    choices = [("the activation is missing", x), ("a relu is applied", max(x, 0))]
    choices += [
        (f"a leaky slope of {slope.value} is applied", int(activate(x, Activation.LEAKY, slope)))
        for slope in Slope
    ]
    choices += [
        (f"a leaky slope of {text} is applied", x if x > 0 else x * factor >> shift)
        for text, factor, shift in _SLOPES
    ]
    if x < 0:
        choices.append(("the leaky slope rounds up", -(-x >> 3)))
        choices.append(("a negative value changes its sign", -x))
    elif arithmetic.activation is Activation.LEAKY:
        slope = x >> 3 if arithmetic.slope is Slope.EIGHTH else x * 13 >> 7
        choices.append(("the slope is applied to a positive value", slope))
    return ((phrase, value) for phrase, value in choices if value != right)


def value(arithmetic: Arithmetic, seen: Pair, made: Iterable[Pair]) -> tuple[tuple[str, ...], Step]:
    """What clipping and activation did instead, and which of them is to blame.

    `seen` and `made` are as `rounded` has them: a rounded sum and its value.
    """
    pairs, late = known((seen, *made)), arithmetic.place is LeakyPlace.AFTER_REQUANT
    bits, right = arithmetic.act_w, arithmetic.value
    if None in seen:
        return (), Step.SATURATION

    def activations(x: int) -> Iterator[Guess]:
        clipped = arithmetic.clipped(x)
        others = _activations(arithmetic, clipped) if late else _again(arithmetic, clipped)
        return ((phrase, wrapped(value, bits)) for phrase, value in others)

    clips = _common(pairs, lambda x: _other_clips(arithmetic, x, late), right)
    by_activation = _common(pairs, activations, right)
    outside = any(x != arithmetic.clipped(x) for x, y in pairs if y != right(x))
    if by_activation and not (clips and outside):
        return by_activation, Step.ACTIVATION
    if clips:
        return clips, Step.SATURATION
    return (), _by_place(arithmetic, pairs)


def _by_place(arithmetic: Arithmetic, pairs: list[tuple[int, int]]) -> Step:
    """Which of the two is to blame by what is wrong: large values, or all of a sign."""
    bits, right = arithmetic.act_w, arithmetic.value
    wrong = [(x, y) for x, y in pairs if y != right(x)]
    if arithmetic.activation is Activation.LINEAR:
        return Step.SATURATION
    if any(x != int(saturate(x, bits)) for x, _ in wrong):
        return Step.SATURATION
    least = min(abs(x) for x, _ in wrong)
    same = {x > 0 for x, _ in wrong}
    fine = [abs(x) for x, y in pairs if y == right(x) and (x > 0) in same and x not in (0, -1)]
    if len(fine) > 1 and max(fine) < least:
        return Step.SATURATION
    ends = (-1 << bits - 1, (1 << bits - 1) - 1)
    at_an_end = {*ends, *map(arithmetic.activated, ends)}
    return Step.SATURATION if wrong[0][1] in at_an_end else Step.ACTIVATION


def _again(arithmetic: Arithmetic, x: int) -> Iterator[tuple[str, int]]:
    """The activation behind the shift, where it has its place before it."""
    twice = arithmetic.activated(x)
    if twice != x:
        yield "the activation is applied once more behind the shift", twice


def _other_clips(arithmetic: Arithmetic, x: int, activates: bool) -> Iterator[Guess]:
    def finished(clipped: int) -> int:
        return arithmetic.activated(clipped) if activates else clipped

    bits = arithmetic.act_w
    top = (1 << (bits - 1)) - 1
    if arithmetic.overflow is Overflow.SATURATE:
        yield "saturation is missing: the value wraps", finished(int(wrap(x, bits)))
        yield "saturated to the wrong end", finished(top if x < 0 else -top - 1)
        yield "saturated one short of the range", finished(-top if x < 0 else top - 1)
    else:
        yield "the value saturates where it is to wrap", finished(int(saturate(x, bits)))


def maximum(window: Window, held: list[int], highest: Figure) -> tuple[str, ...]:
    """What a maximum is instead."""
    guesses: list[Guess] = []
    if len(held) > 1:
        guesses.append(("the smallest value of the window", min(held)))
        guesses.append(("the last value alone: the window begins anew too often", held[-1]))
        guesses.append(("the window lacks its last value", max(window.floor, *held[:-1])))
        guesses.append(("the window lacks its first value", max(window.floor, *held[1:])))
    if window.floor:
        guesses.append(("zero, as if the padding were zeros", 0))
    else:
        guesses.append(("the padding's zeros are left out", max(held)))
    found = matching(highest, guesses)
    if not found and highest is not None and highest > max(window.floor, *held):
        return ("larger than each of them: the window was not begun anew",)
    return found


def other_lane(highest: Vector, held: Figure, lane: int) -> tuple[str, ...]:
    """Whose maximum the output has."""
    lanes = ((f"the value of lane {o}", value) for o, value in enumerate(highest) if o != lane)
    return matching(held, lanes)
