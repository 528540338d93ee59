"""Faults put in on purpose, each of which must turn the run red."""

from __future__ import annotations

from typing import Final

from tb.faults.catalogue import find

ROUNDING_PATCH: Final = find("rounding").patch
"""Adds a whole LSB before the shift where half of one belongs."""
