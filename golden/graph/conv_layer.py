"""The convolution of the integer graph, with its output stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar, Final, Literal

import numpy as np

from golden.arithmetic.fixed import CUT_BITS, Int16Array, Int64Array, int_range
from golden.config import (
    ACC_WIDTHS,
    MAX_KERNEL,
    MAX_PAD,
    Activation,
    ConfigError,
    LeakyPlace,
    Overflow,
    ProductMode,
    Rounding,
    Slope,
)

Shape = tuple[int, int, int]
"""(C, H, W)."""

ENUMERATIONS: Final[dict[str, type[Enum]]] = {
    "mode": ProductMode,
    "activation": Activation,
    "slope": Slope,
    "place": LeakyPlace,
    "rounding": Rounding,
    "overflow": Overflow,
}
"""Fields of a `ConvLayer` that are one of a few choices."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Zero rows and columns on each side of a convolution's input."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __post_init__(self) -> None:
        for name in ("top", "bottom", "left", "right"):
            pixels = getattr(self, name)
            if not 0 <= pixels <= MAX_PAD:
                raise ConfigError(f"padding {name} {pixels}: 0 to {MAX_PAD} is wanted")


def conv_output_shape(
    name: str, input_shape: Shape, weight: tuple[int, ...], padding: Padding, stride: int
) -> Shape:
    """Return (O, OH, OW) of a convolution with weights (O, I, KH, KW) for an input (I, H, W).

    Raises
    ------
    ConfigError
        If the channels differ or the padded input is smaller than the kernel.
    """
    outputs, inputs, kernel_height, kernel_width = weight
    channels, height, width = input_shape
    if channels != inputs:
        raise ConfigError(f"{name}: {channels} input channels, not {inputs}")
    rows = height + padding.top + padding.bottom - kernel_height
    columns = width + padding.left + padding.right - kernel_width
    if min(height, width) < 1 or min(rows, columns) < 0:
        raise ConfigError(f"{name}: input {height}x{width} is too small for its kernel")
    return outputs, rows // stride + 1, columns // stride + 1


