"""Tests of `golden.graph`."""
