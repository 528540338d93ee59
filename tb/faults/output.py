"""Bugs of the output stream: its lanes, its TKEEP and its TLAST."""

from __future__ import annotations

from typing import Final

from tb.duts.conv_pe.pipeline_steps import Step
from tb.faults.bug import Where, bug

OUTPUT: Final = (
    bug(
        ("lanes swapped", "output_stage.v"),
        (".highest(highest[o*A_W +: A_W])", ".highest(highest[(o ^ 1)*A_W +: A_W])"),
        Step.OUTPUT,
        "even and odd lanes have each other's place on the output",
        Where("conv1"),
    ),
    bug(
        ("dead lane kept", "drain.v"),
        ("{16'd0, bank_channels} > lane", "{16'd0, bank_channels} >= lane"),
        Step.OUTPUT,
        "TKEEP of the last group has one lane too many",
        Where("pred_2", tiles=None),
    ),
    bug(
        ("TLAST after every group", "drain.v"),
        ("word_last   <= last_read && bank_final;", "word_last   <= last_read;"),
        Step.OUTPUT,
        "TLAST stands at the end of every output group, not of the job",
        Where("conv1"),
    ),
)
