"""Tests of `tb.debug.trace`."""
