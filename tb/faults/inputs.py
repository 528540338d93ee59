"""Bugs of what comes into the array: streams, descriptor, loop nest, addresses, padding."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import BOTH, NetworkRun, bug

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
        NetworkRun("conv3"),
    ),
    bug(
        ("base address ignored", "conv_pe.v"),
        (".in_base(fetch_base[ADDR_W-1:0]), .in_words", ".in_base({ADDR_W{1'b0}}), .in_words"),
        Step.INPUT,
        "every tile is loaded at address 0",
        NetworkRun("conv1", tiles=2, size=96),
    ),
    bug(
        ("tile overwritten", "conv_pe.v"),
        (".room(apart || !array_busy)", ".room(1'b1)"),
        Step.INPUT,
        "the next job's tile is loaded over that of the job in the array",
        NetworkRun("conv_set_1", tiles=3, size=224),
    ),
    bug(
        ("tile address too narrow", "act_loader.v"),
        ("reg [ADDR_W-1:0] address;", "reg [ADDR_W-2:0] address;"),
        Step.INPUT,
        "the upper half of the tile memory lies over the lower",
        NetworkRun("conv1", tiles=4, size=96),
    ),
    bug(
        ("tile read lost to a write", "compute_core.v"),
        (".rd_en(issue && advance), ", ".rd_en(issue && advance && !wr_en), "),
        Step.INPUT,
        "the array does not read the tile memory while the next job's tile is written",
        NetworkRun("conv1", tiles=2, size=96, simulators=BOTH),
    ),
)
"""Skid buffers, tile memory, loaders."""

LOOP_NEST: Final = (
    bug(
        ("padding field wrong", "conv_pe.v"),
        (".pad_top(array_kernel[15:12])", ".pad_top(array_kernel[19:16])"),
        Step.CONTROL,
        "the array reads the lower padding for the upper",
        NetworkRun("conv2", size=96),
        adjacent=Step.SEQUENCER,
    ),
    bug(
        ("size of the job behind", "conv_pe.v"),
        (
            ".in_w(array_in_size[9:0]), .in_h(array_in_size[25:16]),",
            ".in_w(fetch_in_size[9:0]), .in_h(fetch_in_size[25:16]),",
        ),
        Step.CONTROL,
        "the array has the tile size of the descriptor fetched last",
        NetworkRun("", size=32, simulators=BOTH),
        adjacent=Step.SEQUENCER,
    ),
    bug(
        ("launched too early", "conv_pe.v"),
        (".array_free(!array_busy && ", ".array_free("),
        Step.CONTROL,
        "a job goes into the array while the one before still computes",
        NetworkRun("conv1", tiles=2, size=96),
    ),
    bug(
        ("width one short", "job_check.v"),
        (": steps_w[10:0] + 11'd1;", ": steps_w[10:0];"),
        Step.CONTROL,
        "one column of the output fewer than there are",
        NetworkRun("conv4"),
    ),
    bug(
        ("channels not rounded up", "job_check.v"),
        ("(out_channels + P_OC[15:0] - 16'd1) >> OC_SHIFT", "out_channels >> OC_SHIFT"),
        Step.CONTROL,
        "the last output group is left out where it is not full",
        NetworkRun("pred_2", tiles=None),
    ),
    bug(
        ("origin from the wrong pad", "job_check.v"),
        ("factor_b = {8'd0, pad_top};", "factor_b = {8'd0, pad_bottom};"),
        Step.CONTROL,
        "the first address steps back by the rows of the lower padding",
        NetworkRun("conv2", size=96),
        adjacent=Step.SEQUENCER,
    ),
    bug(
        ("all groups' passes", "job_check.v"),
        ("pass_groups = own ? 12'd1 : in_groups;", "pass_groups = in_groups;"),
        Step.CONTROL,
        "a pool on its own expects the weights of a convolution",
        NetworkRun("pool5"),
    ),
    bug(
        ("padding off by one", "pass_sequencer.v"),
        ("outside      = ix < 13'sd0", "outside      = ix < -13'sd1"),
        Step.SEQUENCER,
        "reads the input where the left padding is",
        NetworkRun("conv2", simulators=("verilator", "icarus")),
    ),
    bug(
        ("top padding off by one", "pass_sequencer.v"),
        ("|| iy < 13'sd0", "|| iy < -13'sd1"),
        Step.SEQUENCER,
        "reads the input where the upper padding is",
        NetworkRun("", size=32),
    ),
    bug(
        ("right padding off by one", "pass_sequencer.v"),
        ("ix >= $signed({3'd0, in_w})", "ix > $signed({3'd0, in_w})"),
        Step.SEQUENCER,
        "reads the next row where the right padding is",
        NetworkRun("conv3"),
    ),
    bug(
        ("wrong tap order", "pass_sequencer.v"),
        (
            "                tap_addr   <= tap_addr + word_step;\n"
            "                line_addr  <= tap_addr + word_step;\n"
            "                pixel_addr <= tap_addr + word_step;\n",
            "                tap_addr   <= tap_addr + row_pitch;\n"
            "                line_addr  <= tap_addr + row_pitch;\n"
            "                pixel_addr <= tap_addr + row_pitch;\n",
        ),
        Step.SEQUENCER,
        "the next kernel column goes a row down instead of a pixel to the right",
    ),
    bug(
        ("row step from its end", "pass_sequencer.v"),
        ("pixel_addr <= line_addr + row_step;", "pixel_addr <= pixel_addr + row_step;"),
        Step.SEQUENCER,
        "the next row begins below the end of the last",
        NetworkRun("conv3"),
    ),
    bug(
        ("wrong channel group", "pass_sequencer.v"),
        (
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr + 1'b1;",
            "in_group   <= in_group + 12'd1;\n                    group_addr <= group_addr;",
        ),
        Step.SEQUENCER,
        "the third input group reads the words of the second",
    ),
    bug(
        ("kernel row lost", "pass_sequencer.v"),
        ("ky_end      = ky == kh - 4'd1;", "ky_end      = ky == kh - 4'd2;"),
        Step.SEQUENCER,
        "the last row of the kernel has no passes",
        NetworkRun("conv4"),
    ),
    bug(
        ("pixel counter too narrow", "pass_sequencer.v"),
        ("reg [PIXEL_W-1:0] pixel_count;", "reg [PIXEL_W-2:0] pixel_count;"),
        Step.SEQUENCER,
        "the second half of a full bank lies over the first",
        NetworkRun("conv1", size=96),
    ),
    bug(
        ("group counter too narrow", "pass_sequencer.v"),
        ("reg [11:0]       in_group;", "reg [4:0]        in_group;"),
        Step.SEQUENCER,
        "beyond 32 input groups the loop nest never ends",
        NetworkRun("conv6", size=32),
    ),
    bug(
        ("another group's channels", "pass_sequencer.v"),
        ("own ? first_addr + 1'b1 : first_addr;", "first_addr;"),
        Step.SEQUENCER,
        "a pool on its own reads the first channel group for all",
        NetworkRun("pool5"),
    ),
)
"""Descriptor, loop nest, addresses, padding."""
