"""Tests of `golden.study`."""
