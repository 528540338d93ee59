"""Tests of `golden.study.retune`."""
