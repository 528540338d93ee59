"""A job's tensors as the beats of its streams, and recorded beats as tensors.

A beat in a file has its top byte first, since ``$fread`` is big-endian; a
record of the recorder consists of 32-bit words, the lowest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.arithmetic.fixed import Int16Array
from golden.config import PEConfig
from golden.dataflow.tile import groups
from golden.graph.layers import ConvLayer


def _beats(words: npt.NDArray[np.generic], beat_bytes: int) -> npt.NDArray[np.uint8]:
    """Little-endian words as (beats, bytes) with each beat's top byte first."""
    flat = np.frombuffer(words.tobytes(), np.uint8)
    spare = -flat.size % beat_bytes
    return np.pad(flat, (0, spare)).reshape(-1, beat_bytes)[:, ::-1]


def _integers(values: npt.NDArray[np.integer], bits: int) -> npt.NDArray[np.generic]:
    return values.astype(f"<i{bits // 8}")


def pack_activations(tensor: Int16Array, config: PEConfig) -> npt.NDArray[np.uint8]:
    """The input stream of a tensor (C, H, W): uint8 (beats, bytes), top byte first.

    Pixel by pixel in raster order, channel groups within a pixel, missing channels
    zero.
    """
    channels, rows, columns = tensor.shape
    count = groups(channels, config.p_ic)
    padded = np.zeros((rows, columns, count * config.p_ic), np.int16)
    padded[:, :, :channels] = tensor.transpose(1, 2, 0)
    return _beats(_integers(padded, config.act_w), config.p_ic * config.act_w // 8)


def pack_weights(
    layer: ConvLayer, config: PEConfig, own_channels: bool = False
) -> npt.NDArray[np.uint8]:
    """The weight stream of a layer: uint8 (beats, bytes), top byte first.

    For each output group its 64-bit biases, then for each input group, kernel row
    and kernel column `p_oc` beats of `p_ic` weights. Missing channels are zero. With
    `own_channels` an output group has the weights of its own input group alone.
    """
    outputs, inputs, kh, kw = layer.weight.shape
    out_groups, in_groups = groups(outputs, config.p_oc), groups(inputs, config.p_ic)
    weight = np.zeros((out_groups * config.p_oc, in_groups * config.p_ic, kh, kw), np.int16)
    weight[:outputs, :inputs] = layer.weight
    bias = np.zeros((out_groups, config.p_oc), np.int64)
    bias.reshape(-1)[:outputs] = layer.bias
    # (og, lane, ig, i, ky, kx) -> (og, ig, ky, kx, lane, i)
    split = weight.reshape(out_groups, config.p_oc, in_groups, config.p_ic, kh, kw)
    ordered = split.transpose(0, 2, 4, 5, 1, 3)
    beat_bytes = config.p_ic * config.weight_w // 8
    parts = []
    for group in range(out_groups):
        read = ordered[group, group : group + 1] if own_channels else ordered[group]
        parts.append(_beats(bias[group].astype("<i8"), beat_bytes))
        parts.append(_beats(_integers(read, config.weight_w), beat_bytes))
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Recording:
    """What left the PE in one job, beat by beat."""

    values: Int16Array
    """int16 (beats, P_OC)."""
    keep: npt.NDArray[np.bool_]
    """bool (beats, P_OC). Lanes whose bytes are all kept."""
    last: npt.NDArray[np.bool_]
    user: npt.NDArray[np.bool_]
    """bool (beats,)."""
    cycle: npt.NDArray[np.int64]
    """int64 (beats,). Clock at which the beat was taken."""


def read_recording(path: Path, config: PEConfig, *, cut: bool = False) -> Recording:
    """Read a recorder's file.

    Parameters
    ----------
    cut : bool
        Take a file that ends within a record, as a simulator that was stopped leaves it.

    Raises
    ------
    ValueError
        If the file ends within a record and must not.
    """
    records, data_words = _records(path, config, cut)
    data_bytes = config.p_oc * config.act_w // 8
    keep = np.ascontiguousarray(records[:, data_words:-3]).view(np.uint8)
    bits = np.unpackbits(keep, axis=1, bitorder="little")[:, :data_bytes]
    lanes = np.asarray(bits.reshape(-1, config.p_oc, config.act_w // 8).all(axis=2), np.bool_)
    flags = records[:, -3]
    return Recording(
        _values(records[:, :data_words], config),
        lanes,
        (flags & 1).astype(bool),
        (flags & 2).astype(bool),
        _cycles(records),
    )


@dataclass(frozen=True, slots=True)
class Tap:
    """What the activation stage made in one job, read by read."""

    values: Int16Array
    """int16 (reads, P_OC). Output group by output group, within one in the order of the readout."""
    cycle: npt.NDArray[np.int64]
    """int64 (reads,). Clock at which the value stood there."""


def read_tap(path: Path, config: PEConfig, *, cut: bool = False) -> Tap:
    """Read the tap's file, whose records are those of the output; `cut` as for `read_recording`.

    Raises
    ------
    ValueError
        If the file ends within a record and must not.
    """
    records, data_words = _records(path, config, cut)
    return Tap(_values(records[:, :data_words], config), _cycles(records))


def _records(path: Path, config: PEConfig, cut: bool) -> tuple[npt.NDArray[np.uint32], int]:
    """A recorder's file as (beats, words), and how many of the words are data."""
    data_bytes = config.p_oc * config.act_w // 8
    data_words, keep_words = -(-data_bytes // 4), -(-data_bytes // 32)
    words = data_words + keep_words + 3
    raw = np.fromfile(path, "<u4")
    if cut:
        raw = raw[: raw.size // words * words]
    elif raw.size % words:
        raise ValueError(f"{path.name}: {raw.size} words are not a multiple of {words}")
    return raw.reshape(-1, words), data_words


def _values(words: npt.NDArray[np.uint32], config: PEConfig) -> Int16Array:
    data = np.ascontiguousarray(words).view(f"<i{config.act_w // 8}")
    return data[:, : config.p_oc].astype(np.int16, copy=False)


def _cycles(records: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    cycles: npt.NDArray[np.int64] = np.ascontiguousarray(records[:, -2:]).view("<i8")[:, 0]
    return cycles
