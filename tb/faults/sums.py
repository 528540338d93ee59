"""Bugs of the sums: weights, array, bias, accumulator."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import BOTH, NetworkRun, bug

SUMS: Final = (
    bug(
        ("stale weights", "mac_array.v"),
        ("if (lane_load[o])", "if (lane_load[o] && !swap)"),
        Step.WEIGHTS,
        "the shadow misses a beat that comes as it is taken: lane 0 keeps old weights",
        NetworkRun("conv2", simulators=BOTH),
    ),
    bug(
        ("weights overwritten", "weight_loader.v"),
        (": !weights_full || swap_weights;", ": 1'b1;"),
        Step.WEIGHTS,
        "a full shadow does not wait for its swap",
    ),
    bug(
        ("weights of another lane", "weight_loader.v"),
        ("beat_wide == lane;", "beat_wide == (lane ^ 1);"),
        Step.WEIGHTS,
        "even and odd lanes load each other's weights",
        NetworkRun("conv3"),
    ),
    bug(
        ("weight passes one short", "weight_loader.v"),
        ("            group_passes <= passes;", "            group_passes <= passes - 18'd1;"),
        Step.WEIGHTS,
        "from the second output group on, the loader takes one pass too few for weights",
        NetworkRun("conv2", simulators=BOTH),
    ),
    bug(
        ("weight sign lost", "mac_array.v"),
        ("<= {{(32-W_W){shadow[j*W_W + W_W - 1]}}, shadow", "<= {{(32-W_W){1'b0}}, shadow"),
        Step.ARRAY,
        "widens weights with zeros instead of their sign",
        NetworkRun("conv1"),
    ),
    bug(
        ("activation sign lost", "mac_array.v"),
        ("{{(32-A_W){word[i*A_W + A_W - 1]}}, word", "{{(32-A_W){1'b0}}, word"),
        Step.ARRAY,
        "widens activations with zeros instead of their sign",
    ),
    bug(
        ("multiplier stuck", "mac_array.v"),
        ("act[i*32 +: 32] <= outside ?", "act[i*32 +: 32] <= outside || i == 2 ?"),
        Step.ARRAY,
        "the third operand is always zero",
        NetworkRun("conv3"),
    ),
    bug(
        ("multiplier miswired", "mac_array.v"),
        (
            "total = total + $signed(act[k*32 +: 32])",
            "total = total + $signed(act[(o == 1 && k == 2 ? 3 : k)*32 +: 32])",
        ),
        Step.ARRAY,
        "one multiplier of lane 1 has its neighbour's operand",
        NetworkRun("conv4"),
    ),
    bug(
        ("dot too narrow", "mac_array.v"),
        ("reg signed [DOT_W-1:0] total;", "reg signed [23:0] total;"),
        Step.ARRAY,
        "the lane's adder tree has 24 bits: large sums wrap",
        NetworkRun("conv1"),
    ),
    bug(
        ("product byte wrong", "mac_array.v"),
        (
            "{{(DOT_W-16){product[23]}}, product[23:8]}",
            "{{(DOT_W-16){product[24]}}, product[24:9]}",
        ),
        Step.ARRAY,
        "the cut product is taken a bit too high",
        NetworkRun("conv2", mode="cut_floor", format="q7.8"),
    ),
    bug(
        ("product half wrong", "mac_array.v"),
        ("MODE == 2 ? 32'd128 : 32'd0;", "MODE == 2 ? 32'd256 : 32'd0;"),
        Step.ARRAY,
        "rounds the cut product with a whole LSB",
        NetworkRun("conv2", mode="cut_round", format="q7.8"),
    ),
    bug(
        ("bias of the previous group", "compute_core.v"),
        (
            "assign swap_bias       = valid_2 && pass_first_2 && group_first_2;",
            "assign swap_bias       = valid_3 && group_last_3;",
        ),
        Step.BIAS,
        "biases are taken at the end of a group instead of its start",
    ),
    bug(
        ("bias high half lost", "accumulator.v"),
        ("<= bias_shadow[o*64 + 32 +: HIGH_W];", "<= {HIGH_W{1'b0}};"),
        Step.BIAS,
        "negative biases lose their sign",
        NetworkRun("conv5"),
    ),
    bug(
        ("biases shifted the wrong way", "accumulator.v"),
        (
            "bias_shadow <= {beat, bias_shadow[P_OC*64-1:BEAT_W]};",
            "bias_shadow <= {bias_shadow[P_OC*64-BEAT_W-1:0], beat};",
        ),
        Step.BIAS,
        "lanes have their biases in reverse order",
        NetworkRun("conv1"),
    ),
    bug(
        ("accumulator not cleared", "accumulator.v"),
        ("low  = first ? low_bias", "low  = first && 1'b0 ? low_bias"),
        Step.ACCUMULATOR,
        "a sum starts from what the bank held, not from the bias",
        NetworkRun("conv2", simulators=BOTH),
    ),
    bug(
        ("dot sign lost", "accumulator.v"),
        ("{{(WIDE_W-DOT_W+1){term[DOT_W-1]}}, term", "{{(WIDE_W-DOT_W+1){1'b0}}, term"),
        Step.ACCUMULATOR,
        "adds dot products widened with zeros instead of their sign",
        NetworkRun("conv1"),
    ),
    bug(
        ("high half of the other bank", "accumulator.v"),
        (": add_bank ? high_1[", ": !add_bank ? high_1["),
        Step.ACCUMULATOR,
        "low and high half of a sum come from different banks",
        NetworkRun("conv3"),
    ),
    bug(
        ("bank a stage early", "compute_core.v"),
        (".add_bank(bank_3)", ".add_bank(bank_2)"),
        Step.ACCUMULATOR,
        "the last sum of a group goes into the next group's bank",
        NetworkRun("conv_1x1_2"),
    ),
    bug(
        ("last sum not written", "compute_core.v"),
        (".add(valid_3), .first", ".add(valid_3 && !group_last_3), .first"),
        Step.ACCUMULATOR,
        "the last pixel of a group lacks its last contribution",
        NetworkRun("conv_1x1_2"),
    ),
)
