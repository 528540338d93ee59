"""Faults in what computes a value: array, accumulator, output arithmetic, walk, check."""

from __future__ import annotations

from typing import Final

from tb.inject import ROUNDING_PATCH
from tb.tests.fault import (
    BANKS,
    FULL,
    ILLEGAL,
    IN_TURN,
    KERNELS,
    MISMATCH,
    SHAPES,
    STALLS,
    Broken,
    fault,
)

VALUES: Final = (
    fault(
        ("dead lane kept", "drain.v"),
        ("{16'd0, bank_channels} > lane", "{16'd0, bank_channels} >= lane"),
        STALLS,
        "^surplus: ",
    ),
    fault(
        ("lanes swapped", "output_stage.v"),
        (".highest(highest[o*A_W +: A_W])", ".highest(highest[(o ^ 1)*A_W +: A_W])"),
        STALLS,
        MISMATCH,
    ),
    fault(
        ("stale weights", "mac_array.v"),
        ("if (lane_load[o])", "if (lane_load[o] && !swap)"),
        STALLS,
        MISMATCH,
    ),
    fault(
        ("weights overwritten", "weight_loader.v"),
        (": !weights_full || swap_weights;", ": 1'b1;"),
        STALLS,
        "^(mismatch|timeout): ",
    ),
    fault(
        ("biases overwritten", "weight_loader.v"),
        ("in_bias ? !bias_full || swap_bias :", "in_bias ? 1'b1 :"),
        BANKS,
        MISMATCH,
    ),
    fault(
        ("padding off by one", "pass_sequencer.v"),
        ("outside      = ix < 13'sd0", "outside      = ix < -13'sd1"),
        KERNELS,
        MISMATCH,
        icarus=f"payload is known|{MISMATCH}",
    ),
    fault(
        ("activation sign lost", "mac_array.v"),
        ("{{(32-A_W){word[i*A_W + A_W - 1]}}, word", "{{(32-A_W){1'b0}}, word"),
        STALLS,
        MISMATCH,
    ),
    Broken(ROUNDING_PATCH, STALLS, MISMATCH),
    fault(
        ("saturation missing", "post_lane.v"),
        ("if (!wrap && x[WIDE_W-1:A_W-1]", "if (wrap && x[WIDE_W-1:A_W-1]"),
        STALLS,
        MISMATCH,
    ),
    fault(
        ("accumulator not cleared", "accumulator.v"),
        ("low  = first ? low_bias", "low  = first && 1'b0 ? low_bias"),
        STALLS,
        MISMATCH,
        icarus="m_axis_out.*payload is known",
    ),
    fault(
        ("wrong tap order", "pass_sequencer.v"),
        (
            "                tap_addr   <= tap_addr + word_step;\n"
            "                line_addr  <= tap_addr + word_step;\n"
            "                pixel_addr <= tap_addr + word_step;\n",
            "                tap_addr   <= tap_addr + row_pitch;\n"
            "                line_addr  <= tap_addr + row_pitch;\n"
            "                pixel_addr <= tap_addr + row_pitch;\n",
        ),
        STALLS,
        MISMATCH,
        icarus=f"payload is known|{MISMATCH}",
    ),
    fault(
        ("wrong channel group", "pass_sequencer.v"),
        (
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr + 1'b1;",
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr;",
        ),
        SHAPES,
        MISMATCH,
    ),
    fault(
        ("bank handed back too early", "drain.v"),
        ("assign bank_free = ~taken;", "assign bank_free = 2'b11;"),
        BANKS,
        "^(mismatch|shortage|timeout): |TLAST is early",
    ),
    fault(
        ("bank pointer begins anew", "pass_sequencer.v"),
        (
            "            groups_left <= out_groups;\n",
            "            groups_left <= out_groups;\n            bank_reg    <= 1'b0;\n",
        ),
        IN_TURN,
        "^timeout: ",
    ),
    fault(
        ("sequencer never ends", "pass_sequencer.v"),
        ("running     <= groups_left != 12'd1;", "running     <= 1'b1;"),
        SHAPES,
        "^timeout: |TLAST is missing",
    ),
    fault(
        ("last word of the memory refused", "job_check.v"),
        ("last_word > WORDS", "last_word >= WORDS"),
        FULL,
        "^shortage: .*INPUT_MEMORY",
    ),
    fault(
        ("pool beyond the tile unseen", "job_check.v"),
        ("spare_w[16] || spare_h[16]", "spare_w[16]"),
        ILLEGAL,
        "POOL expected|did not end",
    ),
    fault(
        ("own channels unchecked", "job_check.v"),
        ("else if (own && (", "else if (1'b0 && ("),
        ILLEGAL,
        "OWN_CHANNELS expected|did not end",
    ),
)
