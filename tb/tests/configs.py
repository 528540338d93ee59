"""The small designs that the suites share, so that each is compiled once a simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from golden.config import PEConfig, ProductMode
from tb.flows.fuzz.options import small_config

TINY: Final[dict[ProductMode, PEConfig]] = {mode: small_config(4, 4, mode) for mode in ProductMode}
"""A 4x4 array for each mode; between them they have every accumulator width."""

TINY_BYTES: Final[PEConfig] = replace(TINY[ProductMode.FULL], act_w=8, weight_w=8, acc_w=32)
"""The same with 8-bit activations and weights."""
