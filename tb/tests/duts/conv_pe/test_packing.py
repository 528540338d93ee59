"""Streams against a slow, obvious packing of their own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from golden.config import PEConfig
from tb.duts.conv_pe.packing import pack_activations, pack_weights, read_recording
from tb.tests.cosim.material import small_job

CONFIGS = [
    PEConfig(4, 4, tile_pixels=64, input_words=512),
    PEConfig(2, 8, tile_pixels=64, input_words=512),
    PEConfig(32, 2, acc_w=48, tile_pixels=64, input_words=512),
    PEConfig(4, 2, acc_w=32, act_w=8, weight_w=8, tile_pixels=64, input_words=512),
]


def value(number: int, bits: int) -> bytes:
    return (number & (1 << bits) - 1).to_bytes(bits // 8, "little")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.array)
def test_activations_go_pixel_by_pixel(config: PEConfig) -> None:
    tensor = small_job(config, 5, 3)[0].input
    channels, rows, columns = tensor.shape
    beats = []
    for row in range(rows):
        for column in range(columns):
            for first in range(0, channels, config.p_ic):
                lanes = [
                    int(tensor[c, row, column]) if c < channels else 0
                    for c in range(first, first + config.p_ic)
                ]
                beats.append(b"".join(value(lane, config.act_w) for lane in lanes)[::-1])
    assert pack_activations(tensor, config).tobytes() == b"".join(beats)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.array)
def test_weights_go_group_by_group_behind_their_biases(config: PEConfig) -> None:
    layer = small_job(config, 5, 9, (2, 3))[0].layer
    outputs, inputs, kh, kw = layer.weight.shape
    width = config.p_ic * config.weight_w // 8
    beats = b""
    for first in range(0, outputs, config.p_oc):
        lanes = range(first, first + config.p_oc)
        bias = b"".join(struct.pack("<q", layer.bias[o] if o < outputs else 0) for o in lanes)
        bias += bytes(-len(bias) % width)
        for at in range(0, len(bias), width):
            beats += bias[at : at + width][::-1]
        for group in range(0, inputs, config.p_ic):
            for ky in range(kh):
                for kx in range(kw):
                    for o in lanes:
                        row = [
                            int(layer.weight[o, i, ky, kx]) if o < outputs and i < inputs else 0
                            for i in range(group, group + config.p_ic)
                        ]
                        beats += b"".join(value(w, config.weight_w) for w in row)[::-1]
    assert pack_weights(layer, config).tobytes() == beats


def test_a_recording_is_read_back(tmp_path: Path) -> None:
    config = CONFIGS[0]
    words = [
        *(0x8001_7FFF, 0x0002_FFFF, 0xFF, 0b00, 7, 0),
        *(0x0000_0001, 0xDEAD_BEEF, 0x03, 0b11, 8, 1),
    ]
    path = tmp_path / "job.out"
    np.array(words, "<u4").tofile(path)
    recording = read_recording(path, config)
    assert recording.values.tolist()[0] == [32767, -32767, -1, 2]
    assert recording.values.tolist()[1][0] == 1
    assert recording.keep.tolist() == [[True] * 4, [True, False, False, False]]
    assert recording.last.tolist() == [False, True]
    assert recording.user.tolist() == [False, True]
    assert recording.cycle.tolist() == [7, 8 + (1 << 32)]


def test_a_torn_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.out"
    np.zeros(7, "<u4").tofile(path)
    with pytest.raises(ValueError, match=r"job\.out: 7 words are not a multiple of 6"):
        read_recording(path, CONFIGS[0])
