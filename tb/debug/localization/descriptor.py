"""A job's registers decoded: its shape, its loops, and its output arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from golden.arithmetic.fixed import activate, saturate, shift_right, wrap
from golden.config import Activation, LeakyPlace, Overflow, PEConfig, ProductMode, Rounding, Slope
from golden.dataflow.tile import groups
from golden.reference.readout import Readout
from tb.debug.probe.names import CORE, READOUT
from tb.debug.probe.watch import windows
from tb.duts.conv_pe.job_record import JobRecord
from tb.duts.conv_pe.registers import Register

BIAS_BYTES: Final = 8
COORDINATES: Final = 1 << 13
"""Range of the sequencer's input coordinates."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What the output stage does with a sum."""

    act_w: int
    """Bits of a value."""
    shift: int
    """Bits that the sum is shifted right by."""
    rounding: Rounding
    """Of that shift."""
    overflow: Overflow
    """Of the shifted sum."""
    activation: Activation
    slope: Slope
    """Of a leaky activation."""
    place: LeakyPlace
    """Whether the activation is given the sum or the requantised value."""

    @property
    def half(self) -> int:
        """What is added before the shift."""
        return 0 if self.rounding is Rounding.FLOOR else 1 << (self.shift - 1)

    def activated(self, value: int) -> int:
        """The activation alone."""
        return int(activate(value, self.activation, self.slope))

    def rounded(self, total: int) -> int:
        """What stands behind the shift: activated before it, or not yet."""
        if self.place is LeakyPlace.BEFORE_REQUANT:
            total = self.activated(total)
        return int(shift_right(total, self.shift, self.rounding))

    def clipped(self, rounded: int) -> int:
        """The same in the bits of a value."""
        clip = saturate if self.overflow is Overflow.SATURATE else wrap
        return int(clip(rounded, self.act_w))

    def value(self, rounded: int) -> int:
        """What leaves the activation stage."""
        clipped = self.clipped(rounded)
        return self.activated(clipped) if self.place is LeakyPlace.AFTER_REQUANT else clipped


