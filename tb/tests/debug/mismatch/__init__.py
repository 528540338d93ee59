"""Tests of `tb.debug.mismatch`."""
