"""One dump of a run held against another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from golden.arithmetic.fixed import FloatArray, dequantize
from golden.config import InputError, first_few
from golden.study.dumps.bisection import Difference, first_difference
from golden.study.dumps.dump import Dump
from golden.study.errors.layer_errors import LayerError, RunErrors


def compare(reference: Dump, other: Dump) -> list[LayerError]:
    """Measure the layers that two runs have in common, in the reference's order.

    Integers count with their fraction bits, floats as they are.

    Raises
    ------
    InputError
        If no layer is in both, shapes differ, or a value is not finite; the text says where.
    """
    _check_common(reference, other)
    errors = RunErrors()
    fracs = other.fracs if reference.fracs is None else None
    if other.fracs is None and reference.fracs is not None:
        fracs = reference.fracs
    errors.add(reference.real(), other.real(), fracs)
    return errors.results()


@dataclass(frozen=True, slots=True)
class LayerEquality:
    """One layer of two runs, value by value, as JSON holds it."""

    name: str
    values: int
    wrong: int
    """Compared, and of them not equal."""
    first: Difference | None
    """The reference's value is the expected one."""


def equality(reference: Dump, other: Dump) -> list[LayerEquality]:
    """Compare the layers that two runs have in common to the bit, in the reference's order.

    Integers are compared as they are where both are, or one side's fraction bits are not
    known; where one is float, by what they stand for.

    Raises
    ------
    InputError
        If no layer is in both, or shapes or fraction bits differ; the text says where.
    """
    _check_common(reference, other)
    found = []
    for name, wanted in reference.tensors.items():
        if name not in other.tensors:
            continue
        got = other.tensors[name]
        if wanted.shape != got.shape:
            raise InputError(f"{name}: one run has shape {wanted.shape}, the other {got.shape}")
        fracs = [dump.fracs[name] for dump in (reference, other) if dump.fracs is not None]
        if len(set(fracs)) > 1:
            raise InputError(f"{name}: one run has {fracs[0]} fraction bits, the other {fracs[1]}")
        if "f" in (wanted.dtype.kind, got.dtype.kind):
            wanted, got = (_real(dump, name) for dump in (reference, other))
        found.append(LayerEquality(name, wanted.size, *first_difference(wanted, got)))
    return found


def _real(dump: Dump, name: str) -> FloatArray:
    if dump.fracs is None:
        return dump.tensors[name].astype(np.float64)
    return dequantize(dump.tensors[name], dump.fracs[name])


def only_in(dump: Dump, other: Dump) -> tuple[str, ...]:
    """Layers of a run that another does not have."""
    return tuple(name for name in dump.tensors if name not in other.tensors)


def _check_common(reference: Dump, other: Dump) -> None:
    if not reference.tensors.keys() & other.tensors.keys():
        raise InputError(
            f"the runs have no layer in common: one has {first_few(reference.tensors, 3)}, "
            f"the other {first_few(other.tensors, 3)}"
        )
