"""Tests of `tb.debug.probe.run`."""
