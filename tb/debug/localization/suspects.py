"""Names what a wrong figure looks like: only what the figures prove, two phrases at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from golden.config import PEConfig
from tb.debug.localization.contributions import Contribution, Value
from tb.debug.localization.finding import Followed, loaded_bias, wrapped
from tb.debug.probe.events import Figure, Pass, Vector

MOST: Final = 2

_WALK: Final = {
    "width": ("out_size", 0, 0xFFFF),
    "height": ("out_size", 16, 0xFFFF),
    "out_width": ("read_w", 0, 0xFFFF),
    "out_height": ("read_h", 0, 0xFFFF),
    "size": ("pool", 0, 3),
    "stride_2": ("pool", 4, 1),
    "upsample": ("pool", 8, 1),
}
"""Where a job's settings have what the readout goes by: name, first bit, mask."""

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


def _input_word(followed: Followed, beat: int) -> str:
    """Which pixel and channel group a beat of the input is."""
    job = followed.job
    pixel, group = divmod(beat, job.in_groups)
    row, column = divmod(pixel, job.in_width)
    return f"input row {row} column {column}, channel group {group}"


def address(followed: Followed, term: Contribution, held: Figure) -> tuple[str, ...]:
    """What lies at the address that was issued instead."""
    if held is None:
        return ()
    beat = (held - followed.job.in_base) % followed.job.config.input_words
    if beat >= followed.job.words:
        return ("the address lies outside the job's input",)
    taps = (
        (f"the address of tap {other.ky},{other.kx} of input group {other.in_group}", other.address)
        for other in followed.value.contributions
        if not other.outside
    )
    there = f"that is {_input_word(followed, beat)}, "
    there += f"not row {term.row} column {term.column}, channel group {term.in_group}"
    return (there, *matching(held, taps))[:MOST]


def word(followed: Followed, held: Vector) -> tuple[str, ...]:
    """Which beat of the stream a word is."""
    if None in held:
        return ()
    same = np.flatnonzero((followed.material.words == np.array(held)).all(axis=1))
    return tuple(
        f"that is beat {int(beat)} of the stream: {_input_word(followed, int(beat))}"
        for beat in same[:1]
    )


def operand(followed: Followed, term: Contribution, seen: Pass) -> tuple[str, ...]:
    """What an operand register holds instead of its word."""
    bits = followed.job.config.act_w
    unsigned = tuple(None if w is None else w % (1 << bits) for w in seen.word)
    earlier = followed.probe.passes[term.number - 1].act if term.number else ()
    return matching(
        seen.act,
        (
            ("the sign is lost: the operand is extended with zeros", unsigned),
            ("the operand of the pass before", earlier),
            ("a padded pixel is not zero: the word is used as it is", seen.word),
            ("the operand is zero, as if it lay in the padding", (0,) * len(seen.act)),
        ),
    )


def weights(followed: Followed, term: Contribution, held: Vector) -> tuple[str, ...]:
    """Whose weights they are."""
    return matching(held, _other_weights(followed, term))


def _other_weights(followed: Followed, term: Contribution) -> Iterator[Guess]:
    every = followed.material.weights
    group, lane, number = followed.group, followed.lane, term.number
    bits = followed.job.config.weight_w
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


def dot(seen: Pass, config: PEConfig) -> tuple[str, ...]:
    """What a sum of products lacks, or has beside them."""
    if seen.dot is None or None in seen.act or None in seen.weight:
        return ()
    acts = [figure or 0 for figure in seen.act]
    held = [figure or 0 for figure in seen.weight]
    return matching(seen.dot, _other_dots(acts, held, config))


def _other_dots(acts: list[int], held: list[int], config: PEConfig) -> Iterator[Guess]:
    pairs = list(zip(acts, held, strict=True))

    def total(products: Iterable[int]) -> int:
        return wrapped(sum(products), min(32 + (config.p_ic - 1).bit_length(), config.acc_w))

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


def start(followed: Followed, seen: Pass) -> tuple[str, ...]:
    """What a sum started from instead."""
    return matching(
        seen.old,
        (
            ("zero: the bias is missing", 0 if followed.value.bias else None),
            ("the bias once more: the sum begins anew", seen.bias),
            ("zero: the old sum is lost", 0),
        ),
    )


def total(seen: Pass) -> tuple[str, ...]:
    """What an addition did instead."""
    if seen.old is None or seen.dot is None:
        return ()
    return matching(
        seen.sum,
        (
            ("the products are not added", seen.old),
            ("the old sum is not added", seen.dot),
            ("the products are subtracted", seen.old - seen.dot),
        ),
    )


def bias(followed: Followed, held: Figure) -> tuple[str, ...]:
    """Whose bias it is."""
    every = followed.material.biases
    guesses: list[Guess] = []
    for group in (followed.group - 1, followed.group + 1):
        if 0 <= group < len(every):
            side = "before" if group < followed.group else "behind"
            guesses.append(
                (f"the bias of the output group {side}", int(every[group, followed.lane]))
            )
    guesses += [
        (f"the bias of lane {lane}", int(every[followed.group, lane]))
        for lane in range(len(every[followed.group]))
        if lane != followed.lane
    ]
    guesses.append(("the bias without its sign", followed.value.bias % (1 << 32)))
    behind = "the bias loaded behind it: overwritten before it was taken"
    guesses.append((behind, loaded_bias(followed, followed.number + 1)))
    before = "the bias loaded before it: the shadow was taken too early"
    guesses.append((before, loaded_bias(followed, followed.number - 1)))
    return matching(held, guesses)


def fetched(value: Value, held: Figure) -> tuple[str, ...]:
    """What a fetched sum is instead."""
    guesses: list[Guess] = [("a sum without its bias", value.sum - value.bias)]
    if value.contributions:
        last = value.contributions[-1]
        guesses.append(("a sum without its last pass", last.sum - last.dot))
    return matching(held, guesses)


def settings(followed: Followed, name: str, held: Figure) -> tuple[str, ...]:
    """Which other job's settings they are."""
    guesses = [
        (f"those of the job {'before it' if index < followed.before else 'behind it'}", other)
        for index, runs in enumerate(followed.probe.settings)
        if index != followed.before and (other := runs.figures[name]) is not None
    ]
    return matching(held, guesses)


def walk(followed: Followed, name: str, held: Figure) -> tuple[str, ...]:
    """Which other job's setting of the readout it is."""
    register, low, mask = _WALK[name]
    guesses = [
        (f"that of the job {'before it' if index < followed.before else 'behind it'}", other)
        for index, runs in enumerate(followed.probe.settings)
        if index != followed.before and (other := runs.figures[register]) is not None
    ]
    return matching(held, ((phrase, other >> low & mask) for phrase, other in guesses))


def pixel(followed: Followed, held: Figure, read: int) -> tuple[str, ...]:
    """Whose turn the pixel is that was read, or where it lies."""
    order = [place for window in followed.job.windows() for place in window]
    guesses = [
        (f"the pixel of the read {'before' if step < 0 else 'behind'} it", order[read + step])
        for step in (-1, 1)
        if 0 <= read + step < len(order)
    ]
    found = matching(held, guesses)
    if held is None or held >= followed.job.pixels:
        return found
    row, column = divmod(held, followed.job.out_width)
    return (*found, f"that is row {row} column {column} of the tile")[:MOST]
