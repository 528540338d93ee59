"""Tests of `golden.dataflow.timing`."""
