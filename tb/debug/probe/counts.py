"""What had gone through each stage of the PE at an event, as the probe counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Counts:
    """What had gone through each stage since the reset, at an event.

    Parameters
    ----------
    event : str
        ``start``, ``fetch`` (the tile begins to load), ``stream`` (the weights begin to load),
        ``run`` (the array takes the job), ``end``, ``clear`` or ``gave_up``.
    cycle : int
    status : int
        Of a job's end.
    acts, wgts : int
        Beats taken of the input streams.
    biases, loads : int
        Of the latter those of biases and those of weights.
    passes, pixels, sums : int
        Passes that took their weights, pixels issued, sums written.
    opened, finished, drained : int
        Output groups.
    reads, values : int
        Words read by the drain, values activated.
    entered, left : int
        Beats into the output's buffer and out of it.
    state : int
        What the stages wait for, bit by bit (`waits`).
    """

    event: str
    cycle: int
    status: int
    acts: int
    wgts: int
    biases: int
    loads: int
    passes: int
    pixels: int
    sums: int
    opened: int
    finished: int
    drained: int
    reads: int
    values: int
    entered: int
    left: int
    state: int

    def waits(self, name: str) -> int:
        """One field of the state, by the name that ``sim_top`` has for it."""
        low, bits = STATE[name]
        return self.state >> low & ((1 << bits) - 1)


STATE: Final[dict[str, tuple[int, int]]] = {
    "weights_full": (0, 1),
    "waiting_weights": (1, 1),
    "waiting_bank": (2, 1),
    "sequencing": (3, 1),
    "bank_free": (4, 2),
    "full": (6, 2),
    "reading": (8, 1),
    "read_bank": (9, 1),
    "step": (10, 1),
    "out_valid": (11, 1),
    "skid_ready": (12, 1),
    "out_tvalid": (13, 1),
    "out_tready": (14, 1),
    "act_valid": (15, 1),
    "act_ready": (16, 1),
    "wgt_valid": (17, 1),
    "wgt_ready": (18, 1),
    "loading": (19, 1),
    "fetch": (20, 3),
    "control": (23, 2),
    "pending": (25, 2),
    "wgt_taking": (27, 1),
}
"""First bit and width of each field of `Counts.state`."""
