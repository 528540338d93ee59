"""Tests of `tb.debug.localization`."""
