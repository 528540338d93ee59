"""The PE's register map, as ``docs/rtl/control.md`` has it, and a job's descriptor."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from golden.config import (
    Activation,
    LeakyPlace,
    Overflow,
    PEConfig,
    PoolPad,
    ProductMode,
    Rounding,
    Slope,
)
from golden.dataflow.tile import Job

PE_ID: Final = 0x43504531


class Register(IntEnum):
    """Byte addresses."""

    ID = 0x00
    VERSION = 0x04
    LANES = 0x08
    WIDTHS = 0x0C
    TILE_PIXELS = 0x10
    INPUT_WORDS = 0x14
    CONTROL = 0x20
    STATUS = 0x24
    WATCHDOG = 0x28
    IN_SIZE = 0x40
    OUT_SIZE = 0x44
    CHANNELS = 0x48
    KERNEL = 0x4C
    POST = 0x50
    IN_BASE = 0x54
    POOL = 0x58
    CYCLES = 0x80
    MAC_CYCLES = 0x84
    STALL_INPUT = 0x88
    STALL_WEIGHTS = 0x8C
    STALL_DRAIN = 0x90
    STALL_OTHER = 0x94
    ERROR = 0x98


SLOT_STRIDE: Final = 0x40
"""From a result's register of an even job to that of an odd one."""

COUNTERS: Final = tuple(r for r in Register if Register.CYCLES <= r <= Register.STALL_OTHER)


class Control(IntEnum):
    """Bits of CONTROL."""

    START = 1
    SOFT_RESET = 2
    IRQ_CLEAR = 4


class StatusCode(IntEnum):
    """How a job ended, STATUS[15:8]."""

    NONE = 0x00
    SIZE = 0x01
    KERNEL = 0x02
    STRIDE = 0x03
    PADDING = 0x04
    GEOMETRY = 0x05
    INPUT_MEMORY = 0x06
    TILE_PIXELS = 0x07
    SHIFT = 0x08
    ACTIVATION = 0x09
    POOL = 0x0A
    OWN_CHANNELS = 0x0B
    ACT_EARLY = 0x10
    ACT_LATE = 0x11
    WGT_EARLY = 0x12
    WGT_LATE = 0x13
    WATCHDOG = 0x20


def build_registers(config: PEConfig) -> dict[Register, int]:
    """What the design reports of itself if it was built with `config`."""
    widths = list(ProductMode).index(config.mode) << 24
    widths |= config.acc_w << 16 | config.weight_w << 8 | config.act_w
    return {
        Register.ID: PE_ID,
        Register.LANES: config.p_oc << 16 | config.p_ic,
        Register.WIDTHS: widths,
        Register.TILE_PIXELS: config.tile_pixels,
        Register.INPUT_WORDS: config.input_words,
    }


def descriptor(job: Job, in_base: int = 0) -> dict[Register, int]:
    """The words that describe a job whose input lies from word `in_base` of the tile memory on."""
    layer, tile = job.layer, job.tile
    channels, rows, columns = job.input_shape
    kh, kw = layer.kernel
    pad = layer.padding
    post = layer.shift
    post |= (layer.rounding is Rounding.FLOOR) << 8
    post |= (layer.overflow is Overflow.WRAP) << 9
    post |= list(Activation).index(layer.activation) << 12
    post |= (layer.slope is Slope.THIRTEEN_128THS) << 14
    post |= (layer.place is LeakyPlace.BEFORE_REQUANT) << 15
    return {
        Register.IN_SIZE: rows << 16 | columns,
        Register.OUT_SIZE: tile.height << 16 | tile.width,
        Register.CHANNELS: layer.out_channels << 16 | channels,
        Register.KERNEL: kh
        | kw << 4
        | layer.stride << 8
        | pad.top << 12
        | pad.bottom << 16
        | pad.left << 20
        | pad.right << 24,
        Register.POST: post,
        Register.IN_BASE: in_base,
        Register.POOL: _pool(job),
    }


def _pool(job: Job) -> int:
    """The word that says how a job's values leave."""
    readout = job.readout
    word = 0 if readout.size == 1 else readout.size
    word |= (readout.stride == 2) << 4
    word |= readout.pad_bottom << 5
    word |= readout.pad_right << 6
    word |= (readout.pad is PoolPad.ZERO) << 7
    word |= readout.upsample << 8
    return word | job.own_channels << 12
