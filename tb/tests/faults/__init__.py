"""Tests of `tb.faults`."""
