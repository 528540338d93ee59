"""Bit-true inference: a network or the rest of one, and what each layer's integers look like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array, activate, int_range, quantize, shift_right
from golden.config import ConfigError, InputError, LeakyPlace
from golden.graph.layers import (
    IMAGE,
    AverageLayer,
    ConvLayer,
    PoolLayer,
    ResidualLayer,
    UpsampleLayer,
    sources,
)
from golden.graph.network import Network
from golden.reference import kernels, torch_oracle
from golden.reference.run import run_node
from golden.study.dumps.dump import Dump, check_fits


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What one tensor of a run looks like, as JSON holds it."""

    name: str
    kind: str
    """Node, or ``image``."""
    shape: tuple[int, int, int]
    """(C, H, W)."""
    frac: int
    """Fraction bits."""
    least: int
    most: int
    """Smallest and largest integer."""
    saturated: int | None
    """Requantised values beyond the width, which became its ends or wrapped; None of a node that
    computes no value."""
    zeros: float
    """Share of zeros."""
    sha256: str
    """Of the values as little-endian 16-bit integers in C order."""


def needed(network: Network, first: str) -> tuple[str, ...]:
    """Return the tensors that node `first` and all after it read from before it.

    Raises
    ------
    ConfigError
        If there is no such node.
    """
    part = nodes_from(network, first)
    made = {node.name for node in part}
    read = (name for node in part for name in sources(node) if name not in made)
    return tuple(dict.fromkeys(read))


def nodes_from(network: Network, first: str) -> tuple[Any, ...]:
    """Return node `first` and all after it, in data-flow order; all nodes for ``image``.

    Raises
    ------
    ConfigError
        If there is no such node.
    """
    if first == IMAGE:
        return network.nodes
    return network.nodes[network.nodes.index(network.node(first)) :]


def given_tensors(network: Network, first: str, dump: Dump) -> dict[str, Int16Array]:
    """Take what the part from node `first` on reads out of a dump, int16 (C, H, W).

    Integers count as they are, and their fraction bits, where the dump has them, must be the
    network's. Floats are quantised to the network's fraction bits, half to even.

    Raises
    ------
    ConfigError
        If there is no such node.
    InputError
        If a tensor is missing, of another shape, other fraction bits, or beyond the width.
    """
    shapes, fracs = network.shapes(), network.fracs()
    found: dict[str, Int16Array] = {}
    for name in needed(network, first):
        if name not in dump.tensors:
            raise InputError(f"array {name} is missing, which the part from {first} on reads")
        tensor = dump.tensors[name]
        check_fits(dump, name, shapes[name], fracs[name])
        found[name] = _integers(name, tensor, fracs[name], network.options.act_w)
    return found


def _integers(name: str, tensor: npt.NDArray[Any], frac: int, width: int) -> Int16Array:
    if tensor.dtype.kind == "f":
        return quantize(tensor, frac, width, name=name)[0].astype(np.int16)
    low, high = int_range(width)
    if int(tensor.min()) < low or int(tensor.max()) > high:
        raise InputError(f"array {name} holds a value beyond {width} bits")
    return tensor.astype(np.int16)


def infer(
    network: Network, given: Mapping[str, Int16Array], first: str = IMAGE
) -> Iterator[tuple[str, Int16Array, LayerFacts]]:
    """Run a network, or the part from node `first` on, a tensor at a time.

    Parameters
    ----------
    given : mapping of str to ndarray of int16, (C, H, W)
        ``image``, or what `given_tensors` returns.

    Yields
    ------
    tuple of (str, ndarray of int16, LayerFacts)
        Those given, then each node's.
    """
    values = dict(given)
    fracs = network.fracs()
    for name, tensor in given.items():
        yield name, tensor, facts_of(name, "given", tensor, fracs[name], None)
    for node in nodes_from(network, first):
        inputs = [values[name] for name in sources(node)]
        tensor = values[node.name] = run_node(node, inputs, network.options.act_w)
        beyond = saturated(inputs[0], node) if isinstance(node, ConvLayer) else None
        yield node.name, tensor, facts_of(node.name, node.kind, tensor, fracs[node.name], beyond)


def facts_of(name: str, kind: str, tensor: Int16Array, frac: int, beyond: int | None) -> LayerFacts:
    """Look at a tensor, (C, H, W)."""
    plain = np.ascontiguousarray(tensor, dtype="<i2")
    return LayerFacts(
        name=name,
        kind=kind,
        shape=(tensor.shape[0], tensor.shape[1], tensor.shape[2]),
        frac=frac,
        least=int(tensor.min()),
        most=int(tensor.max()),
        saturated=beyond,
        zeros=1 - np.count_nonzero(tensor) / tensor.size,
        sha256=hashlib.sha256(plain.data).hexdigest(),
    )


def saturated(x: Int16Array, layer: ConvLayer) -> int:
    """Count a layer's requantised values, of `x` (I, H, W), that its width cannot hold."""
    low, high = int_range(layer.act_w)
    count = 0
    for sums, bias in zip(kernels.conv_accumulate(x, layer), layer.bias, strict=True):
        value = sums + bias
        if layer.place is LeakyPlace.BEFORE_REQUANT:
            value = activate(value, layer.activation, layer.slope)
        value = shift_right(value, layer.shift, layer.rounding)
        count += int(np.count_nonzero((value < low) | (value > high)))
    return count


def differences(network: Network, values: Mapping[str, Int16Array]) -> dict[str, int]:
    """Compute each node once more on torch; count the values that differ from `infer`'s: all 0.

    Raises
    ------
    ConfigError
        If torch's floats could not hold a sum.
    """
    wrong: dict[str, int] = {}
    for node in network.nodes:
        if node.name not in values or any(name not in values for name in sources(node)):
            continue
        inputs = [values[name] for name in sources(node)]
        if isinstance(node, ConvLayer):
            try:
                again = torch_oracle.conv(inputs[0], node)
            except OverflowError as error:
                raise ConfigError(str(error)) from None
        elif isinstance(node, PoolLayer):
            again = torch_oracle.pool(inputs[0], node)
        elif isinstance(node, UpsampleLayer):
            again = torch_oracle.upsample(inputs[0], node)
        elif isinstance(node, ResidualLayer):
            again = torch_oracle.residual(inputs, node, network.options.act_w)
        elif isinstance(node, AverageLayer):
            again = torch_oracle.average(inputs[0], node, network.options.act_w)
        else:
            again = np.concatenate(inputs)
        wrong[node.name] = int(np.count_nonzero(again != values[node.name]))
    return wrong
