"""The error that bad files and bad data raise."""

from __future__ import annotations


class InputError(ValueError):
    """A file or tensor that cannot be used; one line says what, where and the cure."""
