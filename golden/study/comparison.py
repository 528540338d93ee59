"""One dump of a run held against another."""

from __future__ import annotations

from dataclasses import dataclass

from golden.errors import InputError
from golden.study.dump import Dump
from golden.study.errors import LayerError, RunErrors


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two dumps held against each other.

    Parameters
    ----------
    layers : list of LayerError
        Those that both have, in the reference's order.
    only_reference, only_other : tuple of str
        Layers that the other does not have.
    """

    layers: list[LayerError]
    only_reference: tuple[str, ...]
    only_other: tuple[str, ...]


def compare(reference: Dump, other: Dump) -> Comparison:
    """Hold one run against another.

    Parameters
    ----------
    reference, other : Dump
        Integers, which count with their fraction bits, or floats.

    Raises
    ------
    InputError
        If no layer is in both, shapes differ, or a value is not finite; the text says where.
    """
    if not reference.tensors.keys() & other.tensors.keys():
        raise InputError(
            f"the runs have no layer in common: one has {_some(reference)}, the other "
            f"{_some(other)}"
        )
    errors = RunErrors()
    fracs = other.fracs if reference.fracs is None else None
    if other.fracs is None and reference.fracs is not None:
        fracs = reference.fracs
    errors.add(reference.real(), other.real(), fracs)
    return Comparison(
        errors.results(),
        tuple(name for name in reference.tensors if name not in other.tensors),
        tuple(name for name in other.tensors if name not in reference.tensors),
    )


def _some(dump: Dump) -> str:
    names = list(dump.tensors)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
