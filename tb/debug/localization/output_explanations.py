"""Explains a wrong figure behind the sum: rounding, clipping, activation, maximum."""

from __future__ import annotations

from collections.abc import Iterator

from golden.arithmetic.fixed import activate, saturate, shift_right, wrap
from golden.config import Activation, LeakyPlace, Overflow, Rounding, Slope
from tb.debug.localization.contributions import Window
from tb.debug.localization.descriptor import Arithmetic
from tb.debug.localization.explanations import MOST, Guess, matching
from tb.debug.localization.watched import wrapped
from tb.debug.probe.events import Figure, Vector
from tb.duts.conv_pe.pipeline_steps import Step


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


def rounded(arithmetic: Arithmetic, total: Figure, held: Figure) -> tuple[tuple[str, ...], bool]:
    """What the shift did instead, and whether the activation before it is to blame."""
    if total is None or held is None:
        return (), False
    by_shift = matching(held, _other_shifts(arithmetic, total))
    by_activation = matching(held, _other_activations(arithmetic, total))
    return (by_activation + by_shift)[:MOST], bool(by_activation) and not by_shift


def _other_shifts(arithmetic: Arithmetic, total: int) -> Iterator[Guess]:
    early = arithmetic.place is LeakyPlace.BEFORE_REQUANT
    x = arithmetic.activated(total) if early else total
    up, shift = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY, arithmetic.shift
    yield "rounding is missing: the shift floors", int(shift_right(x, shift, Rounding.FLOOR))
    yield "rounding where the shift is to floor", int(shift_right(x, shift, up))
    yield "a whole LSB is added where half of one belongs", (x + 2 * arithmetic.half) >> shift
    yield "a half rounds down", (x + arithmetic.half - 1) >> shift
    for other in (shift - 1, shift + 1):
        if other >= 0:
            yield f"shifted by {other}", (x + arithmetic.half) >> other
            yield f"shifted by {other}", int(shift_right(x, other, arithmetic.rounding))
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
    if x < 0:
        choices.append(("the leaky slope rounds up", -(-x >> 3)))
        choices.append(("a negative value changes its sign", -x))
    elif arithmetic.activation is Activation.LEAKY:
        slope = x >> 3 if arithmetic.slope is Slope.EIGHTH else x * 13 >> 7
        choices.append(("the slope is applied to a positive value", slope))
    return ((phrase, value) for phrase, value in choices if value != right)


def value(
    arithmetic: Arithmetic, behind_shift: Figure, held: Figure
) -> tuple[tuple[str, ...], Step]:
    """What clipping and activation did instead, and which of them is to blame."""
    if behind_shift is None or held is None:
        return (), Step.SATURATION
    late = arithmetic.place is LeakyPlace.AFTER_REQUANT
    other_clips = matching(held, _other_clips(arithmetic, behind_shift, late))
    clipped = arithmetic.clipped(behind_shift)
    others = _activations(arithmetic, clipped) if late else _again(arithmetic, clipped)
    bits = arithmetic.act_w
    by_activation = matching(held, ((phrase, wrapped(x, bits)) for phrase, x in others))
    if by_activation and not (other_clips and behind_shift != clipped):
        return by_activation, Step.ACTIVATION
    if other_clips:
        return other_clips, Step.SATURATION
    fits = behind_shift == int(saturate(behind_shift, bits))
    ends = (-1 << bits - 1, (1 << bits - 1) - 1)
    at_an_end = held in {*ends, *map(arithmetic.activated, ends)}
    activates = arithmetic.activation is not Activation.LINEAR
    return (), Step.ACTIVATION if fits and activates and not at_an_end else Step.SATURATION


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
