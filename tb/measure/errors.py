"""What makes ``make bench`` red."""

from __future__ import annotations


class MeasureError(RuntimeError):
    """A measurement failed; the text says in one line which and why."""