def arithmetic_of(post: int, act_w: int) -> Arithmetic:
    """Decode the register POST."""
    floor = post >> 8 & 1 or not post & 0x3F
    return Arithmetic(
        act_w,
        shift=post & 0x3F,
        rounding=Rounding.FLOOR if floor else Rounding.ROUND_HALF_TO_POSITIVE_INFINITY,
        overflow=Overflow.WRAP if post >> 9 & 1 else Overflow.SATURATE,
        activation=list(Activation)[min(post >> 12 & 3, len(Activation) - 1)],
        slope=Slope.THIRTEEN_128THS if post >> 14 & 1 else Slope.EIGHTH,
        place=LeakyPlace.BEFORE_REQUANT if post >> 15 & 1 else LeakyPlace.AFTER_REQUANT,
    )


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A job as its registers describe it."""

    in_width: int
    in_height: int
    out_width: int
    out_height: int
    """Pixels of the input and of the convolution's tile."""
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    """(KH, KW)."""
    stride: int
    pad_top: int
    pad_left: int
    in_base: int
    """First word of the tile memory."""
    post: int
    pool: int
    """The registers of these names."""
    readout: Readout
    config: PEConfig

    @property
    def own(self) -> bool:
        """Whether each output group reads its own input group alone."""
        return bool(self.pool >> 12 & 1)

    @property
    def in_groups(self) -> int:
        """Groups of input lanes."""
        return groups(self.in_channels, self.config.p_ic)

    @property
    def out_groups(self) -> int:
        """Groups of output lanes."""
        return groups(self.out_channels, self.config.p_oc)

    @property
    def taps(self) -> int:
        """Of the kernel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def passes(self) -> int:
        """Of an output group."""
        return self.taps * (1 if self.own else self.in_groups)

    @property
    def pixels(self) -> int:
        """Of the convolution's tile."""
        return self.out_width * self.out_height

    @property
    def words(self) -> int:
        """Of the tile memory."""
        return self.in_width * self.in_height * self.in_groups

    @property
    def bias_beats(self) -> int:
        """Weight beats that hold a group's biases."""
        beat = self.config.p_ic * self.config.weight_w // 8
        return -(-self.config.p_oc * BIAS_BYTES // beat)

    @property
    def arithmetic(self) -> Arithmetic:
        """Of the output stage."""
        return arithmetic_of(self.post, self.config.act_w)

    def windows(self) -> list[tuple[int, ...]]:
        """The pixels that make each value that leaves."""
        return windows(self.readout, self.out_height, self.out_width)

    def settings(self) -> dict[str, int]:
        """Settings of the array and the drain, by the names of `tb.debug.probe.events.SETTINGS`."""
        pitch = self.in_width * self.in_groups
        origin = self.in_base - pitch * self.pad_top - self.in_groups * self.pad_left
        rows, columns = self.readout.shape(self.out_height, self.out_width)
        return {
            "in_groups": self.in_groups,
            "out_groups": self.out_groups,
            "read_w": columns,
            "read_h": rows,
            "row_pitch": pitch % self.config.input_words,
            "origin": origin % self.config.input_words,
        }

    def readout_settings(self) -> dict[str, int]:
        """What the readout is to go by, by the names of `tb.debug.probe.events.READOUT`."""
        rows, columns = self.readout.shape(self.out_height, self.out_width)
        return {
            "width": self.out_width,
            "height": self.out_height,
            "out_width": columns,
            "out_height": rows,
            "size": max(self.pool & 3, 1),
            "stride_2": self.pool >> 4 & 1,
            "upsample": self.pool >> 8 & 1,
        }

    def given(self) -> tuple[dict[str, int], ...]:
        """What the loaders and the sequencer are given, by the names of `names.GIVEN`."""
        core = {name.split(".")[1]: figure for name, figure in self.ports().items()}
        return (
            {"in_base": self.in_base % self.config.input_words, "in_words": self.words},
            {"passes": self.passes, "out_groups": self.out_groups},
            {name: core[name] for name in CORE},
        )

    def kept(self) -> tuple[dict[str, int], ...]:
        """What they copy that to, by the names of `names.KEPT`."""
        loads, weights, core = self.given()
        row, column = (-pad % COORDINATES for pad in (self.pad_top, self.pad_left))
        names = ("pixel_addr", "line_addr", "tap_addr", "ky_addr", "group_addr", "first_addr")
        return (
            {"address": loads["in_base"], "words_left": loads["in_words"]},
            {
                "group_passes": weights["passes"],
                "passes_left": weights["passes"],
                "groups_left": weights["out_groups"],
            },
            {
                "groups_left": core["out_groups"],
                **dict.fromkeys(names, core["origin"]),
                **{"iy": row, "ix": column, "tap_y": row, "tap_x": column},
                "channels_left": self.out_channels,
            },
        )

    def ports(self) -> dict[str, int]:
        """What comes in at the array and the drain, by the names of `events.PORTS`."""
        settings, readout = self.settings(), self.readout_settings()
        core = {
            **{name: settings[name] for name in CORE if name in settings},
            "own": int(self.own),
            "in_w": self.in_width,
            "in_h": self.in_height,
            "out_w": self.out_width,
            "out_h": self.out_height,
            "kw": self.kernel[1],
            "kh": self.kernel[0],
            "stride_2": self.stride - 1,
            "pad_top": self.pad_top,
            "pad_left": self.pad_left,
        }
        drain = {name: readout[name] for name in READOUT[:4]}
        drain |= {"post": self.post & 0xFFFF, "pool": self.pool & 0xFFFF}
        drain["channels"] = self.out_channels
        made = {f"compute.{name}": core[name] for name in CORE}
        return made | {f"drainer.{name}": value for name, value in drain.items()}


def dot_width(config: PEConfig) -> int:
    """Bits of a lane's dot product, as ``compute_core`` has it."""
    growth = (config.p_ic - 1).bit_length() if config.mode is ProductMode.FULL else 0
    return min(32 + growth, config.acc_w)


def descriptor_of(record: JobRecord, config: PEConfig) -> Descriptor:
    """Decode a record's registers."""
    words = record.registers
    kernel, channels = words[Register.KERNEL], words[Register.CHANNELS]
    in_size, out_size = words[Register.IN_SIZE], words[Register.OUT_SIZE]
    return Descriptor(
        in_width=in_size & 0xFFFF,
        in_height=in_size >> 16,
        out_width=out_size & 0xFFFF,
        out_height=out_size >> 16,
        in_channels=channels & 0xFFFF,
        out_channels=channels >> 16,
        kernel=(kernel & 0xF, kernel >> 4 & 0xF),
        stride=kernel >> 8 & 0x3,
        pad_top=kernel >> 12 & 0xF,
        pad_left=kernel >> 20 & 0xF,
        in_base=words[Register.IN_BASE],
        post=words[Register.POST],
        pool=words[Register.POOL],
        readout=record.readout,
        config=config,
    )
