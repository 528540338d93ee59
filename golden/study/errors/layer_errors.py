"""How far one run of a network lies from another, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import check_finite
from golden.config import InputError


@dataclass(frozen=True, slots=True)
class Worst:
    """The element that lies furthest from the reference."""

    picture: str
    """Name of the picture, empty where there is but one."""
    index: tuple[int, ...]
    """(c, y, x), counted from 0."""
    reference: float
    value: float


@dataclass(frozen=True, slots=True)
class LayerError:
    """Error of one layer's output, value less reference, as JSON holds it."""

    name: str
    count: int
    """Elements compared."""
    min: float
    max: float
    mean: float
    rms: float
    """Of the error."""
    signal_rms: float
    """Of the reference."""
    sqnr_db: float | None
    """Signal to noise: sum of squares by sum of squared errors; None if one is 0."""
    exact: bool
    """Whether every element is the reference's."""
    equal: float
    """Share of elements that are alike; of integers against floats, share that is as near to the
    float as the format allows."""
    worst: Worst

    @property
    def largest(self) -> float:
        """Largest magnitude of the error."""
        return max(-self.min, self.max)


@dataclass(slots=True)
class ErrorSum:
    """Errors of one layer, added up over pictures; no tensor is kept."""

    name: str
    """Layer."""
    _count: int = field(init=False, default=0)
    _alike: int = field(init=False, default=0)
    _least: float = field(init=False, default=math.inf)
    _most: float = field(init=False, default=-math.inf)
    _sums: npt.NDArray[np.float64] = field(init=False, default_factory=lambda: np.zeros(3))
    _worst: Worst | None = field(init=False, default=None)

    def add(
        self,
        reference: npt.NDArray[np.floating],
        values: npt.NDArray[np.floating],
        frac: int | None = None,
        picture: str = "",
    ) -> None:
        """Add one picture's tensors.

        Parameters
        ----------
        reference, values : ndarray of float, (C, H, W)
        frac : int, optional
            Fraction bits of `values`, where these are integers and `reference` is not.

        Raises
        ------
        InputError
            If the shapes differ, or a value is not finite; the text names the layer.
        """
        if reference.shape != values.shape:
            raise InputError(
                f"{self.name}: one run has shape {reference.shape}, the other {values.shape}"
            )
        wanted, got = (np.asarray(run, np.float64) for run in (reference, values))
        for run in (wanted, got):
            check_finite(run, self.name)
        error = got - wanted
        distance = np.abs(error)
        self._count += error.size
        near = 0.0 if frac is None else 2.0 ** -(frac + 1)
        self._alike += int(np.count_nonzero(distance <= near))
        self._least = min(self._least, float(error.min()))
        self._most = max(self._most, float(error.max()))
        self._sums += error.sum(), np.vdot(error, error), np.vdot(wanted, wanted)
        place = np.unravel_index(int(distance.argmax()), error.shape)
        if self._worst is None or distance[place] > abs(self._worst.value - self._worst.reference):
            index = tuple(int(i) for i in place)
            self._worst = Worst(picture, index, float(wanted[place]), float(got[place]))

    def result(self) -> LayerError:
        """The figures so far.

        Raises
        ------
        ValueError
            If nothing was added.
        """
        if self._worst is None:
            raise ValueError(f"{self.name}: nothing was compared")
        mean, noise, signal = (float(total) / self._count for total in self._sums)
        rms, signal_rms = math.sqrt(noise), math.sqrt(signal)
        return LayerError(
            name=self.name,
            count=self._count,
            min=self._least,
            max=self._most,
            mean=mean,
            rms=rms,
            signal_rms=signal_rms,
            sqnr_db=decibels(signal_rms, rms),
            exact=rms == 0,
            equal=self._alike / self._count,
            worst=self._worst,
        )


@dataclass(slots=True)
class RunErrors:
    """Errors of every layer of a run against a reference, added up over pictures."""

    layers: dict[str, ErrorSum] = field(default_factory=dict)

    def add(
        self,
        reference: Mapping[str, npt.NDArray[np.floating]],
        values: Mapping[str, npt.NDArray[np.floating]],
        fracs: Mapping[str, int] | None = None,
        picture: str = "",
    ) -> None:
        """Add the layers that both have; see `ErrorSum.add`."""
        for name in reference:
            if name in values:
                layer = self.layers.setdefault(name, ErrorSum(name))
                frac = None if fracs is None else fracs[name]
                layer.add(reference[name], values[name], frac, picture)

    def results(self) -> list[LayerError]:
        """The figures so far, in the order of the first reference."""
        return [layer.result() for layer in self.layers.values()]


def decibels(signal: float, noise: float) -> float | None:
    """Ratio of two root mean squares, dB; None where one of them is 0.

    >>> decibels(1.0, 0.01), decibels(1.0, 0.0), decibels(0.0, 1.0)
    (40.0, None, None)
    """
    if signal <= 0 or noise <= 0:
        return None
    return 20 * math.log10(signal / noise)
