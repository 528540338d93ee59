"""Tests of `tb.flows.benchmark`."""
