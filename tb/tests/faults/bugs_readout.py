"""Faults in what stands behind the activation: windows, upsampling, own channels."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.detection import ALONE, MISMATCH, POOLS, UPSAMPLES, catalogued, detection

READOUT: Final = (
    catalogued("edge-pixel-lost", POOLS, "^shortage: .*activated values"),
    catalogued("window-not-begun-anew", POOLS, MISMATCH, icarus="m_axis_out.*payload is known"),
    catalogued("padding-is-never-zero", POOLS, MISMATCH),
    catalogued("padding-is-always-zero", POOLS, MISMATCH),
    detection(
        ("clipped at the corner alone", "readout.v"),
        (
            "{8'd0, size} > columns || {8'd0, size} > rows",
            "{8'd0, size} > columns && {8'd0, size} > rows",
        ),
        POOLS,
        MISMATCH,
    ),
    detection(
        ("every window clipped", "readout.v"),
        ("{8'd0, size} > columns || {8'd0, size} > rows", "1'b1"),
        POOLS,
        MISMATCH,
    ),
    catalogued("windows-overlap", POOLS, MISMATCH),
    catalogued("window-rows-overlap", POOLS, MISMATCH),
    catalogued(
        "window-emitted-early",
        POOLS,
        f"{MISMATCH}|TLAST",
        icarus=f"payload is known|{MISMATCH}|TLAST",
    ),
    catalogued("row-not-repeated", UPSAMPLES, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    catalogued("column-not-repeated", UPSAMPLES, MISMATCH, icarus=f"payload is known|{MISMATCH}"),
    catalogued("another-groups-channels", ALONE, MISMATCH),
    catalogued("all-groups-passes", ALONE, "^shortage: .*WGT_EARLY"),
)
