"""Faults in what stands behind the activation: windows, upsampling, own channels."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.fault import ALONE, MISMATCH, POOLS, UPSAMPLES, fault, known

READOUT: Final = (
    known("edge-pixel-lost", POOLS, "^shortage: .*activated values"),
    known("window-not-begun-anew", POOLS, MISMATCH, icarus="m_axis_out.*payload is known"),
    known("padding-is-never-zero", POOLS, MISMATCH),
    known("padding-is-always-zero", POOLS, MISMATCH),
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
    known("windows-overlap", POOLS, MISMATCH),
    known("window-rows-overlap", POOLS, MISMATCH),
    known(
        "window-emitted-early",
        POOLS,
        f"{MISMATCH}|TLAST",
        icarus=f"payload is known|{MISMATCH}|TLAST",
    ),
    known("row-not-repeated", UPSAMPLES, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    known("column-not-repeated", UPSAMPLES, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    known("another-groups-channels", ALONE, MISMATCH),
    known("all-groups-passes", ALONE, "^shortage: .*WGT_EARLY"),
)
