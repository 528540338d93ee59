"""A plain scalar C loop over a frame's products: the speed that simulations are compared with."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from golden.arithmetic.fixed import Int16Array, Int64Array
from golden.graph.layers import ConvLayer
from golden.reference.layer_sums import LayerSums
from tb.flows.benchmark.record import MeasureError
from tb.toolchain.environment import child_environment
from tb.toolchain.logs import first_error
from tb.toolchain.process import ending
from tb.toolchain.simulators import ToolError

SOURCE: Final = Path(__file__).with_name("scalar.c")
COMPILERS: Final = ("gcc", "cc", "clang")
FLAGS: Final = (
    *("-O2", "-fno-tree-vectorize", "-fno-tree-slp-vectorize"),
    *("-x", "c", "-std=c99", "-shared", "-fPIC"),
)

ScalarLoop = Callable[[Int16Array, ConvLayer], tuple[Int64Array, float]]
"""Sums (O, OH, OW) of an input (I, H, W), and the seconds of CPU time that they took."""


def compile_scalar(folder: Path) -> ScalarLoop:
    """Compile ``scalar.c`` with the machine's compiler, vectorisation off.

    Raises
    ------
    ToolError
        There is no compiler, or it failed.
    """
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise ToolError("no C compiler is installed; run: sudo apt-get install gcc")
    library = folder / "scalar.so"
    command = [compiler, *FLAGS, str(SOURCE), "-o", str(library)]
    done = subprocess.run(
        command, env=child_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = first_error(done.stderr) or f"{compiler} {ending(done.returncode)}"
        raise ToolError(f"{' '.join(command)} failed: {reason}")
    function = ctypes.CDLL(str(library)).scalar_sums
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int32] * 8
    function.restype = None
    return lambda tensor, layer: _sums(function, tensor, layer)


def _sums(function: Any, tensor: Int16Array, layer: ConvLayer) -> tuple[Int64Array, float]:
    """Lay the operands out as ``scalar.c`` reads them, and time the loop alone."""
    pad = layer.padding
    padded = np.pad(tensor, ((0, 0), (pad.top, pad.bottom), (pad.left, pad.right)))
    pixels = np.ascontiguousarray(padded.transpose(1, 2, 0))
    weight = np.ascontiguousarray(layer.weight.transpose(0, 2, 3, 1))
    channels, height, width = tensor.shape
    # Filled, so that no page is first touched in the loop.
    sums = np.full(layer.output_shape((channels, height, width)), -1, np.int64)
    arrays = (array.ctypes.data for array in (pixels, weight, sums))
    outputs, rows, columns = sums.shape
    sizes = (channels, pixels.shape[1], outputs, rows, columns, *layer.kernel, layer.stride)
    begun = time.thread_time()
    function(*arrays, *sizes)
    return sums, time.thread_time() - begun


def scalar_speed(loop: ScalarLoop, layers: Iterable[LayerSums]) -> tuple[int, float]:
    """Time the loop on every layer and compare each of its sums with the reference model's.

    The layers are of mode ``full``. Returns the multiplications, and their seconds of CPU time.

    Raises
    ------
    MeasureError
        A sum differs: what was timed is not the work that was asked for.
    """
    macs, seconds = 0, 0.0
    for work in layers:
        sums, took = loop(work.input, work.layer)
        wrong = int((sums != work.sums).sum())
        if wrong:
            raise MeasureError(
                f"{work.layer.name}: {wrong} of {sums.size} sums differ from the reference model's"
            )
        macs += work.macs
        seconds += took
    return macs, seconds
