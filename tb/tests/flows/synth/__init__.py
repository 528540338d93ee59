"""Tests of `tb.flows.synth`."""
