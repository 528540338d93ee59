"""Tests of `tb.flows`."""
