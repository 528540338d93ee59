"""Compares what left the PE with what the golden model expects, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from golden.dataflow.tile import Tile, groups
from golden.reference.readout import Readout
from tb.cosim.failure import Failure
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.packing import Recording, Tap, read_recording, read_tap
from tb.duts.conv_pe.registers import StatusCode
from tb.toolchain.waves import CYCLE_NS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one job's values."""

    values_expected: int
    values_compared: int
    mismatches: int
    failure: Failure | None
    """The first thing wrong, in the order in which values leave the PE."""


def time_ns(cycle: int) -> float:
    """Simulation time of a clock edge by its number."""
    return float(cycle * CYCLE_NS + CYCLE_NS // 2)


def compare(
    layer: str,
    tile: Tile,
    expected: Int16Array,
    recording: Recording,
    status: StatusCode,
    config: PEConfig,
) -> Verdict:
    """Compare one job's recording with its expected tensor.

    Parameters
    ----------
    tile : Tile
        Where the values belong in the layer's output.
    expected : ndarray of int16, (C, H, W)
    status : StatusCode
        How the PE says the job ended.
    """
    wanted, live = in_stream_order(expected, config)
    beats = len(recording.values)
    common = min(beats, len(wanted))
    keep = recording.keep[:common]
    both = live[:common] & keep
    differs = both & (wanted[:common] != recording.values[:common])
    compared, mismatches = int(both.sum()), int(differs.sum())
    came = int(recording.keep.sum())
    failure: Failure | None = None
    if mismatches:
        beat, lane = (int(index[0]) for index in np.nonzero(differs))
        actual, cycle = int(recording.values[beat, lane]), int(recording.cycle[beat])
        more = f"; {mismatches} of {expected.size} values of this job differ"
        failure = mismatch(
            layer,
            _place(tile, beat, lane, config),
            (int(wanted[beat, lane]), actual),
            f", left the PE in cycle {cycle}{more}",
            cycle,
        )
    elif missing := int((live[:common] & ~keep).sum()) + int(live[common:].sum()):
        absent = live.copy()
        absent[:common] &= ~keep
        beat, lane = (int(index[0]) for index in np.nonzero(absent))
        place, value = _place(tile, beat, lane, config), int(wanted[beat, lane])
        ended = "" if status is StatusCode.NONE else f"; the PE ended the job with {status.name}"
        text = (
            f"{layer}: {missing} of {expected.size} values are missing ({came} came), "
            f"first {_words(place)}, expected {value}{ended}"
        )
        failure = Failure("shortage", text, layer, *place, value)
    elif surplus := int((keep & ~live[:common]).sum()) + int(recording.keep[common:].sum()):
        text = f"{layer}: {surplus} values more than the {expected.size} expected"
        failure = Failure("surplus", text, layer=layer)
    elif beats != len(wanted) or not _framed(recording):
        text = f"{layer}: TLAST is not on the last of {len(wanted)} output beats alone"
        failure = Failure("surplus", text, layer=layer)
    elif status is not StatusCode.NONE or recording.user.any():
        text = f"{layer}: every value is right, but the PE reports {status.name}"
        failure = Failure("status", text, layer=layer)
    return Verdict(expected.size, compared, mismatches, failure)


def compare_files(
    folder: Path,
    record: JobRecord,
    status: StatusCode,
    config: PEConfig,
    failure: Failure | None = None,
) -> Verdict:
    """Compare a job's recordings with the expected values in its folder, unless it failed before.

    Where the readout is not plain these are two: what the activation made and what left.
    """
    expected = np.load(folder / f"{record.stem}.expected.npy")
    if failure is not None:
        return Verdict(expected.size, 0, 0, failure)
    recording = read_recording(folder / f"{record.stem}.out", config)
    verdict = compare(record.layer, record.out_tile, expected, recording, status, config)
    if not record.tap:
        return verdict
    activated = np.load(folder / f"{record.stem}.activated.npy")
    tap = read_tap(folder / f"{record.stem}.tap", config)
    before = compare_tap(record.layer, record.tile, record.readout, activated, tap, config)
    return merge_verdicts([before, verdict])


def merge_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """Several verdicts on one job as one, the first failure being the job's."""
    failures = (verdict.failure for verdict in verdicts if verdict.failure is not None)
    return Verdict(
        sum(verdict.values_expected for verdict in verdicts),
        sum(verdict.values_compared for verdict in verdicts),
        sum(verdict.mismatches for verdict in verdicts),
        next(failures, None),
    )


def compare_tap(
    layer: str, tile: Tile, readout: Readout, expected: Int16Array, tap: Tap, config: PEConfig
) -> Verdict:
    """Compare what the activation stage made, before pool or upsampling, with its tensor.

    Every read is compared; a pixel that is read several times is counted once, one that
    is never read not at all.

    Parameters
    ----------
    tile : Tile
        Where the values belong in the layer's output.
    readout : Readout
        Says in which order they are read.
    expected : ndarray of int16, (C, H, W)
    """
    pixels = readout.order(tile.height, tile.width)
    reads, channels = len(pixels), len(expected)
    wanted, live = in_stream_order(expected.reshape(channels, -1, 1)[:, pixels], config)
    counted = int(np.count_nonzero(np.bincount(pixels))) * channels
    if len(tap.values) != len(wanted):
        kind = "shortage" if len(tap.values) < len(wanted) else "surplus"
        text = f"{layer}: {len(tap.values)} activated values a lane came of {len(wanted)} expected"
        return Verdict(counted, 0, 0, Failure(kind, text, layer=layer))
    differs = live & (wanted != tap.values)
    if not differs.any():
        return Verdict(counted, counted, 0, None)
    beats, lanes = np.nonzero(differs)
    channel = beats // reads * config.p_oc + lanes
    mismatches = len(np.unique(channel * tile.pixels + pixels[beats % reads]))
    row, column = (int(side) for side in divmod(pixels[beats[0] % reads], tile.width))
    value, actual = int(wanted[beats[0], lanes[0]]), int(tap.values[beats[0], lanes[0]])
    cycle = int(tap.cycle[beats[0]])
    place = (tile.first_channel + int(channel[0]), tile.row + row, tile.column + column)
    more = f"; {mismatches} of {counted} values of this job differ"
    text = f", activated in cycle {cycle}{more}"
    failure = mismatch(layer, place, (value, actual), text, cycle)
    return Verdict(counted, counted, mismatches, failure)


def mismatch(
    layer: str,
    place: tuple[int, int, int],
    values: tuple[int, int],
    more: str,
    cycle: int | None = None,
) -> Failure:
    """The failure of a value in the layer's output, expected and actual, in a cycle."""
    expected, actual = values
    text = (
        f"{layer}: {_words(place)}: expected {expected}, "
        f"actual {actual} ({actual - expected:+d} LSB){more}"
    )
    time = None if cycle is None else time_ns(cycle)
    return Failure("mismatch", text, layer, *place, expected, actual, time)


def _words(place: tuple[int, int, int]) -> str:
    channel, row, column = place
    return f"channel {channel} row {row} column {column}"


def _place(tile: Tile, beat: int, lane: int, config: PEConfig) -> tuple[int, int, int]:
    """Channel, row and column, in the layer's output, of a beat's lane."""
    group, pixel = divmod(beat, tile.pixels)
    row, column = divmod(pixel, tile.width)
    channel = tile.first_channel + group * config.p_oc + lane
    return channel, tile.row + row, tile.column + column


def in_stream_order(
    tensor: Int16Array, config: PEConfig
) -> tuple[Int16Array, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """A tensor (C, H, W) as output beats (beats, P_OC), and which lanes are live."""
    channels = tensor.shape[0]
    count = groups(channels, config.p_oc)
    padded = np.zeros((count * config.p_oc, *tensor.shape[1:]), np.int16)
    padded[:channels] = tensor
    beats = padded.reshape(count, config.p_oc, -1).transpose(0, 2, 1).reshape(-1, config.p_oc)
    channel = np.arange(count * config.p_oc).reshape(count, 1, config.p_oc)
    live = np.broadcast_to(channel < channels, (count, beats.shape[0] // count, config.p_oc))
    return beats, live.reshape(-1, config.p_oc)


def _framed(recording: Recording) -> bool:
    return bool(recording.last[-1]) and not recording.last[:-1].any()
