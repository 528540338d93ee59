"""A job's values from its files: what golden expects, and what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import InputError, PEConfig
from golden.dataflow.tile import Tile
from tb.debug.mismatch.values import Values, output_values, tap_values
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.packing import Recording, Tap, read_recording, read_tap

T = TypeVar("T", Recording, Tap)


def job_values(
    folder: Path, record: JobRecord, config: PEConfig, conv: str = "", node: str = ""
) -> tuple[Values, ...]:
    """A job's values at each place where they were recorded, in the order of the data flow.

    A recording that is missing or ends early is taken as far as it goes.

    Parameters
    ----------
    folder : Path
        With the job's expected values and recordings, as `tb.duts.conv_pe.job_record` names them.
    record : JobRecord
    config : PEConfig
    conv, node : str
        Layer of the convolution's values, and of what leaves; the record's unless given.

    Raises
    ------
    InputError
        The expected values are missing or have another shape.
    """
    expected = _expected(folder, record, "expected", record.out_tile)
    left = output_values(expected, _output(folder, record, config), record, config, node)
    if not record.tap:
        return (left,)
    activated = _expected(folder, record, "activated", record.tile)
    before = tap_values(activated, _tap(folder, record, config), record, config, conv)
    return before, replace(left, activated=activated)


def _expected(folder: Path, record: JobRecord, kind: str, tile: Tile) -> Int16Array:
    path = folder / f"{record.stem}.{kind}.npy"
    if not path.is_file():
        raise InputError(f"{path}: the job's expected values are not there")
    tensor: Int16Array = np.load(path)
    shape = (tile.last_channel - tile.first_channel, tile.height, tile.width)
    if tensor.shape != shape:
        raise InputError(f"{path}: shape {tensor.shape}, but the job makes {shape}")
    return tensor


def _output(folder: Path, record: JobRecord, config: PEConfig) -> Recording:
    path = folder / f"{record.stem}.out"
    return _read(path, lambda: read_recording(path, config, cut=True), _no_recording(config))


def _tap(folder: Path, record: JobRecord, config: PEConfig) -> Tap:
    path = folder / f"{record.stem}.tap"
    nothing = Tap(np.zeros((0, config.p_oc), np.int16), np.zeros(0, np.int64))
    return _read(path, lambda: read_tap(path, config, cut=True), nothing)


def _read(path: Path, read: Callable[[], T], nothing: T) -> T:
    return read() if path.is_file() and path.stat().st_size else nothing


def _no_recording(config: PEConfig) -> Recording:
    lanes, flags = np.zeros((0, config.p_oc)), np.zeros(0, bool)
    return Recording(
        lanes.astype(np.int16), lanes.astype(bool), flags, flags.copy(), np.zeros(0, np.int64)
    )
