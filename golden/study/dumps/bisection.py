"""Which layers of a run are wrong on their own account, and which only inherit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array, int_range
from golden.config import InputError, offer
from golden.graph.layers import IMAGE, Layer, sources
from golden.graph.network import Network
from golden.reference.run import run_node
from golden.study.dumps.dump import Dump, check_fits


class Verdict(Enum):
    """What a layer's values say of it."""

    RIGHT = "right"
    OWN_FAULT = "own fault"
    CONSEQUENCE = "consequence"
    CANNOT_SAY = "cannot say"
    ABSENT = "not in the dump"


WRONG: Final = (Verdict.OWN_FAULT, Verdict.CONSEQUENCE)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value that is wrong, in the order channel, row, column."""

    channel: int
    row: int
    column: int
    expected: int | float
    actual: int | float


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """One layer judged, as JSON holds it."""

    name: str
    kind: str
    verdict: Verdict
    values: int = 0
    """Compared."""
    wrong: int = 0
    """Of them: against golden on the run's own inputs where the fault is the layer's own, against
    golden from the picture where it is inherited."""
    first: Difference | None = None
    through: tuple[str, ...] = ()
    """Layers ahead of it that the dump lacks: the fault may be in one of these."""
    note: str = ""
    """What is to be said beside the figures."""


def first_difference(
    expected: npt.NDArray[Any], actual: npt.NDArray[Any]
) -> tuple[int, Difference | None]:
    """Count the values of two tensors (C, H, W) that differ, and name the first.

    >>> first_difference(np.zeros((1, 2, 2)), np.array([[[0, 0], [0, 3]]]))[0]
    1
    """
    differs = expected != actual
    count = int(np.count_nonzero(differs))
    if not count:
        return 0, None
    channel, row, column = (int(i) for i in np.unravel_index(differs.argmax(), differs.shape))
    place = channel, row, column
    return count, Difference(*place, expected[place].item(), actual[place].item())


def verdict_on(
    node: Layer,
    actual: Int16Array,
    own: Int16Array | None,
    golden: Int16Array | None,
    through: tuple[str, ...] = (),
) -> LayerVerdict:
    """Judge one layer.

    Parameters
    ----------
    actual : ndarray of int16, (C, H, W)
        What the run made.
    own : ndarray of int16 or None
        What golden makes of the run's own inputs; None where these are not known.
    golden : ndarray of int16 or None
        What golden makes of the picture; None where that is not known.
    through : tuple of str
        See `LayerVerdict`.
    """
    if own is None:
        return LayerVerdict(node.name, node.kind, Verdict.CANNOT_SAY)
    wrong, first = first_difference(own, actual)
    if wrong:
        verdict = Verdict.OWN_FAULT
        return LayerVerdict(node.name, node.kind, verdict, actual.size, wrong, first, through)
    wrong, first = (0, None) if golden is None else first_difference(golden, actual)
    verdict = Verdict.CONSEQUENCE if wrong else Verdict.RIGHT
    return LayerVerdict(node.name, node.kind, verdict, actual.size, wrong, first)


def layer_verdicts(
    network: Network, actual: Mapping[str, Int16Array], image: Int16Array | None
) -> Iterator[LayerVerdict]:
    """Judge the layers of a run by its tensors.

    Each layer is run by golden on the run's own inputs of it. Where one of these is not
    there, golden makes it from the nearest tensors ahead of it that are.

    Parameters
    ----------
    actual : mapping of str to ndarray of int16, (C, H, W)
        What the run made, by node; ``image`` where it is known what the run saw.
    image : ndarray of int16, (3, H, W), or None
        What golden is to start from where `actual` has no image.

    Yields
    ------
    LayerVerdict
        Of every node, in data-flow order.
    """
    start = actual.get(IMAGE, image)
    golden: dict[str, Int16Array | None] = {IMAGE: start}
    seen: dict[str, Int16Array | None] = {IMAGE: start}
    lacking: dict[str, tuple[str, ...]] = {IMAGE: ()}
    tainted: set[str] = set()
    for node in network.nodes:
        read = sources(node)
        own = _made(node, [seen[name] for name in read], network)
        # As long as the run has been right, the reference model's tensors are those of its inputs.
        same = all(golden[name] is seen[name] for name in read)
        golden[node.name] = own if same else _made(node, [golden[name] for name in read], network)
        through = tuple(dict.fromkeys(name for source in read for name in lacking[source]))
        if node.name not in actual:
            seen[node.name], lacking[node.name] = own, (*through, node.name)
            tainted.update({node.name} if tainted.intersection(read) else ())
            yield LayerVerdict(node.name, node.kind, Verdict.ABSENT)
            continue
        found = verdict_on(node, actual[node.name], own, golden[node.name], through)
        if start is None and found.verdict is Verdict.RIGHT and tainted.intersection(read):
            found = replace(found, verdict=Verdict.CONSEQUENCE)  # how much of it nobody knows
        tainted.update({node.name} if found.verdict in WRONG else ())
        reference = golden[node.name]
        equal = reference is not None and np.array_equal(actual[node.name], reference)
        seen[node.name] = reference if equal else actual[node.name]
        lacking[node.name] = ()
        yield found


def fed_verdicts(
    network: Network,
    actual: Mapping[str, Int16Array],
    golden: Mapping[str, Int16Array],
    inside: Mapping[str, str],
) -> Iterator[LayerVerdict]:
    """Judge the layers of a run in which each read the reference model's tensors.

    Parameters
    ----------
    actual : mapping of str to ndarray of int16, (C, H, W)
    golden : mapping of str to ndarray of int16, (C, H, W)
        ``image`` and every node.
    inside : mapping of str to str
        Nodes that ran behind another's values in the same jobs, and whose: these read what
        the run made.
    """
    for node in network.nodes:
        if node.name not in actual:
            continue
        own = golden[node.name]
        before = inside.get(node.name, "")
        if before in actual and not np.array_equal(actual[before], golden[before]):
            own = run_node(node, [actual[before]], network.options.act_w)
        yield verdict_on(node, actual[node.name], own, golden[node.name])


def _made(node: Layer, inputs: Sequence[Int16Array | None], network: Network) -> Int16Array | None:
    """What golden makes of inputs, if all are known."""
    known = [tensor for tensor in inputs if tensor is not None]
    if len(known) < len(inputs):
        return None
    return run_node(node, known, network.options.act_w)


def fit_to(network: Network, dump: Dump) -> dict[str, Int16Array]:
    """Take a dump's tensors as the integers of a network, int16 (C, H, W).

    Floats count as real numbers: they have to lie on the grid of the network's fraction bits.

    Raises
    ------
    InputError
        A tensor is not of the network, of another shape, other fraction bits, beyond the
        width or between the integers; the text names it.
    """
    shapes, fracs = network.shapes(), network.fracs()
    low, high = int_range(network.options.act_w)
    found: dict[str, Int16Array] = {}
    for name, tensor in dump.tensors.items():
        if name not in shapes:
            raise InputError(f"array {name} is no layer: {offer(name, shapes)}")
        check_fits(dump, name, shapes[name], fracs[name])
        values = tensor
        if tensor.dtype.kind == "f":
            values = np.ldexp(tensor.astype(np.float64), fracs[name])
            if not np.array_equal(values, np.rint(values)):
                raise InputError(
                    f"array {name} holds floats that {fracs[name]} fraction bits cannot: "
                    "bisect compares integers, convpe errors compares floats"
                )
        if values.min() < low or values.max() > high:
            raise InputError(f"array {name} holds a value beyond {network.options.act_w} bits")
        found[name] = values.astype(np.int16)
    return found


def conclusion(layers: Iterable[LayerVerdict]) -> str:
    """What the verdicts come to, in a sentence."""
    judged = list(layers)

    def named(verdict: Verdict) -> list[str]:
        return [layer.name for layer in judged if layer.verdict is verdict]

    own = [
        f"{layer.name} (or {', '.join(layer.through)})" if layer.through else layer.name
        for layer in judged
        if layer.verdict is Verdict.OWN_FAULT
    ]
    inherited, unsaid = named(Verdict.CONSEQUENCE), named(Verdict.CANNOT_SAY)
    if not own and not inherited:
        right = named(Verdict.RIGHT)
        text = f"every value of {_count(len(right))} is right" if right else "nothing is compared"
    elif own:
        verb = "is" if len(own) == 1 else "are"
        text = f"{_listed(own)} {verb} wrong on {'its' if len(own) == 1 else 'their'} own account"
    else:
        text = "no layer is wrong on its own account: the run started from other values"
    if inherited:
        text += f"; {_count(len(inherited))} only inherit{'s' if len(inherited) == 1 else ''} it"
    if unsaid:
        text += f"; of {_listed(unsaid)} nobody can say"
    return text


def _count(layers: int) -> str:
    return "1 layer" if layers == 1 else f"{layers} layers"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
