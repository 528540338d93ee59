"""Bugs of the output arithmetic: requantiser, activation, saturation."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import BOTH, NetworkRun, bug

GLARING: Final = NetworkRun("conv5", size=32, picture="chessboard_GRAY.png")
"""A picture so unlike those of the calibration that values saturate."""

OUTPUT_ARITHMETIC: Final = (
    bug(
        ("rounding", "output_stage.v"),
        ("ONE << (read_post[5:0] - 6'd1);", "ONE << read_post[5:0];"),
        Step.REQUANTISER,
        "adds a whole LSB before the shift where half of one belongs",
        NetworkRun("conv1", simulators=("verilator", "icarus")),
    ),
    bug(
        ("rounding missing", "post_lane.v"),
        ("            wide    = wide + $signed({{4{plus[ACC_W-1]}}, plus});\n", ""),
        Step.REQUANTISER,
        "shifts without adding half an LSB: rounds down",
    ),
    bug(
        ("rounding flag inverted", "output_stage.v"),
        ("read_post[8] ||", "!read_post[8] ||"),
        Step.REQUANTISER,
        "rounds down where the descriptor asks for half up, and the other way round",
        NetworkRun("pred_2"),
    ),
    bug(
        ("shift off by one", "post_lane.v"),
        ("shifted = wide >>> shift;", "shifted = wide >>> (shift - 6'd1);"),
        Step.REQUANTISER,
        "shifts by one place too few",
        NetworkRun("conv3"),
    ),
    bug(
        ("logical shift", "post_lane.v"),
        ("shifted = wide >>> shift;", "shifted = wide >> shift;"),
        Step.REQUANTISER,
        "shifts zeros in from above: negative sums become large",
    ),
    bug(
        ("sum sign lost", "post_lane.v"),
        ("wide = {{4{x[ACC_W-1]}}, x};", "wide = {4'd0, x};"),
        Step.REQUANTISER,
        "widens the sum with zeros instead of its sign",
        NetworkRun("conv4"),
    ),
    bug(
        ("leaky slope wrong", "post_lane.v"),
        ("clipped = clipped >>> 3;", "clipped = clipped >>> 2;"),
        Step.ACTIVATION,
        "multiplies negative values by 1/4 instead of 1/8",
    ),
    bug(
        ("leaky slope wrong before the shift", "post_lane.v"),
        (
            "                else                  wide = wide >>> 3;",
            "                else                  wide = wide >>> 2;",
        ),
        Step.ACTIVATION,
        "multiplies negative sums by 1/4 instead of 1/8",
        NetworkRun("conv2", leaky_place="before_requant", simulators=BOTH),
    ),
    bug(
        ("leaky slope term lost", "post_lane.v"),
        (
            "clipped = ((clipped <<< 3) + (clipped <<< 2) + clipped) >>> 7;",
            "clipped = ((clipped <<< 3) + (clipped <<< 2)) >>> 7;",
        ),
        Step.ACTIVATION,
        "multiplies by 12/128 instead of 13/128",
        NetworkRun("conv2", slope="13/128"),
    ),
    bug(
        ("leaky on positives", "post_lane.v"),
        ("act[1:0] != LINEAR && clipped[EDGE_W-1]) begin", "act[1:0] != LINEAR) begin"),
        Step.ACTIVATION,
        "applies the slope to positive values too",
    ),
    bug(
        ("activation twice", "post_lane.v"),
        ("if (!act_first && act[1:0]", "if (act[1:0]"),
        Step.ACTIVATION,
        "activates behind the shift although it did before it",
        NetworkRun("conv2", leaky_place="before_requant"),
    ),
    bug(
        ("activation first ignored", "post_lane.v"),
        ("if (act_first && act[1:0] != LINEAR && x", "if (1'b0 && act[1:0] != LINEAR && x"),
        Step.ACTIVATION,
        "never activates before the shift",
        NetworkRun("conv3", leaky_place="before_requant"),
    ),
    bug(
        ("saturation missing", "post_lane.v"),
        ("if (!wrap && x[WIDE_W-1:A_W-1]", "if (wrap && x[WIDE_W-1:A_W-1]"),
        Step.SATURATION,
        "keeps the low bits where the value is too large",
        GLARING,
    ),
    bug(
        ("saturation to the wrong side", "post_lane.v"),
        (
            "clipped = {{5{x[WIDE_W-1]}}, {(A_W-1){!x[WIDE_W-1]}}};",
            "clipped = {{5{!x[WIDE_W-1]}}, {(A_W-1){x[WIDE_W-1]}}};",
        ),
        Step.SATURATION,
        "takes the lowest value for the highest and the other way round",
        GLARING,
    ),
    bug(
        ("saturation a bit early", "post_lane.v"),
        (
            "x[WIDE_W-1:A_W-1] != {(WIDE_W-A_W+1){x[WIDE_W-1]}}",
            "x[WIDE_W-1:A_W-2] != {(WIDE_W-A_W+2){x[WIDE_W-1]}}",
        ),
        Step.SATURATION,
        "takes half the range for too large",
        GLARING,
    ),
)
