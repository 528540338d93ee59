"""Tests of `tb.flows.sim`."""
