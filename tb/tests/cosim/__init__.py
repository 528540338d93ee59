"""Tests of `tb.cosim`."""
