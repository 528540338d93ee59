"""Tests of `tb.debug.gtkwave`."""
