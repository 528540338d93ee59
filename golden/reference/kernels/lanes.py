"""Sums of products over vectors of lanes: the innermost loop of `conv_sums`.

Each function here is LLVM code that numba puts where it is called. One pass takes a run of
consecutive output pixels, a lane each, and `OUTPUTS` output channels: a vector of activations is
loaded once and multiplied by each channel's weight, and the sums stay in registers over all
taps. What compilers do not find by themselves is here: one instruction that multiplies 16-bit
pairs and adds the two products (``vpmaddwd``), and two that multiply 16-bit values and keep the
upper half, floored (``vpmulhw``) or rounded (``vpmulhrsw``).

Vectors are as wide as the processor that numba compiles for has them. Without AVX2 the same
arithmetic is left to LLVM, slower and with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

OUTPUTS: Final = 4
"""Output channels of one pass."""

_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_FEATURES: Final = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
LANES: Final = 32 if "+avx512bw" in _FEATURES else 16 if "+avx2" in _FEATURES else 8
"""16-bit lanes of a vector."""


class Product(Enum):
    """What a lane adds to its sum for each tap."""

    PAIR = "a*w + b*v in 32 bits"
    HIGH = "(a*w) >> 16 in 16 bits"
    HIGH_ROUNDED = "(a*w + 2**14) >> 15 in 16 bits"


_NATIVE: Final = {
    (Product.PAIR, 32): "llvm.x86.avx512.pmaddw.d.512",
    (Product.PAIR, 16): "llvm.x86.avx2.pmadd.wd",
    (Product.HIGH_ROUNDED, 32): "llvm.x86.avx512.pmul.hr.sw.512",
    (Product.HIGH_ROUNDED, 16): "llvm.x86.avx2.pmul.hr.sw",
}
"""Instructions that LLVM does not make of the arithmetic itself."""
_VECTORS: Final = {Product.PAIR: 4 if LANES == 32 else 2, Product.HIGH: 2, Product.HIGH_ROUNDED: 2}
"""Vectors of pixels in one pass: so many that the sums fill the registers."""
PAIR_PIXELS: Final = _VECTORS[Product.PAIR] * LANES // 2
"""Pixels of one pass of `add_pairs`."""
HIGH_PIXELS: Final = _VECTORS[Product.HIGH] * LANES
"""Pixels of one pass of `add_highs` and `add_rounded_highs`."""


def _splat(value: int, of: ir.VectorType) -> ir.Constant:
    return ir.Constant(of, [ir.Constant(of.element, value)] * of.count)


def _contribution(build: ir.IRBuilder, product: Product, a: ir.Value, w: ir.Value) -> ir.Value:
    """A vector of what one tap adds, from vectors of 16-bit activations and weights."""
    lanes = a.type.count
    sums = ir.VectorType(_I32, lanes // 2) if product is Product.PAIR else a.type
    if native := _NATIVE.get((product, lanes)):
        kind = ir.FunctionType(sums, [a.type, w.type])
        return build.call(cgutils.get_or_insert_function(build.module, kind, native), [a, w])
    wide = ir.VectorType(_I32, lanes)
    products = build.mul(build.sext(a, wide), build.sext(w, wide))
    if product is Product.PAIR:
        halves = (
            ir.Constant(ir.VectorType(_I32, lanes // 2), list(range(odd, lanes, 2)))
            for odd in (0, 1)
        )
        return build.add(*(build.shuffle_vector(products, products, half) for half in halves))
    if product is Product.HIGH_ROUNDED:
        products = build.ashr(build.add(products, _splat(1 << 14, wide)), _splat(15, wide))
    else:
        products = build.ashr(products, _splat(16, wide))
    return build.trunc(products, a.type)


def _one_pass(
    build: ir.IRBuilder, product: Product, data: Sequence[ir.Value], bounds: Sequence[ir.Value]
) -> None:
    """The loop over taps, with a sum for each output channel and vector of pixels.

    `data`: activations, offsets, weights, sums. `bounds`: position, first and last tap.
    """
    activations, offsets, weights, sums = data
    vectors = _VECTORS[product]
    run = ir.VectorType(_I16, LANES)
    wide = ir.VectorType(_I32, LANES // 2) if product is Product.PAIR else run
    of_tap = ir.IntType(wide.element.width).as_pointer()

    def at(base: ir.Value, index: ir.Value | int, kind: ir.Type) -> ir.Value:
        place = ir.Constant(_I64, index) if isinstance(index, int) else index
        return build.bitcast(build.gep(base, [place]), kind.as_pointer())

    zero = ir.Constant(wide, None)
    held = [cgutils.alloca_once_value(build, zero) for _ in range(OUTPUTS * vectors)]
    weights = build.bitcast(weights, of_tap)
    position, first, last = bounds
    with cgutils.for_range_slice(build, first, last, ir.Constant(_I64, 1)) as (tap, _):
        start = build.add(position, build.load(build.gep(offsets, [tap])))
        here = build.gep(activations, [start])
        loaded = [build.load(at(here, v * LANES, run), align=2) for v in range(vectors)]
        of_outputs = build.gep(weights, [build.mul(tap, ir.Constant(_I64, OUTPUTS))])
        for output in range(OUTPUTS):
            weight = build.load(build.gep(of_outputs, [ir.Constant(_I64, output)]), align=2)
            lane_0 = build.insert_element(zero, weight, ir.Constant(_I32, 0))
            everywhere = ir.Constant(ir.VectorType(_I32, wide.count), None)
            splat = build.bitcast(build.shuffle_vector(lane_0, zero, everywhere), run)
            for value, place in zip(loaded, held[output * vectors :], strict=False):
                more = _contribution(build, product, value, splat)
                build.store(build.add(build.load(place), more), place)
    for number, place in enumerate(held):
        build.store(build.load(place), at(sums, number * wide.count, wide), align=2)


def _function(product: Product) -> Callable[..., None]:
    """Make the function of one kind of product, for compiled code to call."""

    def add(
        typing: Any, x: Any, at: Any, offsets: Any, weights: Any, first: Any, last: Any, sums: Any
    ) -> Any:
        signature = types.void(x, types.int64, offsets, weights, types.int64, types.int64, sums)

        def generate(context: Any, builder: ir.IRBuilder, kind: Any, given: Any) -> Any:
            data = [
                context.make_array(kind.args[i])(context, builder, given[i]).data
                for i in (0, 2, 3, 6)
            ]
            _one_pass(builder, product, data, [given[1], given[4], given[5]])
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = intrinsic(add)
    return made


add_pairs = _function(Product.PAIR)
"""Sum pairs of products in 32 bits that wrap.

Arguments: activations int16, two of neighbouring channels side by side; position in it;
offsets int64 of the taps; weights int16 (taps, OUTPUTS, 2); first and last tap;
sums int32 (OUTPUTS, PAIR_PIXELS), written.
"""
add_highs = _function(Product.HIGH)
"""Sum ``(a*w) >> 16`` in 16 bits that wrap.

Arguments as of `add_pairs`, but activations one by one, weights int16 (taps, OUTPUTS, 1) and
sums int16 (OUTPUTS, HIGH_PIXELS).
"""
add_rounded_highs = _function(Product.HIGH_ROUNDED)
"""Sum ``(a*w + 2**14) >> 15`` in 16 bits that wrap; arguments as of `add_highs`."""

OVERREACH: Final = 2 * max(PAIR_PIXELS, HIGH_PIXELS)
"""Values beyond a run's end that a pass may read."""
