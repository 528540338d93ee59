"""Explains a wrong figure by what it is equal to: two phrases at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from golden.config import PEConfig
from tb.debug.localization.contributions import Contribution, Value
from tb.debug.localization.descriptor import dot_width
from tb.debug.localization.watched import WatchedValue, wrapped
from tb.debug.probe.events import Figure, Pass, Vector

MOST: Final = 2

_READOUT: Final = {
    "width": ("out_size", 0, 0xFFFF),
    "height": ("out_size", 16, 0xFFFF),
    "out_width": ("read_w", 0, 0xFFFF),
    "out_height": ("read_h", 0, 0xFFFF),
    "size": ("pool", 0, 3),
    "stride_2": ("pool", 4, 1),
    "upsample": ("pool", 8, 1),
}
"""Where a job's settings hold what the readout goes by: name, first bit, mask."""

Guess = tuple[str, object]
"""What it would be, and the figure that it would give."""


def matching(figure: object, guesses: Iterable[Guess]) -> tuple[str, ...]:
    """The first phrases whose figure is the one at hand."""
    found: list[str] = []
    for phrase, would_be in guesses:
        if would_be is not None and would_be == figure and phrase not in found:
            found.append(phrase)
            if len(found) == MOST:
                break
    return tuple(found)


def _input_word(watched: WatchedValue, beat: int) -> str:
    """Which pixel and channel group a beat of the input is."""
    job = watched.job
    pixel, group = divmod(beat, job.in_groups)
    row, column = divmod(pixel, job.in_width)
    return f"input row {row} column {column}, channel group {group}"


def address(watched: WatchedValue, term: Contribution, held: Figure) -> tuple[str, ...]:
    """What lies at the address that was issued instead."""
    if held is None:
        return ()
    beat = (held - watched.job.in_base) % watched.job.config.input_words
    if beat >= watched.job.words:
        return ("the address lies outside the job's input",)
    taps = (
        (f"the address of tap {other.ky},{other.kx} of input group {other.in_group}", other.address)
        for other in watched.value.contributions
        if not other.outside
    )
    there = f"that is {_input_word(watched, beat)}, "
    there += f"not row {term.row} column {term.column}, channel group {term.in_group}"
    return (there, *matching(held, taps))[:MOST]


def word(watched: WatchedValue, held: Vector) -> tuple[str, ...]:
    """Which beat of the stream a word is."""
    if None in held:
        return ()
    same = np.flatnonzero((watched.streams.words == np.array(held)).all(axis=1))
    return tuple(
        f"that is beat {int(beat)} of the stream: {_input_word(watched, int(beat))}"
        for beat in same[:1]
    )


def operand(watched: WatchedValue, term: Contribution, held: Pass) -> tuple[str, ...]:
    """What an operand register holds instead of its word."""
    bits = watched.job.config.act_w
    unsigned = tuple(None if w is None else w % (1 << bits) for w in held.word)
    earlier = watched.probe.passes[term.number - 1].act if term.number else ()
    return matching(
        held.act,
        (
            ("the sign is lost: the operand is extended with zeros", unsigned),
            ("the operand of the pass before", earlier),
            ("a padded pixel is not zero: the word is used as it is", held.word),
            ("the operand is zero, as if it lay in the padding", (0,) * len(held.act)),
        ),
    )


def weights(watched: WatchedValue, term: Contribution, held: Vector) -> tuple[str, ...]:
    """Whose weights they are."""
    return matching(held, _other_weights(watched, term))


def _other_weights(watched: WatchedValue, term: Contribution) -> Iterator[Guess]:
    every = watched.streams.weights
    group, lane, number = watched.group, watched.lane, term.number
    bits = watched.job.config.weight_w
    sets = (
        ("pass before: the shadow was not taken, or not yet loaded", group, number - 1),
        ("next pass: the shadow was overwritten before it was taken", group, number + 1),
        ("same pass of the output group before", group - 1, number),
        ("last pass of the output group before", group - 1, len(every[0]) - 1),
        ("same pass of the next output group", group + 1, number),
    )
    for phrase, other, place in sets:
        if 0 <= other < len(every) and 0 <= place < len(every[0]):
            yield f"the weights of the {phrase}", tuple(every[other, place, lane].tolist())
    for place in set(range(len(every[0]))) - {number - 1, number, number + 1}:
        yield f"the weights of pass {place}", tuple(every[group, place, lane].tolist())
    right = every[group, number]
    for other in range(len(right)):
        if other != lane:
            yield f"the weights of lane {other}", tuple(right[other].tolist())
    unsigned = tuple(int(w) % (1 << bits) for w in right[lane])
    yield "the sign is lost: the weights are extended with zeros", unsigned


