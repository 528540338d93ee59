"""Broken designs and broken drivers, and the check that each one has to turn red.

A later bug found in the RTL belongs here too. `tb.tests.break_all` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tb.build import Patch
from tb.inject import ROUNDING_PATCH
from tb.toolchain import Simulator

STALLS: Final = ("cocotb_streams", "computes_every_value_whatever_stalls")
SHAPES: Final = ("cocotb_streams", "takes_channels_off_the_lane_grid")
BANKS: Final = ("cocotb_streams", "waits_for_a_bank_that_is_still_draining")
KERNELS: Final = ("cocotb_streams", "takes_every_kernel_and_padding")
COUNTERS: Final = ("cocotb_streams", "counts_every_cycle_once")
FULL: Final = ("cocotb_streams", "fills_the_memories_to_the_last_word")
BUSY: Final = ("cocotb_resets", "refuses_a_start_while_busy")
RESET: Final = ("cocotb_resets", "recovers_from_reset_in_every_cycle_of_a_job")
ILLEGAL: Final = ("cocotb_illegal", "names_every_illegal_descriptor")
LENGTHS: Final = ("cocotb_illegal", "names_every_stream_that_ends_at_the_wrong_beat")
NEVER: Final = ("cocotb_illegal", "ends_a_stream_that_never_comes")
REGISTERS: Final = ("cocotb_illegal", "refuses_unknown_and_read_only_registers")
MODELS: Final = ("cocotb_axi", "agrees_with_the_models_whatever_pauses")
ANSWERS: Final = ("cocotb_illegal", "holds_a_response_until_it_is_taken")
BLOCKED: Final = ("cocotb_axi", "counts_a_job_once_whenever_the_watchdog_expires")


OUT_SKID_W: Final = 4 * 16 + 4 * 2 + 2
"""Beat of the output's skid buffer on the 4x4 array, which tells it from the inputs'."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One fault and what finds it.

    Parameters
    ----------
    patch : Patch
    test : tuple of str
        cocotb module and test that turn red.
    message : str
        Regular expression that its message matches: the check that caught it.
    icarus : str, optional
        The same under Icarus, where its X makes another check faster.
    only : str, optional
        The one simulator that can see it.
    """

    patch: Patch
    test: tuple[str, str]
    message: str
    icarus: str | None = None
    only: str | None = None

    def expected(self, simulator: Simulator) -> str | None:
        """What the message has to match; None where this simulator cannot see the fault."""
        if self.only is not None and self.only != simulator.name:
            return None
        return self.icarus if simulator.name == "icarus" and self.icarus else self.message


def _of(name: str, file: str, old: str, new: str) -> Patch:
    return Patch(name, file, old, new)


BROKEN: Final = (
    Broken(
        _of(
            *("valid dropped", "axis_skid.v"),
            "assign m_valid = out_valid;",
            f"assign m_valid = out_valid && !(DATA_W == {OUT_SKID_W} && spare_valid);",
        ),
        STALLS,
        "m_axis_out.*valid is held",
    ),
    Broken(
        _of(
            "data changed while stalled",
            "axis_skid.v",
            "            spare_data  <= s_data;\n",
            "            spare_data  <= s_data;\n"
            f"            if (DATA_W == {OUT_SKID_W})\n                out_data <= s_data;\n",
        ),
        STALLS,
        "m_axis_out.*payload is held",
    ),
    Broken(
        _of(
            *("TLAST after every group", "drain.v"),
            *("word_last   <= last_pixel && last_group;", "word_last   <= last_pixel;"),
        ),
        STALLS,
        "m_axis_out.*TLAST is early",
    ),
    Broken(
        _of("TLAST missing", "drain.v", "out_last    <= round_last;", "out_last    <= 1'b0;"),
        STALLS,
        "m_axis_out.*TLAST is missing",
    ),
    Broken(
        _of(
            "dead lane kept",
            "drain.v",
            "{16'd0, channels_left} > lane",
            "{16'd0, channels_left} >= lane",
        ),
        STALLS,
        "^surplus: ",
    ),
    Broken(
        _of(
            *("lanes swapped", "output_stage.v"),
            *(".value(values[o*A_W +: A_W])", ".value(values[(o ^ 1)*A_W +: A_W])"),
        ),
        STALLS,
        "^mismatch: ",
    ),
    Broken(
        _of(
            *("stale weights", "mac_lane.v"),
            *("        if (load)\n", "        if (load && !swap)\n"),
        ),
        STALLS,
        "^mismatch: ",
    ),
    Broken(
        _of(
            "padding off by one",
            "pass_sequencer.v",
            "outside      = ix < 13'sd0",
            "outside      = ix < -13'sd1",
        ),
        KERNELS,
        "^mismatch: ",
        icarus="payload is known|^mismatch: ",
    ),
    Broken(
        _of(
            *("activation sign lost", "mac_array.v"),
            *("{{(32-A_W){word[i*A_W + A_W - 1]}}, word", "{{(32-A_W){1'b0}}, word"),
        ),
        STALLS,
        "^mismatch: ",
    ),
    Broken(ROUNDING_PATCH, STALLS, "^mismatch: "),
    Broken(
        _of("saturation missing", "post_lane.v", "beyond && !wrap", "beyond && wrap"),
        STALLS,
        "^mismatch: ",
    ),
    Broken(
        _of(
            "accumulator not cleared",
            "accumulator_lane.v",
            "start = first ? bias",
            "start = first && 1'b0 ? bias",
        ),
        STALLS,
        "^mismatch: ",
        icarus="m_axis_out.*payload is known",
    ),
    Broken(
        _of(
            *("wrong tap order", "pass_sequencer.v"),
            "                tap_addr   <= tap_addr + word_step;\n"
            "                line_addr  <= tap_addr + word_step;\n"
            "                pixel_addr <= tap_addr + word_step;\n",
            "                tap_addr   <= tap_addr + row_pitch;\n"
            "                line_addr  <= tap_addr + row_pitch;\n"
            "                pixel_addr <= tap_addr + row_pitch;\n",
        ),
        STALLS,
        "^mismatch: ",
        icarus="payload is known|^mismatch: ",
    ),
    Broken(
        _of(
            "wrong channel group",
            "pass_sequencer.v",
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr + 1'b1;",
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr;",
        ),
        SHAPES,
        "^mismatch: ",
    ),
    Broken(
        _of(
            "bank handed back too early",
            "drain.v",
            "assign bank_free = ~taken;",
            "assign bank_free = 2'b11;",
        ),
        BANKS,
        "^(mismatch|shortage|timeout): ",
    ),
    Broken(
        _of(
            "last word of the memory refused",
            "job_check.v",
            "last_word > WORDS",
            "last_word >= WORDS",
        ),
        FULL,
        "^shortage: .*INPUT_MEMORY",
    ),
    Broken(
        _of(
            "sequencer never ends",
            "pass_sequencer.v",
            "running     <= groups_left != 12'd1;",
            "running     <= 1'b1;",
        ),
        SHAPES,
        "^timeout: ",
    ),
    Broken(
        _of(
            "status never set",
            "job_control.v",
            "error      <= check_error;",
            "error      <= `CONV_PE_NONE;",
        ),
        ILLEGAL,
        "status NONE, SIZE expected",
    ),
    Broken(
        _of(
            "late TLAST unseen",
            "act_loader.v",
            "late       <= !s_last && words_left == 32'd1;",
            "late       <= 1'b0;",
        ),
        LENGTHS,
        "the job did not end",
    ),
    Broken(
        _of("watchdog dead", "job_control.v", "quiet >= watchdog;", "1'b0;"),
        NEVER,
        "the job did not end",
    ),
    Broken(
        _of(
            *("a job ends twice", "job_control.v"),
            *("quiet       <= progress ||", "quiet       <= (progress && state != RUN) ||"),
        ),
        BLOCKED,
        "jobs done",
    ),
    Broken(
        _of("start taken while busy", "axil_regs.v", "(!ready || start);", "start;"),
        BUSY,
        "assert 0 == 2",
    ),
    Broken(
        _of("response dropped", "axil_regs.v", "if (s_axil_bready)", "if (1'b1)"),
        MODELS,
        "AXI4-Lite channel 2.*valid is held",
    ),
    Broken(
        _of(
            "partial write taken",
            "axil_regs.v",
            "s_axil_wstrb == 4'b1111",
            "s_axil_wstrb != 4'b0000",
        ),
        REGISTERS,
        "assert 0 == 2",
    ),
    Broken(
        _of("a cycle counted twice", "perf_counters.v", "else if (loading)", "if (loading)"),
        COUNTERS,
        "assert .* == ",
    ),
    Broken(
        _of("bank pointer not reset", "drain.v", "            read_bank   <= 1'b0;\n", ""),
        STALLS,
        "is known",
        only="icarus",
    ),
    Broken(
        _of(
            "state not reset",
            "job_control.v",
            "        if (rst) begin\n            state       <= IDLE;\n",
            "        if (rst) begin\n",
        ),
        RESET,
        "answered 2",
        icarus="is known|answered 2",
    ),
    Broken(
        _of(
            "driver changes data",
            "stream_player.v",
            "else if (!tvalid || tready) begin",
            "else begin",
        ),
        STALLS,
        "s_axis_(act|wgt).*(payload|valid) is held",
    ),
    Broken(
        _of(
            "driver ends early",
            "stream_player.v",
            "tlast  <= left == 32'd1;",
            "tlast  <= left == 32'd2;",
        ),
        STALLS,
        "s_axis_(act|wgt).*TLAST is early",
    ),
    Broken(
        _of(
            *("TKEEP with a hole", "drain.v"),
            *("{16'd0, channels_left} > lane", "{16'd0, channels_left} > lane && lane != 1"),
        ),
        STALLS,
        "m_axis_out.*TKEEP has a hole",
    ),
    Broken(
        _of("TKEEP empty", "conv_pe.v", "{(A_W/8){out_keep[o]}}", "{(A_W/8){1'b0 && out_keep[o]}}"),
        STALLS,
        "m_axis_out.*TKEEP is empty",
    ),
    Broken(
        _of(
            *("output speaks in reset", "axis_skid.v"),
            "        if (rst) begin\n            out_valid   <= 1'b0;\n",
            f"        if (rst) begin\n            out_valid   <= DATA_W == {OUT_SKID_W};\n",
        ),
        STALLS,
        "m_axis_out.*silent in reset",
    ),
    Broken(
        _of(
            *("read data changes", "axil_regs.v"),
            "        if (rst)\n            s_axil_rvalid <= 1'b0;\n",
            "        if (s_axil_rvalid)\n            s_axil_rdata <= ~s_axil_rdata;\n"
            "        if (rst)\n            s_axil_rvalid <= 1'b0;\n",
        ),
        ANSWERS,
        "AXI4-Lite channel 4.*payload is held",
    ),
    Broken(
        _of(
            *("start answered twice", "axil_regs.v"),
            "        if (s_axil_bready)\n            s_axil_bvalid <= 1'b0;\n",
            "        if (s_axil_bready)\n            s_axil_bvalid <= start;\n",
        ),
        STALLS,
        "AXI4-Lite channel 2.*B without a write",
    ),
    Broken(
        _of(
            "response of no kind",
            "axil_regs.v",
            "s_axil_bresp  <= OKAY;",
            "s_axil_bresp  <= 2'b01;",
        ),
        ANSWERS,
        "AXI4-Lite channel 2.*response is legal",
    ),
    Broken(
        _of(
            *("shadow state not reset", "weight_loader.v"),
            "            groups_left  <= 12'd0;\n            weights_full <= 1'b0;\n",
            "            groups_left  <= 12'd0;\n",
        ),
        STALLS,
        "control is known",
        only="icarus",
    ),
)

FEW: Final = (
    *("valid dropped", "lanes swapped", "padding off by one", "accumulator not cleared"),
    *("status never set", "bank pointer not reset"),
)
"""Those that run with every ``make test``."""
