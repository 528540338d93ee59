"""The signals that a wave shows, in groups along the data flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from golden.config import PEConfig
from tb.debug.localization.descriptor import dot_width
from tb.duts.conv_pe.pipeline_steps import Step
from tb.toolchain.build import TOP

DUT: Final = f"{TOP}.dut"
CORE: Final = f"{DUT}.compute"
SLOT: Final = 32
"""Bits that an operand takes in the array."""
WIDEST: Final = 1 << 15
"""Bits of the widest vector that GTKWave takes apart."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A signal, or some of its bits, as GTKWave shows it."""

    name: str
    """From the simulation top on."""
    width: int = 1
    """Bits of the signal."""
    format: str = "hex"
    """GTKWave's data format: ``hex``, ``dec``, ``signed`` or ``bin``."""
    scale: str | None = None
    """Which fraction bits it has: ``input``, ``weight``, ``sum`` or ``output``."""
    names: str | None = None
    """Table that translates its numbers, see `tb.debug.gtkwave.translate`."""
    bits: tuple[int, ...] | None = None
    """Show these alone, the most significant first."""
    alias: str | None = None
    """Name of those bits."""

    @property
    def signal(self) -> str:
        """Name with the bit range that a vector carries in a dump."""
        return self.name if self.width == 1 else f"{self.name}[{self.width - 1}:0]"

    @property
    def label(self) -> str:
        """What stands in a save file; GTKWave counts bits from the most significant on."""
        if self.bits is None:
            return self.signal
        parts = (f"({self.width - 1 - bit}){self.signal}" for bit in self.bits)
        return f"#{{{self.alias}}} {' '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Group:
    """Signals of one stage."""

    title: str
    steps: tuple[Step, ...]
    """Steps of the data flow that it shows; none for the clock."""
    traces: tuple[Trace, ...]


def groups(config: PEConfig, lane: int = 0) -> tuple[Group, ...]:
    """Return the groups in the order of the data flow.

    Parameters
    ----------
    config : PEConfig
        Gives the widths.
    lane : int
        Lane of the array and of the output stages to show.
    """
    return tuple(
        Group(title, steps, tuple(traces)) for title, steps, traces in _Groups(config, lane).all()
    )


_Entry = tuple[str, tuple[Step, ...], list[Trace]]


