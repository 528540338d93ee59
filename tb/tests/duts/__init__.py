"""Tests of `tb.duts`."""
