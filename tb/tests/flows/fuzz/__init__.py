"""Tests of `tb.flows.fuzz`."""