class _Groups:
    """The groups of one build, for one lane."""

    def __init__(self, config: PEConfig, lane: int) -> None:
        self.config, self.lane = config, lane
        self.address = (config.input_words - 1).bit_length()
        self.pixel = f"{(config.tile_pixels - 1).bit_length()} dec"
        self.acts, self.weights = config.p_ic * config.act_w, config.p_ic * config.weight_w
        self.outs = config.p_oc * config.act_w
        self.high = max(config.acc_w - SLOT, 1)

    def all(self) -> Iterator[_Entry]:
        yield "clock", (), _traces(TOP, "clk", "rst", "cycle 64 dec")
        yield "registers and control", (Step.CONTROL,), self._control()
        title = "descriptors"
        yield title, (Step.CONTROL,), self._descriptors()
        yield "activation input", (Step.INPUT,), self._input()
        yield "weights and biases", (Step.WEIGHTS, Step.BIAS), self._weights()
        yield "sequencer", (Step.SEQUENCER,), self._sequencer()
        yield f"operands of lane {self.lane}", (Step.INPUT, Step.WEIGHTS), list(self._operands())
        yield f"array, lane {self.lane}", (Step.ARRAY,), self._array()
        title = f"accumulator, lane {self.lane}"
        yield title, (Step.BIAS, Step.ACCUMULATOR), self._accumulator()
        yield "drain and readout", (Step.DRAIN,), self._drain()
        steps = (Step.REQUANTISER, Step.ACTIVATION, Step.SATURATION)
        yield f"requantiser, lane {self.lane}", steps, self._requantiser()
        yield f"pool, lane {self.lane}", (Step.POOL,), self._pool()
        yield "output stream", (Step.OUTPUT,), self._output()

    def _control(self) -> list[Trace]:
        address = "addr 8 dec - register"
        return [
            *_traces(DUT, *_pairs("s_axil_aw", address), *_pairs("s_axil_w", "data 32")),
            *_traces(DUT, *_pairs("s_axil_b", "resp 2 dec - response")),
            *_traces(DUT, *_pairs("s_axil_ar", address), *_pairs("s_axil_r", "data 32")),
            *_traces(DUT, "s_axil_rresp 2 dec - response"),
            *_traces(DUT, "start", "ready", "busy", "irq"),
            *_traces(DUT, "last_error 8 dec - status", "jobs_done 16 dec"),
        ]

    def _descriptors(self) -> list[Trace]:
        post = f"{DUT}.array_post"
        return [
            *_traces(f"{DUT}.fetch", "state 3 dec - fetch"),
            *_traces(f"{DUT}.control", "state 2 dec - control"),
            *_traces(DUT, "pending 2 dec", "loading", "apart", "launch", "job_end", "abort"),
            *_traces(DUT, "fetch_in_size 32", "fetch_out_size 32", "fetch_channels 32"),
            *_traces(DUT, "fetch_kernel 28", "fetch_post 16", "fetch_pool 16", "fetch_base 16"),
            *_traces(DUT, "array_in_size 32", "array_out_size 32", "array_channels 32"),
            *_traces(DUT, "array_kernel 28", "array_post 16", "array_pool 16"),
            Trace(post, 16, "dec", bits=_range(0, 6), alias="array shift"),
            Trace(post, 16, "dec", names="rounding", bits=(8,), alias="array rounding"),
            Trace(post, 16, "dec", names="overflow", bits=(9,), alias="array overflow"),
            Trace(
                post, 16, "dec", names="activation", bits=_range(12, 2), alias="array activation"
            ),
            Trace(post, 16, "dec", names="slope", bits=(14,), alias="array slope"),
            Trace(post, 16, "dec", names="place", bits=(15,), alias="array act place"),
        ]

    def _input(self) -> list[Trace]:
        return [
            *_traces(DUT, *_pairs("s_axis_act_t", f"data {self.acts}"), "s_axis_act_tlast"),
            *_traces(DUT, "act_load", "wr_en", f"wr_addr {self.address} dec"),
            *_traces(DUT, f"wr_data {self.acts}", "act_complete"),
        ]

    def _weights(self) -> list[Trace]:
        lanes = self.config.p_oc
        return [
            *_traces(DUT, *_pairs("s_axis_wgt_t", f"data {self.weights}"), "s_axis_wgt_tlast"),
            *_traces(DUT, "wgt_ours", "bias_shift", f"lane_load {lanes} bin"),
            *_traces(f"{CORE}.array.g_lane[{self.lane}]", f"shadow {self.weights}"),
            *_traces(f"{CORE}.accumulators", f"bias_shadow {lanes * 64}"),
            *_traces(DUT, "weights_full", "swap_weights", "swap_bias", "waiting_weights"),
        ]

    def _sequencer(self) -> list[Trace]:
        place = ("ky 4 dec", "kx 4 dec", "oy 10 dec", "ox 10 dec", "iy 13 signed", "ix 13 signed")
        return [
            *_traces(f"{CORE}.sequencer", "running", "groups_left 12 dec", "in_group 12 dec"),
            *_traces(f"{CORE}.sequencer", *place),
            *_traces(CORE, "issue", "advance", f"rd_addr {self.address} dec", "outside", "bank"),
            *_traces(CORE, f"pixel {self.pixel}", "pass_first", "group_first", "group_last"),
        ]

    def _operands(self) -> Iterator[Trace]:
        """The activations of the cycle, each with the lane's weight that it meets."""
        config, array = self.config, f"{CORE}.array"
        acts, weights = config.p_ic * SLOT, config.p_ic * config.p_oc * SLOT
        for i in range(config.p_ic):
            bits = _range(i * SLOT, config.act_w)
            alias = f"activation {i}"
            yield Trace(f"{array}.act", acts, "signed", "input", bits=bits, alias=alias)
            if weights <= WIDEST:
                bits = _range((i * config.p_oc + self.lane) * SLOT, config.weight_w)
                alias = f"weight {i}"
                yield Trace(f"{array}.weight", weights, "signed", "weight", bits=bits, alias=alias)

    def _array(self) -> list[Trace]:
        lane = f"{CORE}.array.g_lane[{self.lane}]"
        stages = (f"valid_{n}" for n in (1, 2, 3))
        return [
            *_traces(CORE, *stages, f"pixel_2 {self.pixel}", "outside_1"),
            *_traces(CORE, f"rd_data {self.acts}", "mac"),
            *_traces(f"{CORE}.array", f"act {self.config.p_ic * SLOT}", "swap"),
            *_traces(lane, f"sum {dot_width(self.config)} signed sum"),
        ]

    def _accumulator(self) -> list[Trace]:
        unit, o = f"{CORE}.accumulators", self.lane
        wide = self.high + SLOT
        places = ("read", "read_bank", f"read_pixel {self.pixel}", "add", "first", "add_bank")
        return [
            *_traces(unit, "load_bias", *places, f"add_pixel {self.pixel}"),
            Trace(
                f"{unit}.low_bias",
                self.config.p_oc * SLOT,
                bits=_range(o * SLOT, SLOT),
                alias="bias, low 32 bits",
            ),
            *_traces(f"{unit}.g_lane[{o}]", f"low {SLOT}", f"high {self.high}"),
            *_traces(f"{unit}.g_lane[{o}]", f"term {dot_width(self.config)} signed sum"),
            *_traces(f"{unit}.g_lane[{o}]", f"sum {wide} signed sum"),
        ]

    def _drain(self) -> list[Trace]:
        walk = f"{DUT}.drainer.walk"
        return [
            *_traces(DUT, "bank_free 2 bin", "drain_read", "drain_bank", "step"),
            *_traces(DUT, f"drain_pixel {self.pixel}"),
            *_traces(walk, "x_left 11 dec", "y_left 11 dec", "wx 2 dec", "wy 2 dec"),
            *_traces(walk, "window_first", "window_last", "clipped", "last"),
            *_traces(DUT, f"sums {self.config.p_oc * self.config.acc_w}"),
        ]

    def _requantiser(self) -> list[Trace]:
        lane, width = f"{DUT}.post_stage.g_lane[{self.lane}].lane", self.config.acc_w
        return [
            *_traces(DUT, "step", "word_valid"),
            *_traces(lane, f"sum {width} signed sum", f"half {width} signed sum"),
            *_traces(DUT, "round_valid"),
            *_traces(lane, f"rounded {width + 4} signed output"),
            *_traces(DUT, "value_valid"),
            *_traces(lane, f"value {self.config.act_w} signed output"),
        ]

    def _pool(self) -> list[Trace]:
        lane = f"{DUT}.post_stage.g_lane[{self.lane}].lane"
        return [
            *_traces(DUT, "value_valid", "value_first", "value_floor", "value_last"),
            *_traces(lane, f"highest {self.config.act_w} signed output"),
            *_traces(DUT, "out_valid"),
        ]

    def _output(self) -> list[Trace]:
        own = _range(self.lane * self.config.act_w, self.config.act_w)
        data = Trace(f"{DUT}.m_axis_out_tdata", self.outs)
        alias = f"m_axis_out_tdata, lane {self.lane}"
        keep = f"m_axis_out_tkeep {self.outs // 8} bin"
        return [
            *_traces(DUT, f"tap {self.outs}", f"out_data {self.outs}", "skid_ready"),
            *_traces(DUT, *_pairs("m_axis_out_t", f"data {self.outs}")),
            replace(data, format="signed", scale="output", bits=own, alias=alias),
            *_traces(DUT, "m_axis_out_tlast", "m_axis_out_tuser", keep),
        ]


def _pairs(prefix: str, payload: str) -> tuple[str, str, str]:
    """A channel's handshake and its payload."""
    return f"{prefix}valid", f"{prefix}ready", f"{prefix}{payload}"


def _range(low: int, count: int) -> tuple[int, ...]:
    """So many bits from `low` up, the most significant first."""
    return tuple(range(low + count - 1, low - 1, -1))


def _traces(scope: str, *described: str) -> list[Trace]:
    """Signals of one scope, each described by name, width, format, scale and names.

    All but the first may be left out, and ``-`` stands for no scale.

    Examples
    --------
    >>> _traces("top", "clk", "count 8 dec")[1].label
    'top.count[7:0]'
    """
    found = []
    for text in described:
        name, width, form, scale, names = text.split() + ["1", "hex", "-", "-"][text.count(" ") :]
        scaled, named = (None if word == "-" else word for word in (scale, names))
        found.append(Trace(f"{scope}.{name}", int(width), form, scaled, named))
    return found