@dataclass(frozen=True, slots=True, eq=False)
class ConvLayer:
    """A convolution with its output stage.

    Raises
    ------
    ConfigError
        If a figure is out of range.
    """

    name: str
    source: str
    """This node, and the node (or ``image``) whose output it reads."""
    weight: Int16Array
    """int16 (O, I, KH, KW). `weight_w`-bit weights with `weight_frac` fraction bits."""
    bias: Int64Array
    """int64 (O,). At the accumulator's scale: ``in_frac + weight_frac`` fraction bits, 8 fewer in
    the cut modes."""
    stride: int = 1
    """1 or 2, both ways."""
    padding: Padding = Padding()
    """Zeros around the input."""
    mode: ProductMode = ProductMode.FULL
    """What one product contributes."""
    shift: int = 0
    """Right shift that requantises, 0 to 47."""
    activation: Activation = Activation.LINEAR
    slope: Slope = Slope.EIGHTH
    place: LeakyPlace = LeakyPlace.AFTER_REQUANT
    """Non-linearity, its negative slope, and whether it sees the wide sum."""
    rounding: Rounding = Rounding.ROUND_HALF_TO_POSITIVE_INFINITY
    overflow: Overflow = Overflow.SATURATE
    """Of the requantising shift."""
    in_frac: int = 0
    weight_frac: int = 0
    out_frac: int = 0
    """Fraction bits, for readers and `golden.graph.network`; the integers decide the result."""
    act_w: int = 16
    weight_w: int = 16
    """Widths, 8 or 16 bits."""
    embedded_zero_taps: int = 0
    """Kernel taps that are zero because a smaller kernel sits inside this one."""

    kind: ClassVar[Literal["conv"]] = "conv"

    def __post_init__(self) -> None:
        self._check_tensors()
        for field, kind in ENUMERATIONS.items():
            if not isinstance(getattr(self, field), kind):
                raise ConfigError(
                    f"{self.name}: {field} {getattr(self, field)!r} is not a {kind.__name__}"
                )
        if self.stride not in (1, 2):
            raise ConfigError(f"{self.name}: stride {self.stride} is not 1 or 2")
        if not 0 <= self.shift < max(ACC_WIDTHS):
            raise ConfigError(f"{self.name}: shift {self.shift} is not in 0..{max(ACC_WIDTHS) - 1}")
        if self.act_w not in (8, 16) or self.weight_w not in (8, 16):
            raise ConfigError(f"{self.name}: widths {self.act_w}x{self.weight_w} are not 8 or 16")
        if self.mode is not ProductMode.FULL and (self.act_w, self.weight_w) != (16, 16):
            raise ConfigError(f"{self.name}: mode {self.mode.value} wants 16x16-bit products")
        low, high = int_range(self.weight_w)
        if self.weight.min() < low or self.weight.max() > high:
            raise ConfigError(f"{self.name}: a weight exceeds {self.weight_w} bits")
        if not 0 <= self.embedded_zero_taps < self.weight.shape[2] * self.weight.shape[3]:
            raise ConfigError(f"{self.name}: {self.embedded_zero_taps} taps cannot all be zero")

    def _check_tensors(self) -> None:
        if self.weight.dtype != np.int16 or self.weight.ndim != 4 or 0 in self.weight.shape:
            raise ConfigError(
                f"{self.name}: weight {self.weight.dtype} {self.weight.shape}: "
                "int16 (O, I, KH, KW) is wanted"
            )
        if max(self.kernel) > MAX_KERNEL:
            raise ConfigError(f"{self.name}: kernel {self.kernel} exceeds {MAX_KERNEL}")
        if self.bias.dtype != np.int64 or self.bias.shape != (self.out_channels,):
            raise ConfigError(
                f"{self.name}: bias {self.bias.dtype} {self.bias.shape}: "
                f"int64 ({self.out_channels},) is wanted"
            )
        low, high = int_range(max(ACC_WIDTHS))
        if self.bias.min() < low or self.bias.max() > high:
            raise ConfigError(f"{self.name}: a bias exceeds {max(ACC_WIDTHS)} bits")

    @property
    def out_channels(self) -> int:
        """O."""
        return int(self.weight.shape[0])

    @property
    def in_channels(self) -> int:
        """I."""
        return int(self.weight.shape[1])

    @property
    def sum_frac(self) -> int:
        """Fraction bits of a sum and of the bias that is added to it."""
        return self.in_frac + self.weight_frac - (0 if self.mode is ProductMode.FULL else CUT_BITS)

    @property
    def kernel(self) -> tuple[int, int]:
        """(KH, KW)."""
        return int(self.weight.shape[2]), int(self.weight.shape[3])

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (O, OH, OW) for an input (I, H, W).

        Raises
        ------
        ConfigError
            If the channels differ or the padded input is smaller than the kernel.
        """
        return conv_output_shape(
            self.name, input_shape, self.weight.shape, self.padding, self.stride
        )

    def macs(self, input_shape: Shape) -> int:
        """Count the multiplications for an input (I, H, W), those of padding included."""
        _, rows, columns = self.output_shape(input_shape)
        return self.weight.size * rows * columns

    def macs_on_zero_weights(self, input_shape: Shape) -> int:
        """Count the part of `macs` that multiplies zeros around an embedded kernel."""
        taps = self.kernel[0] * self.kernel[1]
        return self.macs(input_shape) // taps * self.embedded_zero_taps

    def select(self, start: int, stop: int) -> ConvLayer:
        """Return the layer with output channels `start` to `stop` - 1 only.

        Raises
        ------
        ConfigError
            If the range is empty or beyond the layer's channels.
        """
        if not 0 <= start < stop <= self.out_channels:
            raise ConfigError(
                f"{self.name}: channels {start}..{stop} are not in 0..{self.out_channels}"
            )
        return replace(self, weight=self.weight[start:stop], bias=self.bias[start:stop])
