"""Names of the figures that the probe writes side by side, in its order."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

SETTINGS: Final = (
    *("in_size", "out_size", "channels", "kernel", "post", "pool", "in_groups", "out_groups"),
    *("read_w", "read_h", "row_pitch", "origin"),
)
CORE: Final = (
    *("in_groups", "out_groups", "own", "in_w", "in_h", "out_w", "out_h", "kw", "kh"),
    *("stride_2", "pad_top", "pad_left", "row_pitch", "origin"),
)
READOUT: Final = ("width", "height", "out_width", "out_height", "size", "stride_2", "upsample")
PORTS: Final = (
    *(f"compute.{name}" for name in CORE),
    *(f"drainer.{name}" for name in (*READOUT[:4], "post", "pool", "channels")),
)
"""Ports of ``conv_pe`` through which the array and the drain take a job's settings in."""
GIVEN: Final = (("in_base", "in_words"), ("passes", "out_groups"), CORE)
"""Figures that `act_loader`, `weight_loader` and `pass_sequencer` are given with a job."""
KEPT: Final = (
    ("address", "words_left"),
    ("group_passes", "passes_left", "groups_left"),
    (
        *("groups_left", "pixel_addr", "line_addr", "tap_addr", "ky_addr", "group_addr"),
        *("first_addr", "iy", "ix", "tap_y", "tap_x", "channels_left"),
    ),
)
"""Registers that they copy those to; the last one is the drain's."""
_FIELDS: Final = (
    *(("weights_full", 1), ("waiting_weights", 1), ("waiting_bank", 1), ("sequencing", 1)),
    *(("bank_free", 2), ("full", 2), ("reading", 1), ("read_bank", 1), ("step", 1)),
    *(("out_valid", 1), ("skid_ready", 1), ("out_tvalid", 1), ("out_tready", 1)),
    *(("act_valid", 1), ("act_ready", 1), ("wgt_valid", 1), ("wgt_ready", 1), ("loading", 1)),
    *(("fetch", 3), ("control", 2), ("pending", 2), ("wgt_taking", 1)),
)
_ENDS: Final = tuple(accumulate(bits for _, bits in _FIELDS))
STATE: Final[dict[str, tuple[int, int]]] = {
    name: (end - bits, bits) for (name, bits), end in zip(_FIELDS, _ENDS, strict=True)
}
"""First bit and width of each field of `events.Counts.state`, which lie one behind the other."""
