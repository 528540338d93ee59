"""Tests of `golden.stimulus`."""
