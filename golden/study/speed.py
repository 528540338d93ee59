"""What the golden model's speed is measured on: the convolutions of a frame, in several ways.

Every way starts from the same integers and ends at the sums of all convolutions, bias excluded,
or at the tensors of the whole frame; what it makes can be compared with
`golden.reference.torch_oracle`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.graph.layers import IMAGE, ConvLayer
from golden.graph.network import Network
from golden.reference import kernels, torch_oracle
from golden.reference.run import run
from golden.study.dumps.inference import differences

KERNELS: Final = "golden kernels"
FRAME: Final = "golden whole frame"
FLOAT64: Final = "torch float64 conv2d"
FLOAT32: Final = "torch float32 conv2d"
GEMM: Final = "im2col and float64 GEMM"
NAMES: Final = (KERNELS, FRAME, FLOAT64, FLOAT32, GEMM)
"""Ways to compute a frame."""

Sums = list[npt.NDArray[Any]]
"""Sums (O, OH, OW) of each convolution, in data-flow order."""
Work = Callable[[], Sums]
"""Computes a frame; what is timed."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A network and the tensors of one picture."""

    network: Network
    tensors: dict[str, Int16Array]
    """(C, H, W). What `golden.reference.run.run` returns."""

    def layers(self) -> list[tuple[Int16Array, ConvLayer]]:
        """Each convolution with what it reads."""
        return [(self.tensors[layer.source], layer) for layer in self.network.convs()]

    @property
    def macs(self) -> int:
        """Multiplications of all convolutions."""
        return sum(self.network.macs().values())


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to compute a frame."""

    name: str
    frame: Frame
    work: Callable[[], Any]
    """What is timed; returns what it made."""
    wrong: Callable[[Any], int]
    """Counts the values of that which differ from the oracle's."""


def expected_sums(frame: Frame) -> list[Int64Array]:
    """Sum the products of every convolution on torch, exactly."""
    return [torch_oracle.conv_accumulate(x, layer) for x, layer in frame.layers()]


def make_way(name: str, frame: Frame, expected: list[Int64Array]) -> Way:
    """Return the way of that name, one of `NAMES`, whose sums are compared with `expected_sums`."""
    if name == FRAME:
        return Way(
            name,
            frame,
            lambda: run(frame.network, frame.tensors[IMAGE]),
            lambda made: sum(differences(frame.network, made).values()),
        )
    works: dict[str, Callable[[Frame], Work]] = {
        KERNELS: _kernels,
        GEMM: _gemm,
        FLOAT64: partial(_torch, torch.float64),
        FLOAT32: partial(_torch, torch.float32),
    }
    return Way(name, frame, works[name](frame), lambda made: differing(made, expected))


def _kernels(frame: Frame) -> Work:
    """The golden model's convolutions, from activations to sums."""
    layers = frame.layers()
    return lambda: [kernels.conv_accumulate(x, layer) for x, layer in layers]


def _torch(dtype: torch.dtype, frame: Frame) -> Work:
    """Convolve in floats; operands are converted before the time begins.

    Exact in float64, whose 53 bits hold every sum; not in float32.
    """
    operands = [
        (
            torch.from_numpy(x).to(dtype)[None],
            torch.from_numpy(layer.weight).to(dtype),
            (layer.padding.top, layer.padding.left),
        )
        for x, layer in frame.layers()
    ]

    def work() -> Sums:
        with torch.no_grad():
            return [
                functional.conv2d(x, weight, padding=padding)[0].numpy()
                for x, weight, padding in operands
            ]

    return work


def _gemm(frame: Frame) -> Work:
    """Windows spread out, then one matrix product by numpy's BLAS, in float64: exact.

    BLAS has no integers, and numpy's own integer product is some hundred times slower.
    """
    operands = [
        (
            x.astype(np.float64),
            layer.weight.reshape(len(layer.weight), -1).astype(np.float64),
            layer,
        )
        for x, layer in frame.layers()
    ]
    return lambda: [weight @ _spread(x, layer) for x, weight, layer in operands]


def _spread(x: npt.NDArray[np.float64], layer: ConvLayer) -> npt.NDArray[np.float64]:
    """The window of every output pixel, (I * KH * KW, OH * OW)."""
    side = layer.padding
    padded = np.pad(x, ((0, 0), (side.top, side.bottom), (side.left, side.right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(1, 2))
    spread: npt.NDArray[np.float64] = windows.transpose(0, 3, 4, 1, 2)
    return spread.reshape(layer.weight[0].size, -1)


def differing(made: Sums, expected: list[Int64Array]) -> int:
    """Count the sums that differ, whatever their shape.

    >>> differing([np.array([1.0, 2.5])], [np.array([1, 2])])
    1
    """
    pairs = zip(made, expected, strict=True)
    return sum(int(np.count_nonzero(one.reshape(other.shape) != other)) for one, other in pairs)


def ways(frames: list[Frame]) -> list[Way]:
    """Return all ways: our kernels and frames of each format, the others on the first frame."""
    pairs = [(frame, expected_sums(frame)) for frame in frames]
    return [
        *(make_way(KERNELS, *pair) for pair in pairs),
        *(make_way(FRAME, *pair) for pair in pairs),
        *(make_way(name, *pairs[0]) for name in (FLOAT64, FLOAT32, GEMM)),
    ]
