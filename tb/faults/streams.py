"""Bugs of the inputs: skid buffers, tile memory, loaders."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import Where, bug

STREAMS: Final = (
    bug(
        ("input beat lost", "axis_skid.v"),
        ("            spare_valid <= 1'b1;\n", "            spare_valid <= SIDE_W > 1;\n"),
        Step.INPUT,
        "an input stream that has to wait loses a beat",
    ),
    bug(
        ("input beat doubled", "axis_skid.v"),
        (
            "assign s_ready = !spare_valid;",
            "assign s_ready = !spare_valid && (m_ready || !out_valid);",
        ),
        Step.INPUT,
        "a stream that has to wait hands a beat over twice",
        Where("conv3"),
    ),
    bug(
        ("base address ignored", "conv_pe.v"),
        (".in_base(fetch_base[ADDR_W-1:0]), .in_words", ".in_base({ADDR_W{1'b0}}), .in_words"),
        Step.INPUT,
        "every tile is loaded at address 0",
        Where("conv1", tiles=2, size=96),
    ),
    bug(
        ("tile overwritten", "conv_pe.v"),
        (".room(apart || !array_busy)", ".room(1'b1)"),
        Step.INPUT,
        "the next job's tile is loaded over that of the job in the array",
        Where("conv_set_1", tiles=3, size=224),
    ),
    bug(
        ("tile address too narrow", "act_loader.v"),
        ("reg [ADDR_W-1:0] address;", "reg [ADDR_W-2:0] address;"),
        Step.INPUT,
        "the upper half of the tile memory lies over the lower",
        Where("conv1", tiles=4, size=96),
    ),
)
