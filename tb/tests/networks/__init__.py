"""Tests of `tb.networks`."""
