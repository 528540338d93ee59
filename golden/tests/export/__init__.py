"""Tests of `golden.export`."""
