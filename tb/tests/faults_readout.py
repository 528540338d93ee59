"""Faults in what stands behind the activation: windows, upsampling, own channels."""

from __future__ import annotations

from typing import Final

from tb.tests.fault import ALONE, MISMATCH, POOLS, UPSAMPLES, fault

READOUT: Final = (
    fault(
        ("edge pixel lost", "readout.v"),
        ("{8'd0, wx} + 10'd1 == columns", "{8'd0, wx} + 10'd2 == columns"),
        POOLS,
        "^shortage: .*activated values",
    ),
    fault(
        ("window not begun anew", "post_lane.v"),
        ("gather_first ? start : highest", "gather_first && 1'b0 ? start : highest"),
        POOLS,
        MISMATCH,
        icarus="m_axis_out.*payload is known",
    ),
    fault(
        ("padding is never zero", "post_lane.v"),
        ("start = gather_floor ?", "start = gather_floor && 1'b0 ?"),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("padding is always zero", "drain.v"),
        ("word_floor  <= clipped && bank_pool[7];", "word_floor  <= clipped;"),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("clipped at the corner alone", "readout.v"),
        (
            "{8'd0, size} > columns || {8'd0, size} > rows",
            "{8'd0, size} > columns && {8'd0, size} > rows",
        ),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("every window clipped", "readout.v"),
        ("{8'd0, size} > columns || {8'd0, size} > rows", "1'b1"),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("windows overlap", "readout.v"),
        ("hop_x    = stride_2 ? 2 : 1;", "hop_x    = 1;"),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("window rows overlap", "readout.v"),
        ("hop_y    = stride_2 ? pitch << 1 : pitch;", "hop_y    = pitch;"),
        POOLS,
        MISMATCH,
    ),
    fault(
        ("window emitted early", "drain.v"),
        ("word_emit   <= window_last;", "word_emit   <= window_first;"),
        POOLS,
        f"{MISMATCH}|TLAST",
        icarus=f"payload is known|{MISMATCH}|TLAST",
    ),
    fault(
        ("row not repeated", "readout.v"),
        ("stay_y     = upsample && !again_y;", "stay_y     = upsample && again_y;"),
        UPSAMPLES,
        MISMATCH,
        icarus=f"payload is known|{MISMATCH}",
    ),
    fault(
        ("column not repeated", "readout.v"),
        ("stay_x     = upsample && !again_x;", "stay_x     = 1'b0;"),
        UPSAMPLES,
        MISMATCH,
        icarus=f"payload is known|{MISMATCH}",
    ),
    fault(
        ("another group's channels", "pass_sequencer.v"),
        ("own ? first_addr + 1'b1 : first_addr;", "first_addr;"),
        ALONE,
        MISMATCH,
    ),
    fault(
        ("all groups' passes", "job_check.v"),
        ("pass_groups = own ? 12'd1 : in_groups;", "pass_groups = in_groups;"),
        ALONE,
        "^shortage: .*WGT_EARLY",
    ),
)
