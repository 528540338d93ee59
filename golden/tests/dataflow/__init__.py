"""Tests of `golden.dataflow`."""
