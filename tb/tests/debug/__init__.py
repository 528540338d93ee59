"""Tests of `tb.debug`."""