def dot(held: Pass, config: PEConfig) -> tuple[str, ...]:
    """What a sum of products lacks, or has too much."""
    if held.dot is None or None in held.act or None in held.weight:
        return ()
    pairs = [(a or 0, w or 0) for a, w in zip(held.act, held.weight, strict=True)]
    return matching(held.dot, _other_dots(pairs, config))


def _other_dots(pairs: list[tuple[int, int]], config: PEConfig) -> Iterator[Guess]:
    def total(products: Iterable[int]) -> int:
        return wrapped(sum(products), dot_width(config))

    for index in range(len(pairs)):
        rest = pairs[:index] + pairs[index + 1 :]
        yield f"multiplier {index} is left out", total(a * w for a, w in rest)
    yield "no product is cut", total(a * w for a, w in pairs)
    yield "products are cut by floor", total(wrapped(a * w >> 8, 16) for a, w in pairs)
    yield "products are rounded", total(wrapped(a * w + 128 >> 8, 16) for a, w in pairs)
    yield "cut products lose their sign", total((a * w >> 8) % (1 << 16) for a, w in pairs)
    yield (
        "products are unsigned",
        total((a % (1 << config.act_w)) * (w % (1 << config.weight_w)) for a, w in pairs),
    )


def start(watched: WatchedValue, held: Pass) -> tuple[str, ...]:
    """What a sum started from instead."""
    return matching(
        held.old,
        (
            ("zero: the bias is missing", 0 if watched.value.bias else None),
            ("the bias once more: the sum begins anew", held.bias),
            ("zero: the old sum is lost", 0),
        ),
    )


def total(held: Pass) -> tuple[str, ...]:
    """What an addition did instead."""
    if held.old is None or held.dot is None:
        return ()
    return matching(
        held.sum,
        (
            ("the products are not added", held.old),
            ("the old sum is not added", held.dot),
            ("the products are subtracted", held.old - held.dot),
        ),
    )


def bias(watched: WatchedValue, held: Figure) -> tuple[str, ...]:
    """Whose bias it is."""
    return matching(held, _other_biases(watched))


def _other_biases(watched: WatchedValue) -> Iterator[Guess]:
    every, group = watched.streams.biases, watched.group
    for other, side in ((group - 1, "before"), (group + 1, "behind")):
        if 0 <= other < len(every):
            yield f"the bias of the output group {side}", int(every[other, watched.lane])
    for lane, value in enumerate(every[group].tolist()):
        if lane != watched.lane:
            yield f"the bias of lane {lane}", value
    yield "the bias without its sign", watched.value.bias % (1 << 32)
    behind = "the bias loaded behind it: overwritten before it was taken"
    yield behind, watched.loaded_bias(watched.number + 1)
    before = "the bias loaded before it: the shadow was taken too early"
    yield before, watched.loaded_bias(watched.number - 1)


def fetched(value: Value, held: Figure) -> tuple[str, ...]:
    """What a fetched sum is instead."""
    guesses: list[Guess] = [("a sum without its bias", value.sum - value.bias)]
    if value.contributions:
        last = value.contributions[-1]
        guesses.append(("a sum without its last pass", last.sum - last.dot))
    return matching(held, guesses)


def settings(watched: WatchedValue, name: str, held: Figure) -> tuple[str, ...]:
    """Which other job's settings they are."""
    others = _other_jobs(watched, name)
    return matching(held, ((f"those of the job {side} it", other) for side, other in others))


def readout_setting(watched: WatchedValue, name: str, held: Figure) -> tuple[str, ...]:
    """Which other job's setting of the readout it is."""
    register, low, mask = _READOUT[name]
    others = _other_jobs(watched, register)
    guesses = ((f"that of the job {side} it", other >> low & mask) for side, other in others)
    return matching(held, guesses)


def _other_jobs(watched: WatchedValue, name: str) -> Iterator[tuple[str, int]]:
    """Where each other job ran, and what the array held of it by that name."""
    for index, runs in enumerate(watched.probe.settings):
        held = runs.figures[name]
        if index != watched.before and held is not None:
            yield "before" if index < watched.before else "behind", held


def pixel(watched: WatchedValue, held: Figure, read: int) -> tuple[str, ...]:
    """Whose turn the pixel is that was read, or where it lies."""
    order = [place for window in watched.job.windows() for place in window]
    guesses = [
        (f"the pixel of the read {'before' if step < 0 else 'behind'} it", order[read + step])
        for step in (-1, 1)
        if 0 <= read + step < len(order)
    ]
    found = matching(held, guesses)
    if held is None or held >= watched.job.pixels:
        return found
    row, column = divmod(held, watched.job.out_width)
    return (*found, f"that is row {row} column {column} of the tile")[:MOST]
