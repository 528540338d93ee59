"""Faults in what computes a value: array, accumulator, output arithmetic, walk, check."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.detection import (
    BANKS,
    FULL,
    ILLEGAL,
    IN_TURN,
    KERNELS,
    MISMATCH,
    SHAPES,
    STALLS,
    catalogued,
    detection,
)

VALUES: Final = (
    catalogued("dead-lane-kept", STALLS, "^surplus: "),
    catalogued("lanes-swapped", STALLS, MISMATCH),
    catalogued("stale-weights", STALLS, MISMATCH),
    catalogued("weights-overwritten", STALLS, "^(mismatch|timeout): "),
    detection(
        ("biases overwritten", "weight_loader.v"),
        ("in_bias ? !bias_full || swap_bias :", "in_bias ? 1'b1 :"),
        BANKS,
        MISMATCH,
    ),
    catalogued("padding-off-by-one", KERNELS, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    catalogued("activation-sign-lost", STALLS, MISMATCH),
    catalogued("rounding", STALLS, MISMATCH),
    catalogued("saturation-missing", STALLS, MISMATCH),
    catalogued("accumulator-not-cleared", STALLS, MISMATCH, icarus="m_axis_out.*payload is known"),
    detection(
        ("stride applied once", "pass_sequencer.v"),
        ("row_step  = stride_2 ? row_pitch << 1 : row_pitch;", "row_step  = row_pitch;"),
        KERNELS,
        MISMATCH,
        icarus=f"payload is known|{MISMATCH}",
    ),
    catalogued("wrong-tap-order", STALLS, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    catalogued("wrong-channel-group", SHAPES, MISMATCH),
    detection(
        ("bank handed back too early", "drain.v"),
        ("assign bank_free = ~taken;", "assign bank_free = 2'b11;"),
        BANKS,
        "^(mismatch|shortage|timeout): |TLAST is early",
    ),
    detection(
        ("bank pointer begins anew", "pass_sequencer.v"),
        (
            "            groups_left <= out_groups;\n",
            "            groups_left <= out_groups;\n            bank_reg    <= 1'b0;\n",
        ),
        IN_TURN,
        "^timeout: ",
    ),
    detection(
        ("sequencer never ends", "pass_sequencer.v"),
        ("running     <= groups_left != 12'd1;", "running     <= 1'b1;"),
        SHAPES,
        "^timeout: |TLAST is missing",
    ),
    detection(
        ("last word of the memory refused", "job_check.v"),
        ("last_word > WORDS", "last_word >= WORDS"),
        FULL,
        "^shortage: .*INPUT_MEMORY",
    ),
    detection(
        ("pool beyond the tile unseen", "job_check.v"),
        ("spare_w[16] || spare_h[16]", "spare_w[16]"),
        ILLEGAL,
        "POOL expected|did not end",
    ),
    detection(
        ("own channels unchecked", "job_check.v"),
        ("else if (own && (", "else if (1'b0 && ("),
        ILLEGAL,
        "OWN_CHANNELS expected|did not end",
    ),
)
