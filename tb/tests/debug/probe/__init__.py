"""Tests of `tb.debug.probe`."""
