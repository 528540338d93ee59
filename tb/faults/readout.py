"""Bugs of what reads the sums out, windows, upsampling, banks, and of the output stream."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import NetworkRun, bug

EVERY_LAYER: Final = NetworkRun("", size=32)
"""One tile of each layer: jobs behind one another with settings of their own."""

READOUT: Final = (
    bug(
        ("arithmetic of the next job", "drain.v"),
        ("assign read_post = bank_post;", "assign read_post = post;"),
        Step.DRAIN,
        "rounds and activates as the job in the array asks, not the one that drains",
        EVERY_LAYER,
    ),
    bug(
        ("size of the next job", "drain.v"),
        (".width(bank_width)", ".width(width)"),
        Step.DRAIN,
        "reads the bank with the width of the job in the array",
        EVERY_LAYER,
    ),
    bug(
        ("last word of the other bank", "compute_core.v"),
        (".drained_bank(word_bank)", ".drained_bank(drain_bank)"),
        Step.DRAIN,
        "chooses the bank a cycle early: the last word of a group is another's",
        NetworkRun("conv4"),
    ),
    bug(
        ("row not repeated", "readout.v"),
        ("stay_y     = upsample && !again_y;", "stay_y     = upsample && again_y;"),
        Step.DRAIN,
        "upsampling repeats no row",
        NetworkRun("conv_1x1_2"),
    ),
    bug(
        ("column not repeated", "readout.v"),
        ("stay_x     = upsample && !again_x;", "stay_x     = 1'b0;"),
        Step.DRAIN,
        "upsampling repeats no column",
        NetworkRun("conv_1x1_2", size=96),
    ),
    bug(
        ("edge pixel lost", "readout.v"),
        ("{8'd0, wx} + 10'd1 == columns", "{8'd0, wx} + 10'd2 == columns"),
        Step.POOL,
        "the last window of a row loses a column",
        NetworkRun("conv1"),
    ),
    bug(
        ("window row lost", "readout.v"),
        ("window_end = wy == size - 2'd1", "window_end = wy == 2'd0"),
        Step.POOL,
        "a window has one row",
    ),
    bug(
        ("windows overlap", "readout.v"),
        ("hop_x    = stride_2 ? 2 : 1;", "hop_x    = 1;"),
        Step.POOL,
        "windows go on by one column where two are asked for",
        NetworkRun("conv3"),
    ),
    bug(
        ("window rows overlap", "readout.v"),
        ("hop_y    = stride_2 ? pitch << 1 : pitch;", "hop_y    = pitch;"),
        Step.POOL,
        "windows go on by one row where two are asked for",
        NetworkRun("conv4"),
    ),
    bug(
        ("window not begun anew", "post_lane.v"),
        ("gather_first ? start : highest", "gather_first && 1'b0 ? start : highest"),
        Step.POOL,
        "the maximum of a window starts from that of the one before",
    ),
    bug(
        ("window emitted early", "drain.v"),
        ("word_emit   <= window_last;", "word_emit   <= window_first;"),
        Step.POOL,
        "a window leaves with its first value",
        NetworkRun("conv3"),
    ),
    bug(
        ("maximum unsigned", "post_lane.v"),
        ("larger = x > y ? x : y;", "larger = $unsigned(x) > $unsigned(y) ? x : y;"),
        Step.POOL,
        "takes negative values for larger than positive ones",
    ),
    bug(
        ("padding is never zero", "post_lane.v"),
        ("start = gather_floor ?", "start = gather_floor && 1'b0 ?"),
        Step.POOL,
        "zeros of the padding do not count in the maximum",
        NetworkRun("conv6", pool_pad="zero"),
    ),
    bug(
        ("padding is always zero", "drain.v"),
        ("word_floor  <= clipped && bank_pool[7];", "word_floor  <= clipped;"),
        Step.POOL,
        "zeros of the padding count in the maximum where they must not",
        NetworkRun("conv6"),
    ),
)

OUTPUT: Final = (
    bug(
        ("lanes swapped", "output_stage.v"),
        (".highest(highest[o*A_W +: A_W])", ".highest(highest[(o ^ 1)*A_W +: A_W])"),
        Step.OUTPUT,
        "even and odd lanes have each other's place on the output",
        NetworkRun("conv1"),
    ),
    bug(
        ("dead lane kept", "drain.v"),
        ("{16'd0, bank_channels} > lane", "{16'd0, bank_channels} >= lane"),
        Step.OUTPUT,
        "TKEEP of the last group has one lane too many",
        NetworkRun("pred_2", tiles=None),
    ),
    bug(
        ("TLAST after every group", "drain.v"),
        ("word_last   <= last_read && bank_final;", "word_last   <= last_read;"),
        Step.OUTPUT,
        "TLAST stands at the end of every output group, not of the job",
        NetworkRun("conv1"),
    ),
)
"""Lanes, TKEEP and TLAST of the output stream."""
